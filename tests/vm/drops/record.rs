//! `run drops record`: prints what the kernel's drop monitor sends, for tests/drops: lines `RECORD datagram`, in hexadecimal.

use super::Options;
use super::scenes::{OUTER, tunnel};
use super::session::Session;
use crate::Fallible;
use crate::case::End;
use crate::lines;
use crate::namespace::Namespace;
use crate::traffic::{self, Traffic};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// The group of NET_DM, which has the first number of all.
const EVENTS: u32 = 1;

/// One alert of each kind, and one that is no affair of tunnels.
pub fn record(_: &Options) -> Fallible<Vec<String>> {
    let peer = Namespace::new("peer")?;
    let tunnels: String = [(1, "vti"), (2, "xfrm"), (3, "xfrm"), (4, "xfrm")]
        .iter()
        .map(|(number, driver)| tunnel(*number, driver))
        .collect();
    let faults = "
ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 dir out mark 1
ip xfrm state delete src 192.0.2.1 dst 192.0.2.102 proto esp spi 0x102
ip xfrm state delete src 192.0.2.1 dst 192.0.2.104 proto esp spi 0x104
ip xfrm state add src 192.0.2.1 dst 192.0.2.104 proto esp spi 0x104 reqid 4 mode tunnel if_id 4 replay-oseq 0xffffffff auth 'hmac(sha256)' 0x00 enc 'cbc(aes)' 0x000102030405060708090a0b0c0d0e0f flag af-unspec
ip -6 addr add 2001:db8::1/64 dev wan nodad
ip link add t6 type vti6 local 2001:db8::1 remote 2001:db8::6 key 6; ip link set t6 up; ip -6 route add fd66::/16 dev t6 src fd09:1::1
ip -n peer link add t0 type xfrm dev wan if_id 1; ip -n peer link set t0 up; ip -n peer addr add 10.1.0.1/32 dev lo; ip -n peer route add 10.9.0.0/16 dev t0 src 10.1.0.1
ip -n peer xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x201 reqid 1 mode tunnel if_id 1 auth 'hmac(sha256)' 0x00 enc 'cbc(aes)' 0x000102030405060708090a0b0c0d0e0f flag af-unspec
ip -n peer xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 1 tmpl src 192.0.2.2 dst 192.0.2.1 proto esp reqid 1 mode tunnel
";
    lines::script(&["set -e", OUTER, &tunnels, faults].join("\n"))?;
    let failed = |error: nix::errno::Errno| format!("cannot listen: {error}");
    let flags = SockFlag::SOCK_NONBLOCK;
    let listener =
        socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkGeneric)
            .map_err(failed)?;
    bind(listener.as_raw_fd(), &NetlinkAddr::new(0, EVENTS)).map_err(failed)?;
    let session = Session::start(&[])?;
    for to in ["10.1.0.9", "10.2.0.9", "fd03::9", "10.4.0.9", "fd66::9", "127.0.0.1"] {
        traffic::send(&Traffic::of(End::Router, to, 1), "t1")?;
        std::thread::sleep(Duration::from_millis(50));
    }
    peer.within(|| traffic::send(&Traffic::of(End::Router, "10.9.1.1", 1), "t0"))?;
    let seen = session.finish()?;
    let mut datagram = vec![0; 65_536];
    while let Ok(length) = recv(listener.as_raw_fd(), &mut datagram, MsgFlags::empty()) {
        let bytes = datagram.get(..length).unwrap_or_default();
        println!("RECORD {}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    seen.lines().iter().for_each(|line| println!("       {line}"));
    Ok(Vec::new())
}
