//! Draws cases: tunnels that would work, with something wrong here and there, so that packets end at every site.
//!
//! Outer addresses are on lo and wan is a dummy: nobody answers, and nothing but the packets of the case is sent.

use super::plan::{Packet, Plan};
use super::random::Random;
use std::net::IpAddr;

const LOCALS: [&str; 4] = ["1", "1", "11", "99"];
/// The last parts of remote addresses; `BASE` says where each leads.
const REMOTES: [&str; 10] = ["2", "3", "4", "5", "6", "7", "8", "9", "1", "20"];
/// An address of the router that is also the remote address of some vti6.
const CONFLICT: &str = "fd09:1::9";

/// Addresses, and routes that do what their numbers stand for: 3 to 5 lead nowhere, 6 and 7 into tunnels, 8 has a small MTU, 9 has no
/// route, 20 a gateway. With mark 5 everything goes another way.
const BASE: &str = "
link set lo up
link add wan type dummy
link set wan up
addr add 192.0.2.1/32 dev lo
addr add 192.0.2.11/32 dev lo
addr add 2001:db8::1/128 dev lo nodad
addr add 2001:db8::11/128 dev lo nodad
addr add 10.9.1.1/32 dev lo
addr add fd09:1::1/128 dev lo nodad
addr add fd09:1::9/128 dev lo nodad
route add 192.0.2.0/24 dev wan src 192.0.2.1
route add 2001:db8::/64 dev wan src 2001:db8::1
route add blackhole 192.0.2.3/32
route add blackhole 2001:db8::3/128
route add unreachable 192.0.2.4/32
route add unreachable 2001:db8::4/128
route add prohibit 192.0.2.5/32
route add prohibit 2001:db8::5/128
route add 192.0.2.8/32 dev wan mtu 700
route add 2001:db8::8/128 dev wan mtu 1300
route add 198.51.100.0/24 via 192.0.2.254 dev wan onlink
route add 2001:db8:100::/64 via 2001:db8::254 dev wan onlink
rule add from 0.0.0.0/0 fwmark 5 table 100
rule add from ::/0 fwmark 5 table 100
";

/// One case.
pub fn plan(random: &mut Random) -> Plan {
    let mut plan =
        Plan { lines: BASE.trim().lines().map(str::to_owned).collect(), ..Plan::default() };
    let count = random.pick(&[1, 1, 2, 3]);
    let tunnels: Vec<Tunnel> = (0..count).map(|number| Tunnel::draw(random, number)).collect();
    for tunnel in &tunnels {
        plan.lines.extend(tunnel.lines(random));
    }
    for (number, last) in [(0, "6"), (1, "7")] {
        if number < count {
            for address in [outer(4, last), outer(6, last)] {
                plan.lines.push(format!("route add {address} dev t{number}"));
            }
        }
    }
    table_of_mark_5(random, &mut plan.lines);
    let mut serial = 0;
    for tunnel in &tunnels {
        for _ in 0..random.pick(&[0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3]) {
            let template = policy(random, tunnel, &mut serial, &mut plan.lines);
            for _ in 0..random.pick(&[0, 1, 1, 1, 1, 1, 1, 2]) {
                let line = sa(random, tunnel, &template, &mut serial);
                if random.percent(1) { plan.later.push(line) } else { plan.lines.push(line) }
            }
        }
    }
    stray(random, &tunnels, &mut serial, &mut plan.lines);
    settings(random, count, &mut plan);
    for number in 0..random.pick(&[1, 2, 2, 3]) {
        let tunnel = random.pick(&tunnels);
        plan.packets.push(packet(random, &tunnel, number));
    }
    for tunnel in &tunnels {
        if random.percent(2) {
            plan.lines.push(format!("link set {} down", tunnel.name));
        }
    }
    if random.percent(2) {
        plan.lines.push("link set wan down".into());
    }
    if random.percent(3) {
        plan.lines.push(format!("addr del {} dev lo", outer(random.pick(&[4, 6]), "1")));
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
    /// 4 or 6: the family of most of its policies.
    inner: u8,
    key: u32,
    local: String,
    remote: String,
}

impl Tunnel {
    fn draw(random: &mut Random, number: u64) -> Tunnel {
        let driver = random.pick(&["vti", "vti6", "xfrm"]);
        let outer_family = match driver {
            "vti" => 4,
            "vti6" => 6,
            _ => random.pick(&[4, 6]),
        };
        let digit = u32::try_from(number).unwrap_or(0);
        // Two vti between the same addresses are refused, whatever their keys.
        let remote = match (driver, number) {
            ("xfrm", _) | (_, 0) => "2",
            (_, 1) => "12",
            _ => "13",
        };
        Tunnel {
            name: format!("t{number}"),
            number,
            driver,
            outer: outer_family,
            inner: random.pick(&[4, 6]),
            key: random.nearly(7 + digit, 8, &[7, 0x107, 5, if driver == "xfrm" { 9 } else { 0 }]),
            local: address(outer_family, random.nearly("1", 6, &LOCALS)),
            remote: address(outer_family, random.nearly(remote, 25, &REMOTES)),
        }
    }

    fn lines(&self, random: &mut Random) -> Vec<String> {
        let Tunnel { name, driver, key, local, remote, number, .. } = self;
        let kind = if *driver == "xfrm" {
            let link = random.pick(&["dev wan ", "dev lo ", ""]);
            format!("type xfrm {link}if_id {key}")
        } else {
            let local =
                random.nearly(local.clone(), 8, &[any(self.outer), address(self.outer, "11")]);
            let wrong = [any(self.outer), address(self.outer, "20")];
            let remote = random.nearly(remote.clone(), 8, &wrong);
            let conflicts = *driver == "vti6" && random.percent(5);
            let remote = if conflicts { CONFLICT.into() } else { remote };
            let keys = random.nearly(format!("key {key}"), 10, &[format!("ikey 77 okey {key}")]);
            format!("type {driver} local {local} remote {remote} {keys}")
        };
        let mtu =
            random.nearly(String::new(), 25, &["mtu 1500", "mtu 1300", "mtu 9000"].map(Into::into));
        let net = number + 2;
        vec![
            format!("link add {name} {mtu} {kind}"),
            format!("link set {name} up"),
            format!("route add 10.9.{net}.0/24 dev {name} src 10.9.1.1"),
            format!("route add fd09:{net}::/64 dev {name} src fd09:1::1"),
        ]
    }

    /// What ties a policy or SA to the tunnel, or nearly.
    fn tie(&self, random: &mut Random, percent: u64) -> String {
        let key = random.nearly(self.key, percent, &[self.key + 1, self.key | 0x100, 7, 8]);
        let none = percent > 0 && random.percent(2);
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

/// What the SAs of a policy should have.
struct Template {
    source: String,
    destination: String,
    reqid: u64,
    mode: &'static str,
    protocol: &'static str,
    tie: String,
    inner: u8,
    spi: Option<u64>,
}

/// Adds a policy; the template of it.
fn policy(
    random: &mut Random,
    tunnel: &Tunnel,
    serial: &mut u64,
    lines: &mut Vec<String>,
) -> Template {
    *serial += 1;
    let inner = random.nearly(tunnel.inner, 14, &[4, 6]);
    let elsewhere = address(tunnel.outer, random.pick(&REMOTES));
    let template = Template {
        source: random.nearly(
            tunnel.local.clone(),
            12,
            &[any(tunnel.outer), any(tunnel.outer), address(tunnel.outer, "11")],
        ),
        destination: random.nearly(tunnel.remote.clone(), 6, &[elsewhere]),
        reqid: random.nearly(tunnel.number + 1, 5, &[0, *serial]),
        mode: random.nearly("tunnel", 14, &["transport", "beet"]),
        protocol: random.nearly("esp", 3, &["ah"]),
        tie: tunnel.tie(random, 5),
        inner,
        spi: random.percent(3).then_some(0x100 + *serial),
    };
    let priority = random.nearly(*serial * 7 % 40, 12, &[0, 5]);
    let selector = selector(random, tunnel, inner);
    let kind = random.nearly("", 3, &["ptype sub"]);
    let head =
        format!("xfrm policy add {selector} dir out {} {kind} priority {priority}", template.tie);
    let optional = random.nearly("", 3, &["level use"]);
    let line = match random.below(100) {
        0..4 => format!("{head} action block"),
        4..7 => head,
        7..9 => format!(
            "{head} {} tmpl proto ah reqid {} mode transport",
            template.text(optional),
            template.reqid
        ),
        _ => format!("{head} {}", template.text(optional)),
    };
    lines.push(line);
    template
}

impl Template {
    fn text(&self, optional: &str) -> String {
        let Template { source, destination, reqid, mode, protocol, spi, .. } = self;
        let spi = spi.map_or_else(String::new, |spi| format!("spi {spi}"));
        format!(
            "tmpl src {source} dst {destination} proto {protocol} {spi} reqid {reqid} mode {mode} {optional}"
        )
    }
}

fn selector(random: &mut Random, tunnel: &Tunnel, inner: u8) -> String {
    let net = tunnel.number + 2;
    let (source, destination) = match inner {
        4 => (
            ["0.0.0.0/0", "10.9.1.0/24", "10.9.1.1/32"],
            [
                "0.0.0.0/0".into(),
                format!("10.9.{net}.0/24"),
                format!("10.9.{net}.1/32"),
                "10.77.0.0/16".into(),
            ],
        ),
        _ => (
            ["::/0", "fd09:1::/64", "fd09:1::1/128"],
            [
                "::/0".into(),
                format!("fd09:{net}::/64"),
                format!("fd09:{net}::1/128"),
                "fd77::/16".into(),
            ],
        ),
    };
    let [any_source, wrong_sources @ ..] = source;
    let source = random.nearly(any_source, 25, &wrong_sources);
    let [any_destination, ..] = destination.clone();
    let destination = random.nearly(any_destination, 20, &destination);
    let upper = random.nearly(
        "",
        12,
        &["proto 17", "proto 6", "proto 17 dport 9", "proto 17 dport 10", "proto 17 sport 40000"],
    );
    let device = random.nearly("", 2, &["dev t0", "dev wan"]);
    format!("src {source} dst {destination} {device} {upper}")
}

/// An SA for a template, or nearly.
fn sa(random: &mut Random, tunnel: &Tunnel, template: &Template, serial: &mut u64) -> String {
    *serial += 1;
    let family = random.nearly(tunnel.outer, 2, &[4, 6]);
    let swap = family != tunnel.outer;
    let (mut source, mut destination) = (
        if template.source == any(tunnel.outer) {
            tunnel.local.clone()
        } else {
            template.source.clone()
        },
        template.destination.clone(),
    );
    if template.mode == "transport" && random.percent(70) {
        let net = tunnel.number + 2;
        (source, destination) = match template.inner {
            4 => ("10.9.1.1".into(), format!("10.9.{net}.1")),
            _ => ("fd09:1::1".into(), format!("fd09:{net}::1")),
        };
    } else {
        source = random.nearly(
            source,
            7,
            &[any(family), address(family, "11"), address(family, "99"), address(family, "1")],
        );
        destination = random.nearly(destination, 3, &[address(family, "20")]);
        if swap {
            (source, destination) = (address(family, "1"), address(family, "2"));
        }
    }
    let spi = template.spi.unwrap_or(0x100 + *serial);
    let spi = random.nearly(spi, 2, &[0x100 + *serial]);
    let reqid = random.nearly(template.reqid, 4, &[0, template.reqid + 1]);
    let mode = random.nearly(template.mode, 4, &["tunnel", "transport", "beet"]);
    let protocol = random.nearly(template.protocol, 2, &["esp", "ah"]);
    let other = tunnel.tie(random, 40);
    let tie = random.nearly(template.tie.clone(), 6, &[other, String::new()]);
    let output_mark = random.nearly(
        "",
        7,
        &["output-mark 5", "output-mark 5 mask 0xf", "output-mark 0 mask 0xff", "output-mark 1"],
    );
    let any = if mode == "transport" { "" } else { "flag af-unspec" };
    let net = tunnel.number + 2;
    let inner = match template.inner {
        4 => format!("sel src 0.0.0.0/0 dst 10.9.{net}.0/24"),
        _ => format!("sel src ::/0 dst fd09:{net}::/64"),
    };
    let wrong = [
        "",
        "sel src 0.0.0.0/0 dst 10.77.0.0/16",
        "sel src ::/0 dst ::/0",
        "sel src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport 9",
        &inner,
    ];
    let taken = random.nearly(any, 8, &wrong);
    let state = random.nearly(
        "",
        14,
        &[
            "limit packet-hard 0",
            "limit byte-hard 0",
            "limit packet-hard 1",
            "limit byte-hard 1",
            "limit packet-soft 0",
            "limit packet-soft 1",
            "limit byte-soft 1",
            "limit time-soft 1",
            "replay-oseq 0xffffffff",
            "replay-oseq 0xfffffffe",
        ],
    );
    let encap = if protocol == "esp" && random.percent(4) {
        format!("encap espinudp 4500 4500 {}", self::any(family))
    } else {
        String::new()
    };
    let algorithm = match protocol {
        "ah" => "auth hmac(sha256) 0x0001020304050607",
        _ => "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128",
    };
    format!(
        "xfrm state add src {source} dst {destination} proto {protocol} spi {spi} reqid {reqid} mode {mode} {tie} {state} {taken} {output_mark} {encap} {algorithm}"
    )
}

/// Policies and default actions that are nobody's.
fn stray(random: &mut Random, tunnels: &[Tunnel], serial: &mut u64, lines: &mut Vec<String>) {
    let any = random.pick(&["src 0.0.0.0/0 dst 0.0.0.0/0", "src ::/0 dst ::/0"]);
    if random.percent(3) {
        lines.push(format!("xfrm policy add {any} dir out priority {}", random.below(30)));
    }
    if random.percent(2) {
        lines.push(format!("xfrm policy add {any} dir out priority 3 action block"));
    }
    if random.percent(5) {
        lines.push("xfrm policy setdefault out block".into());
        if random.percent(60) {
            lines.push("xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out priority 1000".into());
            lines.push("xfrm policy add src ::/0 dst ::/0 dir out priority 1000".into());
        }
    }
    if random.percent(3) {
        // Without a key: taken before the device.
        let tunnel = Tunnel { driver: "xfrm", key: 0, ..random.pick(tunnels) };
        let template = policy(random, &tunnel, serial, lines);
        lines.push(sa(random, &tunnel, &template, serial));
    }
}

fn table_of_mark_5(random: &mut Random, lines: &mut Vec<String>) {
    match random.below(4) {
        0 => lines.extend(
            ["route add default dev wan table 100", "route add ::/0 dev wan table 100"]
                .map(Into::into),
        ),
        1 => lines.extend(
            ["route add unreachable default table 100", "route add unreachable ::/0 table 100"]
                .map(Into::into),
        ),
        2 => lines.extend(
            ["route add default dev t0 table 100", "route add ::/0 dev t0 table 100"]
                .map(Into::into),
        ),
        _ => {}
    }
}

fn settings(random: &mut Random, tunnels: u64, plan: &mut Plan) {
    let mut set = |path: String, value| plan.settings.push((path, value));
    if random.percent(3) {
        set(format!("ipv4/conf/t{}/disable_xfrm", random.below(tunnels)), "1");
    }
    if random.percent(2) {
        set("ipv4/conf/all/disable_xfrm".into(), "1");
    }
    if random.percent(8) {
        set("core/xfrm_larval_drop".into(), "0");
    }
    if random.percent(15) {
        // IPv4 sockets do not set DF.
        set("ipv4/ip_no_pmtu_disc".into(), "1");
    }
    plan.listener = random.percent(12);
}

fn packet(random: &mut Random, tunnel: &Tunnel, number: u64) -> Packet {
    let family = random.nearly(tunnel.inner, 12, &[4, 6]);
    let net = tunnel.number + 2;
    let (source, destination) = match family {
        4 => ("10.9.1.1".to_owned(), format!("10.9.{net}.{}", number + 1)),
        _ => (
            random.nearly("fd09:1::1".into(), 10, &[CONFLICT.to_owned()]),
            format!("fd09:{net}::{}", number + 1),
        ),
    };
    Packet {
        tunnel: tunnel.name.clone(),
        source: parsed(&source),
        destination: parsed(&destination),
        source_port: random.nearly(40_000, 10, &[41_000]),
        destination_port: random.nearly(9, 10, &[10, 11]),
        mark: random.nearly(0, 12, &[7, 9, 0x107, 1]),
        size: random.nearly(100, 30, &[80, 500, 1200, 1281, 1500, 1500, 1500, 9000]),
    }
}

fn any(family: u8) -> String {
    if family == 4 { "0.0.0.0".into() } else { "::".into() }
}

fn address(family: u8, last: &str) -> String {
    match (family, last) {
        (4, "9") => "203.0.113.9".into(),
        (4, "20") => "198.51.100.20".into(),
        (4, last) => format!("192.0.2.{last}"),
        (_, "9") => "2001:db9::9".into(),
        (_, "20") => "2001:db8:100::20".into(),
        (_, last) => format!("2001:db8::{last}"),
    }
}

/// An outer address with the length of a host.
fn outer(family: u8, last: &str) -> String {
    format!("{}/{}", address(family, last), if family == 4 { 32 } else { 128 })
}

fn parsed(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| unreachable!("{text}: {error}"))
}
