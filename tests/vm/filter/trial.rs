//! One ruleset in a namespace: packets are sent one by one, and the counters of the rules before and after each are held against the model.

use super::generate::{Flow, Plan, Way};
use crate::Fallible;
use crate::lines;
use crate::namespace::Namespace;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, sendto,
    setsockopt, socket, sockopt,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::time::Duration;
use vti_diagnostics::collect;
use vti_diagnostics::snapshot::filter::{Hook, Ruleset};
use vti_diagnostics::text::{self, Text};
use vti_diagnostics::way::around::filter::{Device, Fate, Filter, Met, Packet, hook, rule_name};

/// The router, and the hosts behind its devices.
pub struct Place {
    router: Namespace,
    sender: Namespace,
}

pub enum Trial {
    /// nft refused the ruleset.
    Refused(String),
    /// One for each packet.
    Ran(Vec<OfPacket>),
}

/// What became of one packet.
pub struct OfPacket {
    /// What the model says.
    pub end: &'static str,
    /// Why it does not know.
    pub open: Option<String>,
    /// Where the kernel says otherwise.
    pub differences: Vec<String>,
}

/// Both ends of a link without neighbours have the same address: each accepts what the other sends.
const SETUP: &str = "
ip link add lan0 address 02:00:00:00:00:01 arp off type veth peer name s0 netns filter-sender address 02:00:00:00:00:01
ip link add wan0 address 02:00:00:00:00:02 arp off type veth peer name w0 netns filter-sender address 02:00:00:00:00:03
ip link add vti1 arp off type dummy
ip -n filter-sender link set s0 arp off
ip -n filter-sender link set s0 up
ip -n filter-sender link set w0 up
ip link set lo up
ip link set lan0 up
ip link set wan0 up
ip link set vti1 up
ip address add 10.1.0.1/32 dev lan0
ip address add 10.2.0.1/32 dev wan0
ip address add fd00:1::1/128 dev lan0 nodad
ip address add fd00:2::1/128 dev wan0 nodad
ip route add 10.2.0.0/16 dev wan0
ip route add 10.3.0.0/16 dev vti1
ip route add fd00:2::/64 dev wan0
ip route add fd00:3::/64 dev vti1
ip -n filter-sender address add 10.8.0.1/32 dev s0
ip -n filter-sender address add fd00:8::1/128 dev s0 nodad
ip -n filter-sender route add default dev s0
ip -n filter-sender route add ::/0 dev s0
";

const SYSCTLS: [(&str, &str); 5] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/lan0/rp_filter", "0"),
    ("net/ipv4/conf/lan0/accept_local", "1"),
];

impl Place {
    pub fn new() -> Fallible<Place> {
        let place = Place {
            router: Namespace::new("filter-router")?,
            sender: Namespace::new("filter-sender")?,
        };
        place.router.within(|| {
            lines::run(SETUP)?;
            for (path, value) in SYSCTLS {
                std::fs::write(format!("/proc/sys/{path}"), value)
                    .map_err(|error| format!("cannot write {path}: {error}"))?;
            }
            Ok(())
        })?;
        Ok(place)
    }

    /// Runs one ruleset.
    pub fn run(&self, plan: &Plan) -> Fallible<Trial> {
        let refused = self.router.within(|| nft(&format!("flush ruleset\n{}", plan.ruleset)))?;
        if let Some(why) = refused {
            return Ok(Trial::Refused(why));
        }
        let mut of_packets = Vec::new();
        for flow in &plan.flows {
            let mut of_packet = self.send(flow)?;
            if !of_packet.differences.is_empty() {
                // A multicast listener report of the kernel's own may have come between.
                let again = self.send(flow)?;
                if again.differences.is_empty() {
                    of_packet = again;
                }
            }
            of_packets.push(of_packet);
        }
        Ok(Trial::Ran(of_packets))
    }

    fn send(&self, flow: &Flow) -> Fallible<OfPacket> {
        let (ruleset, printed) = self.router.within(|| Ok((read()?, as_printed()?)))?;
        let predicted = predict(&ruleset, flow)?;
        let of_text = predict(&printed, flow)?;
        let namespace = if flow.way == Way::Output { &self.router } else { &self.sender };
        namespace.within(|| send(flow))?;
        let mut differences = Vec::new();
        for attempt in 0..3 {
            let after = self.router.within(read)?;
            differences = predicted.compare(&ruleset, &after);
            if differences.is_empty() {
                break;
            }
            // The packet may still wait for a softirq.
            std::thread::sleep(Duration::from_millis(5 << attempt));
        }
        differences.extend(predicted.contradicted(&of_text));
        Ok(OfPacket { end: predicted.end, open: predicted.open, differences })
    }
}

/// The rules as `nft list ruleset` prints them, read as any text.
fn as_printed() -> Fallible<Ruleset> {
    let output = Command::new("nft")
        .args(["list", "ruleset"])
        .output()
        .map_err(|error| format!("cannot run nft: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let text = format!("root@router:~# nft list ruleset\n{printed}root@router:~#\n");
    let given = Text { name: "nft".into(), text, is_whole: false };
    let reading = text::read(&[given]).map_err(|error| error.to_string())?;
    let now = reading.snapshots.into_iter().next_back().ok_or("no snapshot")?;
    now.filter.map_err(|missing| format!("what nft prints: {missing}"))
}

fn read() -> Fallible<Ruleset> {
    collect::packet_filter().map_err(|missing| missing.to_string())
}

/// Loads a ruleset; why nft refuses it.
pub fn nft(text: &str) -> Fallible<Option<String>> {
    let output = lines::fed(Command::new("nft").args(["-f", "-"]), text)
        .map_err(|error| format!("cannot run nft: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((!output.status.success()).then_some(said))
}

/// A rule in a ruleset.
type Key = (String, u64);

/// What the model says of a packet.
struct Predicted {
    end: &'static str,
    open: Option<String>,
    /// How often each rule is met: at least, and at most.
    met: BTreeMap<Key, (u64, u64)>,
}

fn predict(ruleset: &Ruleset, flow: &Flow) -> Fallible<Predicted> {
    let index = |name: &str| match name {
        "lan0" => 2,
        "wan0" => 3,
        _ => 4,
    };
    let device = |name: &str| Device::Known { name: name.to_owned(), ifindex: index(name) };
    let mut packet =
        Packet::any(flow.source, flow.destination).with_ports(flow.protocol, flow.ports);
    packet.length = Some(bytes(flow).len() as u32);
    packet.tos = Some(flow.tos);
    packet.mark = Some(flow.mark);
    packet.dont_fragment = Some(true);
    let text = flow.destination.to_string();
    let output =
        if text.starts_with("10.3.") || text.starts_with("fd00:3:") { "vti1" } else { "wan0" };
    // An address of another device would do, too: which one is not of this test.
    packet.masquerade = None;
    let hooks: &[Hook] = match flow.way {
        Way::Forward => &[Hook::Prerouting, Hook::Forward, Hook::Postrouting],
        Way::Input => &[Hook::Prerouting, Hook::Input],
        Way::Output => &[Hook::Output, Hook::Postrouting],
    };
    let filter = Filter::new(ruleset);
    let mut predicted = Predicted { end: "passes", open: None, met: BTreeMap::new() };
    let mut certain = true;
    for at in hooks {
        packet.input = match at {
            Hook::Prerouting | Hook::Input | Hook::Forward => device("lan0"),
            _ => Device::None,
        };
        packet.output = match at {
            Hook::Prerouting | Hook::Input => Device::None,
            _ => device(output),
        };
        // A forwarded packet keeps the device that it came by (`ip_output()` names it since 5.7).
        if flow.way == Way::Forward && *at == Hook::Postrouting {
            packet.input = device("lan0");
        }
        let mut met = Vec::new();
        let fate = hook(&filter, *at, &mut packet, &mut met);
        for Met { chain, rule, is_certain } in met {
            let key =
                (format!("{} {} {}", chain.family.name(), chain.table, chain.chain), rule.handle);
            let counts = predicted.met.entry(key).or_default();
            counts.0 += u64::from(certain && is_certain);
            counts.1 += 1;
        }
        match fate {
            Fate::Passes => {}
            Fate::Dropped(_) => {
                predicted.end = if certain { "dropped" } else { "open" };
                return Ok(predicted);
            }
            Fate::Unknown(_, doubt) => {
                certain = false;
                let rule = doubt.of.into_owned();
                predicted.open.get_or_insert(rule);
                predicted.end = "open";
            }
        }
    }
    Ok(predicted)
}

impl Predicted {
    /// Where the rules as nft prints them lead elsewhere. That they lead to no certain end is no error: nft has words that are not read.
    fn contradicted(&self, of_text: &Predicted) -> Option<String> {
        let is_same = of_text.end == self.end || of_text.end == "open";
        (!is_same).then(|| {
            format!("by what nft prints: {}, by what the kernel says: {}", of_text.end, self.end)
        })
    }

    fn compare(&self, before: &Ruleset, after: &Ruleset) -> Vec<String> {
        let counts = |ruleset: &Ruleset| -> BTreeMap<Key, (u64, String)> {
            let rules = ruleset
                .chains
                .iter()
                .flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)));
            let counted = rules.filter_map(|(chain, rule)| {
                let packets = rule.counter()?.packets;
                let of = format!("{} {} {}", chain.family.name(), chain.table, chain.chain);
                Some(((of, rule.handle), (packets, rule_name(chain, Some(rule)))))
            });
            counted.collect()
        };
        let (before, after) = (counts(before), counts(after));
        let mut differences = Vec::new();
        for (key, (packets, name)) in &after {
            let risen = packets - before.get(key).map_or(0, |(packets, _)| *packets);
            let (least, most) = self.met.get(key).copied().unwrap_or_default();
            if !(least..=most).contains(&risen) {
                differences.push(format!("{name} counted {risen}, expected {least} to {most}"));
            }
        }
        differences
    }
}

/// The packet as it is sent: the kernel fills in the checksum of IPv4.
fn bytes(flow: &Flow) -> Vec<u8> {
    let payload = behind_the_header(flow);
    let mut packet = Vec::new();
    match (flow.source, flow.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = 20 + payload.len() as u16;
            packet.extend([0x45, flow.tos]);
            packet.extend(length.to_be_bytes());
            packet.extend([0, 1, 0x40, 0, 64, flow.protocol, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
        }
        (source, destination) => {
            packet.extend([0x60 | flow.tos >> 4, flow.tos << 4, 0, 0]);
            packet.extend((payload.len() as u16).to_be_bytes());
            packet.extend([flow.protocol, 64]);
            for address in [source, destination] {
                if let IpAddr::V6(address) = address {
                    packet.extend(address.octets());
                }
            }
        }
    }
    packet.extend(payload);
    packet
}

fn behind_the_header(flow: &Flow) -> Vec<u8> {
    let mut payload = Vec::new();
    let ports = [flow.ports.0.to_be_bytes(), flow.ports.1.to_be_bytes()].concat();
    match flow.protocol {
        6 => {
            payload.extend(ports);
            // A SYN.
            payload.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
        }
        17 => {
            payload.extend(ports);
            payload.extend((8 + flow.size).to_be_bytes());
            payload.extend([0, 0]);
        }
        1 | 58 => payload.extend([flow.ports.0 as u8, flow.ports.1 as u8, 0, 0, 0, 7, 0, 1]),
        50 => {
            payload.extend(ports);
            payload.extend([0, 0, 0, 1]);
        }
        // GRE with nothing but a protocol.
        _ => payload.extend(ports),
    }
    payload.resize(payload.len() + usize::from(flow.size), 0);
    if !matches!(flow.protocol, 50 | 47) {
        let at = match flow.protocol {
            6 => 16,
            17 => 6,
            _ => 2,
        };
        let sum = checksum(flow, &payload).to_be_bytes();
        payload.iter_mut().skip(at).zip(sum).for_each(|(byte, new)| *byte = new);
    }
    payload
}

/// The checksum of the Internet (RFC 1071), with the pseudo header where the protocol has one: connection tracking checks it.
fn checksum(flow: &Flow, payload: &[u8]) -> u16 {
    let mut bytes = Vec::new();
    if flow.protocol != 1 {
        for address in [flow.source, flow.destination] {
            match address {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                IpAddr::V6(address) => bytes.extend(address.octets()),
            }
        }
        bytes.extend((payload.len() as u32).to_be_bytes());
        bytes.extend([0, 0, 0, flow.protocol]);
    }
    bytes.extend(payload);
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        let (high, low) = (pair.first().copied(), pair.get(1).copied());
        sum += u32::from(high.unwrap_or(0)) << 8 | u32::from(low.unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn send(flow: &Flow) -> Fallible<()> {
    let failed = |errno: nix::errno::Errno| format!("cannot send {flow:?}: {errno}");
    let family =
        if flow.destination.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    // IPPROTO_RAW: the header is the sender's.
    let descriptor: OwnedFd =
        socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw).map_err(failed)?;
    if flow.mark != 0 {
        setsockopt(&descriptor, sockopt::Mark, &flow.mark).map_err(failed)?;
    }
    let (bytes, raw) = (bytes(flow), descriptor.as_raw_fd());
    // A rule in OUTPUT that drops it says EPERM.
    let _ = match flow.destination {
        IpAddr::V4(address) => {
            let to = SockaddrIn::from(SocketAddrV4::new(address, 0));
            sendto(raw, &bytes, &to, MsgFlags::empty())
        }
        IpAddr::V6(address) => {
            let to = SockaddrIn6::from(SocketAddrV6::new(address, 0, 0, 0));
            sendto(raw, &bytes, &to, MsgFlags::empty())
        }
    };
    Ok(())
}
