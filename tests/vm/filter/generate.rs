//! Random rulesets of nftables, and packets that meet some of their conditions. Every rule ends in a counter and what it does, so that the counter
//! says whether a packet met its conditions.

use crate::differential::random::Random;
use std::fmt::Write;
use std::net::IpAddr;

/// A ruleset and what is sent through it.
pub struct Plan {
    pub ruleset: String,
    pub flows: Vec<Flow>,
}

/// Which hooks a packet comes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In by `lan0`, out by `wan0` or `vti1`.
    Forward,
    /// In by `lan0`, to an address of the router.
    Input,
    /// From the router, out by `wan0` or `vti1`.
    Output,
}

/// A packet.
#[derive(Clone, Debug)]
pub struct Flow {
    pub way: Way,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    /// Ports; of ICMP type and code; of ESP the SPI.
    pub ports: (u16, u16),
    pub tos: u8,
    /// Bytes of payload behind the header of the protocol.
    pub size: u16,
    /// SO_MARK of the router's own packets.
    pub mark: u32,
}

/// By number: the guest has no list of names.
const PROTOCOLS: [u8; 6] = [6, 17, 1, 50, 47, 58];
const PORTS: [u16; 6] = [22, 53, 80, 443, 1000, 4500];
const PRIORITIES: [i32; 12] = [-450, -300, -250, -150, -10, 0, 0, 0, 10, 50, 99, 150];
const V4_NETS: [&str; 8] = [
    "10.9.0.0/16",
    "10.9.1.0/24",
    "192.168.0.0/22",
    "10.2.0.0/16",
    "10.2.0.64/26",
    "10.3.0.0/16",
    "10.9.0.3-10.9.0.200",
    "10.2.0.5",
];
const V6_NETS: [&str; 6] = [
    "fd00:9::/64",
    "fd00:9::/120",
    "fd00:2::/64",
    "fd00:3::/64",
    "fd00:9::3-fd00:9::ff",
    "fd00:2::5",
];
const NAMES: [&str; 6] = ["lan0", "wan0", "vti1", "vti*", "wan*", "eth7"];

/// What a chain may have.
struct Context {
    family: &'static str,
    /// The hook, or none for a chain that others jump to.
    hook: Option<&'static str>,
    is_nat: bool,
    /// Chains that it may jump to.
    chains: Vec<String>,
}

pub fn plan(random: &mut Random) -> Plan {
    let own = random.percent(25);
    let hooks: &[&'static str] = if own {
        &["output", "postrouting"]
    } else {
        &["prerouting", "forward", "input", "postrouting"]
    };
    let mut ruleset = String::new();
    for number in 0..1 + random.below(3) {
        let family = random.pick(&["ip", "ip", "inet", "inet", "ip6"]);
        table(random, &mut ruleset, number, family, hooks);
    }
    ruleset += &ends(if own { &["postrouting"] } else { &["postrouting", "input"] });
    let flows = (0..6).map(|number| flow(random, own, 1 + number * 40, 38)).collect();
    Plan { ruleset, flows }
}

/// A router's whole ruleset as VyOS makes it, and so many packets.
pub fn of_vyos(random: &mut Random, count: u64) -> Plan {
    let ruleset = format!("{}{}", include_str!("vyos.nft"), ends(&["postrouting", "input"]));
    // Each fourth is the router's own.
    let flows = (0..count).map(|number| flow(random, number % 4 == 3, 1 + number * 5, 5));
    Plan { ruleset, flows: flows.collect() }
}

/// Rules for what comes so far: it passed all others.
fn ends(hooks: &[&str]) -> String {
    let mut ruleset = String::from("table inet ends {\n");
    for hook in hooks {
        // A packet that is delivered would be answered.
        let then = if *hook == "input" { "drop" } else { "accept" };
        let _ = writeln!(
            ruleset,
            " chain {hook} {{ type filter hook {hook} priority 30000; meta l4proto != 58 counter {then} comment \"end\"; icmpv6 type echo-request counter {then} comment \"end\"; }}"
        );
    }
    ruleset += "}\n";
    ruleset
}

fn table(
    random: &mut Random,
    text: &mut String,
    number: u64,
    family: &'static str,
    hooks: &[&'static str],
) {
    let _ = writeln!(text, "table {family} t{number} {{");
    sets(random, text, family);
    let mut chains = Vec::new();
    for chain in 0..random.below(4) {
        let name = format!("u{chain}");
        // A chain jumps to those before it: no circles.
        let context = Context { family, hook: None, is_nat: false, chains: chains.clone() };
        let _ = writeln!(text, " chain {name} {{");
        rules(random, text, &context, 4);
        text.push_str(" }\n");
        chains.push(name);
    }
    for chain in 0..1 + random.below(3) {
        let hook = random.pick(hooks);
        let is_nat = matches!(hook, "prerouting" | "postrouting") && random.percent(15);
        let (kind, priority) = if is_nat {
            ("nat", if hook == "prerouting" { -100 } else { 100 })
        } else if hook == "output" && random.percent(20) {
            ("route", -150)
        } else {
            ("filter", random.pick(&PRIORITIES))
        };
        let policy = if random.percent(20) && !is_nat { "drop" } else { "accept" };
        let _ = writeln!(
            text,
            " chain b{chain} {{ type {kind} hook {hook} priority {priority}; policy {policy};"
        );
        if policy == "drop" && hook != "prerouting" {
            // The router's own neighbour discovery is not of the test.
            let _ =
                writeln!(text, "  icmpv6 type {{ 133, 134, 135, 136, 143 }} accept").map(|()| {
                    if family == "ip" {
                        let line = text.trim_end().rfind('\n').unwrap_or(0);
                        text.truncate(line + 1);
                    }
                });
        }
        let context = Context { family, hook: Some(hook), is_nat, chains: chains.clone() };
        rules(random, text, &context, 6);
        text.push_str(" }\n");
    }
    text.push_str("}\n");
}

fn sets(random: &mut Random, text: &mut String, family: &str) {
    let nets = |random: &mut Random, all: &[&str]| {
        let start = random.below(all.len() as u64) as usize;
        // Neighbours in the list do not overlap when they are merged.
        all.iter().cycle().skip(start).take(3).copied().collect::<Vec<_>>().join(", ")
    };
    if family != "ip6" {
        let elements = nets(random, &V4_NETS);
        let _ = writeln!(
            text,
            " set v4 {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {elements} }}; }}\n \
             set pair {{ type ipv4_addr . inet_service; flags interval; elements = {{ 10.9.0.0/16 . 50-100, 10.2.0.5 . 443, 192.168.0.0/22 . 22 }}; }}"
        );
    }
    if family != "ip" {
        let elements = nets(random, &V6_NETS);
        let _ = writeln!(
            text,
            " set v6 {{ type ipv6_addr; flags interval; auto-merge; elements = {{ {elements} }}; }}"
        );
    }
    let port = random.pick(&PORTS);
    let _ = writeln!(
        text,
        " set ports {{ type inet_service; flags interval; auto-merge; elements = {{ {port}, 70-90, 4000-5000 }}; }}\n \
         set names {{ type ifname; flags interval; elements = {{ \"lan0\", \"vti*\" }}; }}\n \
         set marks {{ type mark; flags interval; elements = {{ 5-7, 0x100 }}; }}"
    );
}

fn rules(random: &mut Random, text: &mut String, context: &Context, most: u64) {
    for _ in 0..random.below(most + 1) {
        let mut rule = String::new();
        // Conditions that exclude each other nft refuses.
        let is_v6 = context.family == "ip6" || context.family == "inet" && random.percent(40);
        let of = Of {
            family: context.family,
            is_v6,
            transport: random.pick(&["tcp", "udp", "th", "icmp", "esp", ""]),
        };
        for _ in 0..random.below(4) {
            let condition = condition(random, &of);
            if !condition.is_empty() {
                let _ = write!(rule, "{condition} ");
            }
        }
        let _ = writeln!(text, "  {rule}counter {}", verdict(random, context));
    }
}

/// What the conditions of a rule are about.
struct Of {
    family: &'static str,
    is_v6: bool,
    transport: &'static str,
}

fn condition(random: &mut Random, of: &Of) -> String {
    let Of { family, is_v6, transport } = *of;
    let not = if random.percent(20) { "!= " } else { "" };
    let name = random.pick(&NAMES);
    let port = random.pick(&PORTS);
    let v4 = random.pick(&V4_NETS);
    let v6 = random.pick(&V6_NETS);
    let side = random.pick(&["saddr", "daddr"]);
    let port_side = random.pick(&["sport", "dport"]);
    match random.below(30) {
        0 | 1 => format!("iifname {not}\"{name}\""),
        2 | 3 => format!("oifname {not}\"{name}\""),
        4 => format!("iifname {not}@names"),
        5 => format!("oifname {not}{{ \"wan0\", \"vti1\" }}"),
        6..=9 if is_v6 => format!("ip6 {side} {not}{v6}"),
        6..=9 => format!("ip {side} {not}{v4}"),
        10 | 11 if is_v6 => format!("ip6 {side} {not}@v6"),
        10 | 11 => format!("ip {side} {not}@v4"),
        12 | 13 if transport.is_empty() => format!("meta l4proto {not}{}", random.pick(&PROTOCOLS)),
        14 if transport.is_empty() => "meta l4proto { 6, 17, 58 }".to_owned(),
        12..=18 => match transport {
            "tcp" | "udp" | "th" => {
                let last = port + random.pick(&[1, 100, 4000]);
                let values = [
                    port.to_string(),
                    format!("{port}-{last}"),
                    "@ports".to_owned(),
                    "{ 22, 80, 1000-5000 }".to_owned(),
                ];
                format!("{transport} {port_side} {not}{}", random.pick(&values))
            }
            "icmp" if is_v6 => {
                format!("icmpv6 type {not}{}", random.pick(&["echo-request", "packet-too-big"]))
            }
            "icmp" => format!("icmp type {not}{}", random.pick(&["echo-request", "echo-reply"])),
            "esp" => format!("esp spi {not}{}", random.pick(&["0x100", "256-300"])),
            _ => String::new(),
        },
        20 => format!("meta mark {not}{}", random.pick(&["0", "5", "0x105", "@marks", "4-9"])),
        21 => format!("meta mark and 0xff {}", random.pick(&["== 5", "!= 5", "== 0"])),
        22 => format!(
            "ct state {not}{}",
            random.pick(&["new", "established,related", "invalid", "untracked", "new,invalid"])
        ),
        23 => format!("meta length {}", random.pick(&["< 100", "> 100", "60-200", "!= 60-200"])),
        24 if is_v6 => format!("ip6 dscp {not}{}", random.pick(&["0", "10", "46"])),
        24 => format!("ip dscp {not}{}", random.pick(&["0", "10", "{ 10, 46 }"])),
        25 => format!("meta ipsec {}", random.pick(&["exists", "missing"])),
        26 if is_v6 => format!("ip6 {side} and ffff:ffff:ffff:ffff::0 == fd00:9::"),
        26 if transport == "tcp" => format!("ip saddr . tcp dport {not}@pair"),
        27 if family == "inet" => format!("meta nfproto {}", if is_v6 { "ipv6" } else { "ipv4" }),
        28 if random.percent(40) => {
            random.pick(&["limit rate 1/second", "ct mark 0", "iifgroup 0"]).to_owned()
        }
        _ => String::new(),
    }
}

fn verdict(random: &mut Random, context: &Context) -> String {
    if context.is_nat {
        let is_v4 = context.family == "ip";
        return match (context.hook, random.below(5)) {
            (_, 0) => "return".into(),
            (_, 1) => "accept".into(),
            (Some("postrouting"), 2) if is_v4 => "snat to 10.2.0.1".into(),
            (Some("postrouting"), 3) if is_v4 => "snat to 10.2.0.9-10.2.0.12".into(),
            (Some("postrouting"), _) => "masquerade".into(),
            // Only what stays on the same way.
            (_, _) if is_v4 => "continue".into(),
            _ => "accept".into(),
        };
    }
    match random.below(20) {
        0..=3 => "accept".into(),
        4..=6 => "drop".into(),
        7 | 8 => "return".into(),
        9..=12 if !context.chains.is_empty() => {
            let word = random.pick(&["jump", "jump", "jump", "goto"]);
            format!("{word} {}", random.pick(&context.chains))
        }
        13 => format!("meta mark set {}", random.pick(&["5", "0x105", "0"])),
        14 => "meta mark set mark or 0x100".into(),
        15 => "meta mark set mark and 0xff xor 0x3".into(),
        16 => "notrack".into(),
        17 => vmap(random, context),
        18 if matches!(context.hook, Some("input" | "forward")) => "reject".into(),
        _ => "continue".into(),
    }
}

fn vmap(random: &mut Random, context: &Context) -> String {
    let jump = context.chains.first().map_or("drop".to_owned(), |chain| format!("jump {chain}"));
    match random.below(5) {
        0 => format!("tcp dport vmap {{ 22 : accept, 80-90 : drop, 443 : {jump} }}"),
        1 => format!("meta l4proto vmap {{ 6 : {jump}, 17 : accept, 1 : drop }}"),
        2 => format!("ct state vmap {{ established : accept, invalid : drop, new : {jump} }}"),
        3 => "iifname vmap { \"lan0\" : continue, \"wan0\" : drop }".into(),
        _ => format!("meta mark vmap {{ 0x5 : drop, 0x0 : {jump} }}"),
    }
}

/// A packet of one of `hosts` hosts, the first of which has the number `first`.
fn flow(random: &mut Random, own: bool, first: u64, hosts: u64) -> Flow {
    let is_v6 = random.percent(35);
    // Each is a connection of its own. No route leads to the sources: nothing is answered.
    let host = first + random.below(hosts);
    let third = random.below(3);
    let way = match random.below(3) {
        _ if own => Way::Output,
        0 => Way::Input,
        _ => Way::Forward,
    };
    let net = random.pick(&[2, 2, 3]);
    let destination = random.pick(&[5, 70, 200]);
    let text = |v4: String, v6: String| if is_v6 { v6 } else { v4 };
    let source = match random.percent(25) {
        true => text(format!("192.168.{third}.{host}"), format!("fd00:8::{host:x}")),
        false => text(format!("10.9.{third}.{host}"), format!("fd00:9::{host:x}")),
    };
    let destination = match way {
        Way::Input => text("10.1.0.1".into(), "fd00:1::1".into()),
        _ => text(format!("10.{net}.0.{destination}"), format!("fd00:{net}::{destination:x}")),
    };
    let protocol = random.pick(&[6, 6, 17, 17, if is_v6 { 58 } else { 1 }, 50, 47]);
    let ports = match protocol {
        1 => (8, 0),
        58 => (128, 0),
        50 => (0, random.pick(&[0x100, 0x101, 0x130])),
        _ => (random.pick(&PORTS), random.pick(&PORTS)),
    };
    let size = random.pick(&[0, 20, 40, 60, 100, 172, 200]);
    let address = |text: String| text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
    Flow {
        way,
        source: address(source),
        destination: address(destination),
        protocol,
        ports,
        tos: random.pick(&[0, 0, 40, 184]),
        // Source NAT drops a GRE packet of less than eight bytes (`gre_manip_pkt()`): none is sent with nothing inside.
        size: if protocol == 47 { size.max(20) } else { size },
        mark: if own { random.pick(&[0, 0, 5, 0x105]) } else { 0 },
    }
}
