//! `ip [-d] [-s [-s]] link`, and the links of `ip address`, as text. Made from the outputs of iproute2 6.1
//! (`print_linkinfo()`, `print_linktype()`, `print_stats64()`; `link_vti.c`, `link_vti6.c`, `link_xfrm.c`, `iplink_vrf.c`).

use super::entry::{Entry, NamedLink};
use super::format::{Context, Taken};
use super::ip_tunnel;
use super::lines::Line;
use super::words::{Words, address, dotted, hex, number, prefix};
use crate::snapshot::{
    Address, IfId, IpTunnelKind, Link, LinkKind, OperState, Statistics, VtiDevice, XfrmInterface,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A link has fewer lines, with its addresses.
const MOST_LINES: usize = 400;

/// What a line of a link begins with, where its indentation is lost.
const BEGINNINGS: &[&str] = &[
    "RX",
    "RX:",
    "TX",
    "TX:",
    "alias",
    "altname",
    "inet",
    "inet6",
    "valid_lft",
    "vti",
    "vti6",
    "xfrm",
    "vrf",
    "vrf_slave",
    "bridge",
    "bond",
    "vlan",
    "dummy",
    "veth",
    "tun",
    "gre",
    "gretap",
    "ipip",
    "sit",
    "ip6tnl",
    "ip6gre",
    "ip6gretap",
];

/// A line of so many columns may have been wrapped by mail, which leaves 60 to 76.
const WRAPPED: usize = 56;

/// What the lines of a wrapped header begin with.
const OF_HEADER: &[&str] = &["mtu", "qdisc", "master", "state", "mode", "group", "default", "qlen"];

/// The link that begins with this line.
pub(super) fn entry(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    // Mail wraps a header, which has about a hundred columns.
    let is_wrapped = |line: &&Line<'_>| {
        let begins = line.text.split_whitespace().next().unwrap_or_default();
        let goes_on = first.text.len() >= WRAPPED
            && !begins.starts_with("link/")
            && !BEGINNINGS.contains(&begins)
            && !begins_link(line.text)
            && begins.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        line.typed.is_none()
            && line.indent <= first.indent
            && (OF_HEADER.contains(&begins) || goes_on)
    };
    let wrapped: Vec<&Line<'_>> = rest.iter().take(3).take_while(is_wrapped).collect();
    let whole: Vec<&str> =
        std::iter::once(first.text).chain(wrapped.iter().map(|line| line.text)).collect();
    let mut named = header(&whole.join(" "))?;
    let rest = rest.get(wrapped.len()..).unwrap_or_default();
    let belongs = |before: &str, line: &Line<'_>| {
        let begins = line.text.split_whitespace().next().unwrap_or_default();
        let is_number = || line.text.split_whitespace().all(|word| number::<u64>(word).is_some());
        // A line that was as long as mail has them goes on where the next begins.
        let goes_on = || {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            before.len() >= WRAPPED && begins.chars().all(is_word)
        };
        line.typed.is_none()
            && !line.text.is_empty()
            && !begins_link(line.text)
            && (line.indent > first.indent
                || begins.starts_with("link/")
                || BEGINNINGS.contains(&begins)
                || is_number()
                || goes_on())
    };
    let mut of: Vec<&Line<'_>> = Vec::new();
    for line in rest.iter().take(MOST_LINES) {
        let before = of.last().map_or(first.text, |line| line.text);
        if !belongs(before, line) {
            break;
        }
        of.push(line);
    }
    let words = Words::of(of.iter().map(|line| line.text));
    details(&mut named, &words);
    named.statistics = statistics(words.all(), &mut named.has_errors);
    let name = named.link.name.clone();
    let addresses = of.iter().filter_map(|line| {
        let found = address_of(line.text)?;
        Some(Entry::Address(name.clone(), found))
    });
    let mut entries: Vec<Entry> = addresses.collect();
    entries.insert(0, Entry::Link(Box::new(named)));
    Some(Taken { lines: wrapped.len() + of.len() + 1, entries })
}

/// Whether a link begins with this line.
fn begins_link(line: &str) -> bool {
    let is_numbered = line
        .split_once(": ")
        .is_some_and(|(index, rest)| number::<u32>(index).is_some() && rest.contains(": <"));
    is_numbered || without_number(line).is_some()
}

/// The name of a link as VyOS's `show interfaces NAME` prints it, without its number: `t0@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480
/// …`.
fn without_number(line: &str) -> Option<(&str, &str)> {
    let (names, rest) = line.split_once(": <")?;
    let is_flag = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "_,-".contains(c);
    let (flags, rest_of) = rest.split_once('>')?;
    let is_link = flags.chars().all(is_flag) && rest_of.starts_with(" mtu ");
    (is_link && !names.contains([' ', ':'])).then_some((names, rest))
}

/// `8: t0@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue master blue state UNKNOWN mode DEFAULT …`.
fn header(line: &str) -> Option<NamedLink> {
    let (index, (names, rest)) = match without_number(line) {
        Some(found) => ("0", found),
        None => {
            let (index, rest) = line.split_once(": ")?;
            (index, rest.split_once(": <")?)
        }
    };
    let (flags, rest) = rest.split_once('>')?;
    let (name, lower) = match names.split_once('@') {
        Some((name, lower)) => (name, Some(lower.to_owned()).filter(|lower| lower != "NONE")),
        None => (names, None),
    };
    let is_name = (1..=15).contains(&name.len()) && !name.contains(['/', ' ']);
    let flag = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
    let words = Words::of(std::iter::once(rest));
    let link = Link {
        name: name.to_owned(),
        ifindex: number(index)?,
        kind: LinkKind::Other { info_kind: String::new() },
        admin_up: flag("UP"),
        carrier: flag("LOWER_UP"),
        oper_state: oper_state(words.after("state").unwrap_or_default()),
        mtu: words.after("mtu").and_then(number)?,
        loopback: flag("LOOPBACK"),
        master: None,
        lower: None,
        link_netnsid: None,
        ipv4: None,
        ipv6: None,
        statistics: None,
    };
    is_name.then(|| NamedLink {
        link,
        has_kind: false,
        link_type: String::new(),
        has_errors: false,
        master: words.after("master").map(str::to_owned),
        lower,
        statistics: None,
    })
}

/// `print_operstate()`.
pub(super) fn oper_state(word: &str) -> OperState {
    match word {
        "NOTPRESENT" => OperState::NotPresent,
        "DOWN" => OperState::Down,
        "LOWERLAYERDOWN" => OperState::LowerLayerDown,
        "TESTING" => OperState::Testing,
        "DORMANT" => OperState::Dormant,
        "UP" => OperState::Up,
        _ => OperState::Unknown,
    }
}

/// The lines of `-d`.
fn details(named: &mut NamedLink, words: &Words<'_>) {
    let link_type = words.all().iter().find_map(|word| word.strip_prefix("link/"));
    link_type.unwrap_or_default().clone_into(&mut named.link_type);
    named.link.link_netnsid = words.after("link-netnsid").and_then(number);
    if named.link.link_netnsid.is_none() && words.has("link-netns") {
        // The name of the namespace is in the place of its number.
        named.link.link_netnsid = Some(-1);
    }
    // With `-d`, each link says this, whatever it is.
    named.has_kind = words.has("promiscuity");
    if !named.has_kind {
        return;
    }
    let behind = |kind: &str| {
        // The kind is on a line of its own behind `maxmtu N` and what else stands there.
        let at = words.all().iter().position(|word| *word == "promiscuity");
        let rest = at.and_then(|at| words.all().get(at..)).unwrap_or_default();
        let at = rest.iter().position(|word| *word == kind)?;
        rest.get(at + 1..).map(|rest| Words::of(rest.iter().copied()))
    };
    let any = |v6: bool| -> IpAddr {
        if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
    };
    if let Some(rest) = behind("vti").or_else(|| behind("vti6")) {
        let v6 = behind("vti").is_none();
        let end = |key| rest.after(key).and_then(address).unwrap_or_else(|| any(v6));
        let key = |key| rest.after(key).and_then(dotted).unwrap_or(0);
        if let Some(device) = rest.after("dev") {
            named.lower = Some(device.to_owned());
        }
        let device = VtiDevice {
            link: 0,
            input_mark: key("ikey"),
            output_mark: key("okey"),
            local: end("local"),
            remote: end("remote"),
            fwmark: rest.after("fwmark").and_then(hex).unwrap_or(0),
        };
        named.link.kind = if v6 { LinkKind::Vti6(device) } else { LinkKind::Vti(device) };
    } else if let Some(rest) = behind("xfrm") {
        named.link.kind = LinkKind::Xfrm(XfrmInterface {
            link: 0,
            if_id: IfId(rest.after("if_id").and_then(hex).unwrap_or(0)),
            collect_metadata: rest.has("external"),
        });
    } else if let Some(table) = behind("vrf").and_then(|rest| rest.after("table").and_then(number))
    {
        named.link.kind = LinkKind::Vrf { table };
    } else if let Some((kind, rest)) =
        IpTunnelKind::ALL.into_iter().find_map(|kind| Some((kind, behind(kind.name())?)))
    {
        if let Some(device) = rest.after("dev") {
            named.lower = Some(device.to_owned());
        }
        let device = ip_tunnel::of(kind, |key| rest.after(key), |word| rest.has(word));
        named.link.kind = LinkKind::IpTunnel(device);
    } else {
        named.link.kind = LinkKind::Other { info_kind: other(words) };
    }
}

/// The kind of a device that is no VTI: the first word of the line behind `maxmtu N`, where that is none of the words that each link has.
fn other(words: &Words<'_>) -> String {
    let behind = words
        .all()
        .iter()
        .position(|word| *word == "maxmtu")
        .and_then(|at| words.all().get(at + 2..));
    let first = behind.and_then(|rest| rest.first()).copied().unwrap_or_default();
    let every = ["addrgenmode", "numtxqueues", "netns-immutable", "RX:"];
    let is_kind = first.starts_with(|c: char| c.is_ascii_lowercase()) && !every.contains(&first);
    if is_kind { first.to_owned() } else { String::new() }
}

/// The tables behind `RX:`, `TX:`, `RX errors:` and `TX errors:`: names of columns, then as many numbers. Which columns there are differs
/// from release to release.
fn statistics(words: &[&str], has_errors: &mut bool) -> Option<Statistics> {
    let mut found = Statistics::default();
    let (mut seen_rx, mut seen_tx) = (false, false);
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let (is_rx, is_errors) = match (*word, after.first().copied()) {
            ("RX:", _) => (true, false),
            ("TX:", _) => (false, false),
            ("RX", Some("errors:")) => (true, true),
            ("TX", Some("errors:")) => (false, true),
            _ => continue,
        };
        let table = if is_errors { after.get(1..).unwrap_or_default() } else { after };
        let names: Vec<&str> = table
            .iter()
            .copied()
            .take_while(|word| number::<u64>(word).is_none())
            .take(16)
            .collect();
        let values = table.get(names.len()..).unwrap_or_default();
        let values: Vec<u64> =
            values.iter().map_while(|word| number(word)).take(names.len()).collect();
        if values.len() < names.len() || names.is_empty() {
            // Cut, or in units (`-h`): then none of it is exact.
            return None;
        }
        seen_rx |= is_rx && !is_errors;
        seen_tx |= !is_rx && !is_errors;
        *has_errors |= !is_rx && is_errors;
        for (name, value) in names.into_iter().zip(values) {
            count(&mut found, is_rx, name, value);
        }
    }
    (seen_rx && seen_tx).then_some(found)
}

/// One column of `print_stats64()`.
fn count(of: &mut Statistics, is_rx: bool, column: &str, value: u64) {
    let place = match (is_rx, column) {
        (true, "bytes") => &mut of.rx_bytes,
        (true, "packets") => &mut of.rx_packets,
        (true, "errors") => &mut of.rx_errors,
        (true, "dropped") => &mut of.rx_dropped,
        (false, "bytes") => &mut of.tx_bytes,
        (false, "packets") => &mut of.tx_packets,
        (false, "errors") => &mut of.tx_errors,
        (false, "dropped") => &mut of.tx_dropped,
        (false, "carrier") => &mut of.tx_carrier_errors,
        (false, "collsns" | "collisions") => &mut of.collisions,
        (false, "aborted") => &mut of.tx_aborted_errors,
        (false, "fifo") => &mut of.tx_fifo_errors,
        (false, "window") => &mut of.tx_window_errors,
        (false, "heartbt" | "heartbeat") => &mut of.tx_heartbeat_errors,
        _ => return,
    };
    *place = value;
}

/// `inet 10.9.1.1/32 scope global wan`, `inet 10.0.0.1 peer 10.0.0.2/32 …`, `inet6 fe80::1/64 scope link tentative`.
fn address_of(line: &str) -> Option<Address> {
    let words = Words::of(std::iter::once(line));
    let own = match words.all() {
        ["inet" | "inet6", own, ..] => *own,
        _ => return None,
    };
    let (own, peer) = match words.after("peer") {
        Some(peer) => {
            let (other, own) = (prefix(peer)?, address(own)?);
            (ipnet::IpNet::new(own, other.prefix_len()).ok()?, Some(other.addr()))
        }
        None => (prefix(own)?, None),
    };
    let flags = words.all().iter().map(|word| flag(word)).fold(0, |all, flag| all | flag);
    let permanent = if words.has("dynamic") { 0 } else { IFA_F_PERMANENT };
    let scope = words.after("scope").map_or(Some(0), scope)?;
    Some(Address { ifindex: 0, prefix: own, peer, scope, flags: flags | permanent })
}

/// `IFA_F_PERMANENT`, which iproute2 shows by not showing `dynamic`.
pub(super) const IFA_F_PERMANENT: u32 = 0x80;

/// The flags of an address by the names of iproute2 (`ifa_flag_names`).
pub(super) fn flag(word: &str) -> u32 {
    match word {
        "secondary" | "temporary" => 0x01,
        "nodad" => 0x02,
        "optimistic" => 0x04,
        "dadfailed" => 0x08,
        "home" => 0x10,
        "deprecated" => 0x20,
        "tentative" => 0x40,
        "mngtmpaddr" => 0x100,
        "noprefixroute" => 0x200,
        "autojoin" => 0x400,
        "stable-privacy" => 0x800,
        _ => 0,
    }
}

/// A scope by its name in `rt_scopes`, or by its number.
pub(super) fn scope(word: &str) -> Option<u8> {
    Some(match word {
        "global" => 0,
        "site" => 200,
        "link" => 253,
        "host" => 254,
        "nowhere" => 255,
        other => number(other)?,
    })
}
