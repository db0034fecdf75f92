//! Draws cases: tunnels that would receive, with something wrong here and there, so that packets end at every site.

use super::plan::{Outer, Packet, Plan};
use super::send::ALGORITHM;
use super::trial::PORTS;
use crate::differential::random::Random;
use std::net::IpAddr;
use vti_diagnostics::snapshot::Mode;

/// The last parts of the peer's outer addresses; the first is that of most tunnels.
const SOURCES: [&str; 3] = ["2", "3", "12"];

/// One case.
pub fn plan(random: &mut Random) -> Plan {
    let mut plan = Plan::default();
    let count = random.pick(&[1, 1, 1, 2]);
    let tunnels: Vec<Tunnel> = (0..count).map(|number| Tunnel::draw(random, number)).collect();
    for tunnel in &tunnels {
        plan.lines.extend(tunnel.lines(random));
    }
    let mut sas = Vec::new();
    for tunnel in &tunnels {
        for _ in 0..random.pick(&[1, 1, 1, 1, 2]) {
            let spi = 0x101 + u32::try_from(sas.len()).unwrap_or(0);
            // Sometimes two with one SPI.
            let spi = if random.percent(4) { 0x101 } else { spi };
            let sa = Sa::draw(random, tunnel, spi);
            plan.lines.push(sa.line(random));
            for direction in ["in", "fwd"] {
                for _ in 0..random.pick(&[0, 1, 1, 1, 1, 1, 1, 1, 2, 3]) {
                    plan.lines.push(policy(random, tunnel, &sa, direction));
                }
            }
            sas.push((tunnel.clone(), sa));
        }
    }
    stray(random, &sas, &mut plan.lines);
    settings(random, count, &mut plan.settings);
    for _ in 0..random.pick(&[1, 2, 2, 3]) {
        let (tunnel, sa) = random.pick(&sas);
        plan.packets.push(packet(random, &tunnel, &sa));
    }
    for tunnel in &tunnels {
        if random.percent(4) {
            plan.lines.push(format!("link set {} down", tunnel.name));
        }
    }
    if random.percent(2) {
        let address = address(random.pick(&[4, 6]), "1");
        plan.lines.push(format!("addr del {} dev wan", prefix(&address)));
    }
    plan
}

/// A tunnel, and what a healthy policy and SA of it say.
#[derive(Clone)]
struct Tunnel {
    name: String,
    number: u64,
    driver: &'static str,
    /// 4 or 6.
    outer: u8,
    /// 4 or 6: the family of most of its packets.
    inner: u8,
    /// i_key or if_id.
    key: u64,
    local: String,
    remote: String,
}

impl Tunnel {
    fn draw(random: &mut Random, number: u64) -> Tunnel {
        let driver = random.pick(&["vti", "vti6", "xfrm"]);
        let outer = match driver {
            "vti" => 4,
            "vti6" => 6,
            _ => random.pick(&[4, 6]),
        };
        // Two vti between the same addresses are refused, whatever their keys. One may have those of an xfrm interface.
        let remote = if number == 0 { "2" } else { "3" };
        Tunnel {
            name: format!("t{number}"),
            number,
            driver,
            outer,
            inner: random.pick(&[4, 6]),
            key: 7 + number,
            local: address(outer, random.nearly("1", 5, &["11"])),
            remote: address(outer, random.nearly(remote, 15, &SOURCES)),
        }
    }

    fn lines(&self, random: &mut Random) -> Vec<String> {
        let Tunnel { name, driver, key, local, remote, outer, .. } = self;
        let key = random.nearly(*key, 3, &[77]);
        let kind = if *driver == "xfrm" {
            format!("type xfrm {}if_id {key}", random.pick(&["dev wan ", "dev lo ", ""]))
        } else {
            let local =
                random.nearly(local.clone(), 8, &[any(*outer), any(*outer), address(*outer, "11")]);
            let wrong = [any(*outer), any(*outer), address(*outer, "20"), address(*outer, "11")];
            let remote = random.nearly(remote.clone(), 10, &wrong);
            let keys = random.nearly(format!("key {key}"), 10, &[format!("ikey {key} okey 99")]);
            let link = random.nearly("", 8, &["dev wan", "dev hosts"]);
            format!("type {driver} local {local} remote {remote} {keys} {link}")
        };
        vec![format!("link add {name} {kind}"), format!("link set {name} up")]
    }

    /// What ties a policy or SA to the tunnel, or nearly.
    fn tie(&self, random: &mut Random, percent: u64) -> String {
        let key = random.nearly(self.key, percent, &[self.key + 1, self.key | 0x100, 7, 8]);
        let none = percent > 0 && random.percent(3);
        match (self.driver, none) {
            (_, true) => String::new(),
            ("xfrm", _) if random.percent(percent) => format!("mark 9 mask 0xff if_id {key}"),
            ("xfrm", _) => format!("if_id {key}"),
            _ => {
                let mask = random.nearly("", 2 * percent, &["mask 0xff", "mask 7", "mask 0x100"]);
                format!("mark {key} {mask}")
            }
        }
    }
}

/// An SA, and what the peer must know of it.
#[derive(Clone)]
struct Sa {
    source: String,
    destination: String,
    spi: u32,
    reqid: u64,
    mode: Mode,
    tie: String,
    in_udp: bool,
    /// Which inner packets it takes, for the mode of which that is asked.
    inner: u8,
    is_reserved: bool,
}

impl Sa {
    fn draw(random: &mut Random, tunnel: &Tunnel, spi: u32) -> Sa {
        let sources = SOURCES.map(|last| address(tunnel.outer, last));
        let mode = random.nearly(Mode::Tunnel, 12, &[Mode::Transport, Mode::Transport, Mode::Beet]);
        Sa {
            source: random.nearly(tunnel.remote.clone(), 4, &sources),
            destination: random.nearly(tunnel.local.clone(), 3, &[address(tunnel.outer, "11")]),
            spi,
            reqid: random.nearly(tunnel.number + 1, 4, &[0, 9]),
            mode,
            tie: tunnel.tie(random, 3),
            in_udp: random.percent(10),
            inner: tunnel.inner,
            is_reserved: random.percent(2),
        }
    }

    fn line(&self, random: &mut Random) -> String {
        let Sa { source, destination, spi, reqid, mode, tie, in_udp, inner, .. } = self;
        let ends = format!("src {source} dst {destination} proto esp");
        if self.is_reserved {
            // What is reserved has no if_id.
            let tie = if tie.contains("if_id") { "" } else { tie };
            return format!(
                "xfrm state allocspi {ends} mode {mode} {tie} reqid {reqid} min {spi} max {spi}"
            );
        }
        let state = random.nearly(
            "",
            10,
            &[
                "limit packet-hard 0",
                "limit packet-hard 1",
                "limit byte-hard 1",
                "limit byte-hard 200",
                "limit packet-soft 1",
                "limit time-soft 100",
            ],
        );
        let window = random.pick(&["", "replay-window 32"]);
        let mark = random.nearly("", 8, &["output-mark 9", "output-mark 7 mask 0xff"]);
        let encap = if *in_udp {
            let ports = random.pick(&["4500 4500", "4501 4500"]);
            format!("encap espinudp {ports} {}", any(if source.contains(':') { 6 } else { 4 }))
        } else {
            String::new()
        };
        let taken = match mode {
            Mode::Transport => "",
            Mode::Beet if *inner == 4 => "sel src 10.9.2.1/32 dst 10.9.1.1/32",
            Mode::Beet => "sel src fd09:2::1/128 dst fd09:1::1/128",
            _ => random.nearly(
                "flag af-unspec",
                14,
                &[
                    "",
                    "sel src 0.0.0.0/0 dst 10.9.1.0/24",
                    "sel src ::/0 dst fd09:1::/64",
                    "sel src 0.0.0.0/0 dst 10.77.0.0/16",
                    "sel src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport 9",
                    "sel src ::/0 dst ::/0 proto 6",
                ],
            ),
        };
        format!(
            "xfrm state add {ends} spi {spi:#x} reqid {reqid} mode {mode} {tie} {state} {window} {taken} {mark} {encap} {ALGORITHM}"
        )
    }
}

/// A policy that lets in what the SA decrypts, or nearly.
fn policy(random: &mut Random, tunnel: &Tunnel, sa: &Sa, direction: &str) -> String {
    let inner = if sa.mode == Mode::Transport {
        tunnel.outer
    } else {
        random.nearly(tunnel.inner, 8, &[4, 6])
    };
    let elsewhere = address(tunnel.outer, random.pick(&SOURCES));
    let source = random.nearly(sa.source.clone(), 10, &[any(tunnel.outer), elsewhere]);
    let destination =
        random.nearly(sa.destination.clone(), 6, &[any(tunnel.outer), address(tunnel.outer, "11")]);
    let reqid = random.nearly(sa.reqid, 8, &[0, 9]);
    let mode = random.nearly(sa.mode, 4, &[Mode::Tunnel, Mode::Transport, Mode::Beet]);
    let protocol = random.nearly("esp", 2, &["ah"]);
    let spi = random.nearly(String::new(), 3, &[format!("spi {}", sa.spi), "spi 0x999".into()]);
    let optional = random.nearly("", 8, &["level use"]);
    let template = format!(
        "tmpl src {source} dst {destination} proto {protocol} {spi} reqid {reqid} mode {mode} {optional}"
    );
    let tie = tunnel.tie(random, 4);
    let tie = if sa.tie.is_empty() && random.percent(60) { String::new() } else { tie };
    let kind = random.nearly("", 5, &["ptype sub"]);
    let priority = 10 + random.below(30);
    let priority = random.nearly(priority, 20, &[0, 5]);
    let head = format!(
        "xfrm policy add {} dir {direction} {tie} {kind} priority {priority}",
        selector(random, inner)
    );
    match random.below(100) {
        0..4 => format!("{head} action block"),
        4..8 => head,
        8..10 => format!("{head} {template} tmpl proto ah reqid 5 mode transport"),
        10..12 => format!("{head} tmpl proto ah reqid 5 mode transport level use {template}"),
        _ => format!("{head} {template}"),
    }
}

fn selector(random: &mut Random, inner: u8) -> String {
    let (any, source, destinations) = match inner {
        4 => (
            "0.0.0.0/0",
            "10.9.2.0/24",
            ["10.9.1.0/24", "10.9.1.1/32", "10.9.1.77/32", "10.77.0.0/16"],
        ),
        _ => {
            ("::/0", "fd09:2::/64", ["fd09:1::/64", "fd09:1::1/128", "fd09:1::77/128", "fd77::/16"])
        }
    };
    let source = random.nearly(any, 20, &[source]);
    let destination = random.nearly(any, 20, &destinations);
    let upper = random.nearly("", 8, &["proto 17", "proto 6", "proto 17 dport 9"]);
    let device = random.nearly("", 1, &["dev t0", "dev wan"]);
    format!("src {source} dst {destination} {device} {upper}")
}

/// Policies and default actions that are nobody's: those of another, policy-based tunnel.
fn stray(random: &mut Random, sas: &[(Tunnel, Sa)], lines: &mut Vec<String>) {
    for direction in ["in", "fwd"] {
        if random.percent(8) {
            let selector = random.pick(&[
                "src 0.0.0.0/0 dst 0.0.0.0/0",
                "src ::/0 dst ::/0",
                "src 10.9.2.0/24 dst 0.0.0.0/0",
                "src fd09:2::/64 dst ::/0",
                "src 192.0.2.0/24 dst 0.0.0.0/0",
                "src 192.0.2.0/24 dst 0.0.0.0/0 proto 17 dport 4500",
                "src 2001:db8::/64 dst ::/0 proto 50",
            ]);
            let (tunnel, sa) = random.pick(sas);
            let any = any(tunnel.outer);
            let what = random.pick(&[
                format!("tmpl src {} dst {any} proto esp reqid 9 mode tunnel", sa.source),
                format!("tmpl src {any} dst {any} proto esp mode tunnel"),
                format!("tmpl src {any} dst {any} proto esp mode tunnel level use"),
                "action block".to_owned(),
                String::new(),
            ]);
            let priority = random.pick(&[1, 100]);
            lines.push(format!(
                "xfrm policy add {selector} dir {direction} priority {priority} {what}"
            ));
        }
        if random.percent(3) {
            lines.push(format!("xfrm policy setdefault {direction} block"));
        }
    }
}

fn settings(random: &mut Random, tunnels: u64, settings: &mut Vec<(String, &'static str)>) {
    let mut set = |path: String, value| settings.push((path, value));
    if random.percent(60) {
        set("ipv4/ip_forward".into(), "1");
        set("ipv6/conf/all/forwarding".into(), "1");
    }
    let tunnel = format!("t{}", random.below(tunnels));
    for (device, percent) in [("all", 3), ("wan", 5), (tunnel.as_str(), 5)] {
        if random.percent(percent) {
            set(format!("ipv4/conf/{device}/disable_policy"), "1");
        }
    }
    if random.percent(2) {
        set(format!("ipv6/conf/{tunnel}/disable_ipv6"), "1");
    }
}

fn packet(random: &mut Random, tunnel: &Tunnel, sa: &Sa) -> Packet {
    let destination_port = random.nearly(9, 10, &PORTS);
    let clear = |source: String, destination: String| Packet {
        outer: None,
        source: parsed(&source),
        destination: parsed(&destination),
        destination_port,
    };
    if random.percent(4) {
        return clear(tunnel.remote.clone(), tunnel.local.clone());
    }
    let family = random.nearly(tunnel.inner, 8, &[4, 6]);
    let (source, destination) = inside(random, family, sa);
    if random.percent(5) {
        return clear(source, destination);
    }
    let mode = random.nearly(
        if sa.is_reserved { Mode::Tunnel } else { sa.mode },
        if sa.mode == Mode::Tunnel { 3 } else { 25 },
        &[Mode::Tunnel, Mode::Transport, Mode::Beet],
    );
    let from = SOURCES.map(|last| address(tunnel.outer, last));
    let outer = Outer {
        source: parsed(&random.nearly(sa.source.clone(), 4, &from)),
        destination: parsed(&random.nearly(
            sa.destination.clone(),
            2,
            &[address(tunnel.outer, "11")],
        )),
        spi: random.nearly(sa.spi, 3, &[0x999]),
        mode,
        in_udp: sa.in_udp != random.percent(3),
    };
    // What is encrypted in transport mode has the outer addresses.
    let (source, destination) = match mode {
        Mode::Transport => (outer.source, outer.destination),
        _ => (parsed(&source), parsed(&destination)),
    };
    Packet { outer: Some(outer), source, destination, destination_port }
}

/// The inner addresses: to this host, or to a host behind it.
fn inside(random: &mut Random, family: u8, sa: &Sa) -> (String, String) {
    let is_behind = sa.mode != Mode::Beet && random.percent(35);
    let other = sa.mode != Mode::Beet && random.percent(6);
    let family = if sa.mode == Mode::Beet { sa.inner } else { family };
    let (source, destination) = match family {
        4 => (
            if other { "10.9.3.1" } else { "10.9.2.1" },
            if is_behind { "10.9.1.77" } else { "10.9.1.1" },
        ),
        _ => (
            if other { "fd09:3::1" } else { "fd09:2::1" },
            if is_behind { "fd09:1::77" } else { "fd09:1::1" },
        ),
    };
    (source.to_owned(), destination.to_owned())
}

fn any(family: u8) -> String {
    if family == 4 { "0.0.0.0".into() } else { "::".into() }
}

fn address(family: u8, last: &str) -> String {
    if family == 4 { format!("192.0.2.{last}") } else { format!("2001:db8::{last}") }
}

/// An address of wan with the length of its net.
fn prefix(address: &str) -> String {
    format!("{address}/{}", if address.contains(':') { 64 } else { 24 })
}

fn parsed(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| unreachable!("{text}: {error}"))
}
