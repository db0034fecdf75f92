//! Records what a kernel sends, as hexadecimal datagrams for this folder. It runs in a throw-away machine only: see record.sh.
//! Output: lines `RECORD name datagram`; the names are those of the files.

use nix::sys::socket::{
    self as system, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::fmt::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use vti_diagnostics::collect;
use vti_diagnostics::snapshot::RouteQuery;
use vti_diagnostics::snapshot::filter::TableFamily;
use vti_diagnostics::wire::netlink::{self, DONE, ERROR, Request};
use vti_diagnostics::wire::{
    address, link, neighbour, nft, queue, route, rule, xfrm_info, xfrm_policy, xfrm_state,
};

const NETFILTER: SockProtocol = SockProtocol::NetlinkNetFilter;
const ROUTE: SockProtocol = SockProtocol::NetlinkRoute;
const XFRM: SockProtocol = SockProtocol::Tcp;

fn open(protocol: SockProtocol) -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = system::socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).unwrap();
    system::setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(5)).unwrap();
    socket
}

/// The datagrams that answer `request`.
fn exchange(protocol: SockProtocol, request: &[u8], dump: bool) -> Vec<Vec<u8>> {
    let (socket, kernel) = (open(protocol), NetlinkAddr::new(0, 0));
    system::sendto(socket.as_raw_fd(), request, &kernel, MsgFlags::empty()).unwrap();
    let mut datagrams = Vec::new();
    loop {
        let mut datagram = vec![0; 65536];
        let length = system::recv(socket.as_raw_fd(), &mut datagram, MsgFlags::empty()).unwrap();
        datagram.truncate(length);
        let last = netlink::messages(&datagram).map(|m| m.unwrap().kind).last();
        datagrams.push(datagram);
        if !dump || matches!(last, Some(DONE | ERROR)) {
            return datagrams;
        }
    }
}

fn record(name: &str, datagrams: &[Vec<u8>]) {
    for datagram in datagrams {
        let mut hex = String::new();
        datagram.iter().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
        #[expect(clippy::print_stdout, reason = "the recording goes to the console")]
        {
            println!("\nRECORD {name} {hex}");
        }
    }
}

/// Adds a copy of the SA with reqid 99 under another SPI for each direction, with XFRMA_SA_DIR (33), which old tools cannot set.
fn add_directed_sas(sas: &[Vec<u8>]) {
    let messages = sas.iter().flat_map(|d| netlink::messages(d)).map(Result::unwrap);
    let is_template = |payload: &[u8]| payload.get(208..212) == Some(&99_u32.to_ne_bytes());
    for message in messages.filter(|m| is_template(m.payload)) {
        for direction in [1, 2] {
            // The header, and of the attributes only the key of the lab (XFRMA_ALG_AEAD, 18) and the if_id (31).
            let header = &message.payload[..224];
            let mut request = Request::get(xfrm_state::NEWSA);
            let mut changed = header.to_vec();
            changed[75] = 0xd0 + direction;
            request = request.structure(&changed);
            let body = vti_diagnostics::wire::attribute::Field::new("NEWSA", message.payload);
            for attribute in body.attributes(224).map(Result::unwrap) {
                if matches!(attribute.kind, 18 | 31) {
                    request = request.attribute(attribute.kind, attribute.payload);
                }
            }
            let mut bytes = request.attribute(33, &[direction]).bytes(1);
            bytes[6..8].copy_from_slice(&0x0405_u16.to_ne_bytes());
            let answer = exchange(XFRM, &bytes, false);
            record("note-directed-sa", &answer);
        }
    }
}

/// What the groups told, in the order of their sockets, until nothing came for 5 s. The changes are those of record-changes.sh.
#[test]
#[ignore = "for a throw-away machine, see tests/wire/record-changes.sh"]
fn record_the_changes_of_this_kernel() {
    // RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE; XFRMNLGRP_EXPIRE, SA, POLICY.
    let groups = |numbers: &[u32]| numbers.iter().fold(0, |mask, number| mask | 1 << (number - 1));
    let sockets = [
        ("route_changes", open(ROUTE), groups(&[1, 5, 7, 9, 11])),
        ("xfrm_changes", open(XFRM), groups(&[2, 3, 4])),
    ];
    for (_, socket, groups) in &sockets {
        system::bind(socket.as_raw_fd(), &NetlinkAddr::new(0, *groups)).unwrap();
    }
    std::fs::write("/tmp/listening", "").unwrap();
    for (name, socket, _) in &sockets {
        let mut datagram = vec![0; 65536];
        while let Ok(length) = system::recv(socket.as_raw_fd(), &mut datagram, MsgFlags::empty()) {
            record(name, &[datagram[..length].to_vec()]);
        }
    }
}

#[test]
#[ignore = "changes XFRM state: for a throw-away machine, see tests/wire/record.sh"]
fn record_this_kernel() {
    let dumps = |protocol, request: Request| exchange(protocol, &request.bytes(1), true);
    add_directed_sas(&dumps(XFRM, Request::dump(xfrm_state::GETSA)));
    record("links", &dumps(ROUTE, Request::dump(link::GETLINK).structure(&[0; link::HEADER])));
    let addresses = Request::dump(address::GETADDR).structure(&[0; address::HEADER]);
    record("addresses", &dumps(ROUTE, addresses));
    record("rules", &dumps(ROUTE, Request::dump(rule::GETRULE).structure(&[0; rule::HEADER])));
    record("routes", &dumps(ROUTE, Request::dump(route::GETROUTE).structure(&[0; route::HEADER])));
    let neighbours = Request::dump(neighbour::GETNEIGH).structure(&[0; neighbour::HEADER]);
    record("neighbours", &dumps(ROUTE, neighbours));
    record("queues", &dumps(ROUTE, Request::dump(queue::GETQDISC).structure(&[0; queue::HEADER])));
    record("states", &dumps(XFRM, Request::dump(xfrm_state::GETSA)));
    record("policies", &dumps(XFRM, Request::dump(xfrm_policy::GETPOLICY)));
    for request in [nft::tables(), nft::chains(), nft::sets(), nft::rules()] {
        record("nft", &dumps(NETFILTER, request));
    }
    for set in ["names", "nets", "pairs", "verdicts", "__set0", "__map0"] {
        record("nft", &dumps(NETFILTER, nft::set_elements(TableFamily::Inet, "guard", set)));
    }
    record("nft", &exchange(NETFILTER, &nft::generation().bytes(1), false));
    for (name, request) in [
        ("sadinfo", xfrm_info::size_question(xfrm_info::GETSADINFO)),
        ("spdinfo", xfrm_info::size_question(xfrm_info::GETSPDINFO)),
        ("default", xfrm_info::default_question()),
    ] {
        record(name, &exchange(XFRM, &request.bytes(1), false));
    }
    let extra = ["203.0.113.1", "203.0.113.9", "127.0.0.1", "2001:db8:1::1", "2001:db8:dead::1"];
    let extra = extra.map(|to| RouteQuery {
        destination: to.parse().unwrap(),
        source: None,
        mark: 0,
        vrf: None,
    });
    for lookup in collect::snapshot(&extra, None).route_lookups.unwrap() {
        let request = route::question(&lookup.query).bytes(1);
        record("answers", &exchange(ROUTE, &request, false));
    }
}
