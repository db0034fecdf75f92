//! Faults before the tunnel, behind it and of its ESP that no scenario has, most of them with a host of a network behind the router: 100 packets
//! of each, all of the interface, with the code or the words, and the rule where a filter drops them. What a filter drops of this host's own in
//! OUTPUT is not among them: the monitor does not report packets without a mac header.

use super::scenes::{ALG, OUTER, tunnel};
use super::session::Session;
use super::{Options, first};
use crate::Fallible;
use crate::case::End;
use crate::kernel::Kernel;
use crate::lines;
use crate::namespace::Namespace;
use crate::traffic::{self, Traffic};
use std::time::Duration;

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Lan,
    Peer,
    Router,
}
use Sender::{Lan, Peer, Router};

/// Its name, what breaks the tunnel, who sends to whom, the code, and what the reason must hold where there is none.
type Fault = (&'static str, &'static str, Sender, &'static str, &'static str, &'static str);

/// Behind the peer, this host, the host in the LAN, and one that does not exist.
const FAR: &str = "10.1.0.1";
const HERE: &str = "10.9.1.1";
const HOST: &str = "10.66.0.2";
const SILENT: &str = "10.66.0.99";

const PACKETS: u64 = 100;

const FAULTS: [Fault; 31] = [
    (
        "forward-in",
        "nft 'table inet lab { chain c { type filter hook forward priority 0; iifname t1 drop; }; }'",
        Peer,
        HOST,
        "VTI-407",
        "",
    ),
    (
        "forward-out",
        "nft 'table inet lab { chain c { type filter hook forward priority 0; oifname t1 drop; }; }'",
        Lan,
        FAR,
        "VTI-312",
        "",
    ),
    (
        "reject",
        "nft 'table inet lab { chain c { type filter hook forward priority 0; iifname t1 reject; }; }'",
        Peer,
        HOST,
        "VTI-407",
        "",
    ),
    (
        "input-esp",
        "nft 'table inet lab { chain c { type filter hook input priority 0; meta l4proto esp drop; }; }'",
        Peer,
        HERE,
        "VTI-408",
        "",
    ),
    (
        "raw-esp",
        "nft 'table inet lab { chain c { type filter hook prerouting priority -300; meta l4proto esp drop; }; }'",
        Peer,
        HERE,
        "VTI-408",
        "",
    ),
    (
        "ingress-esp",
        "nft 'table netdev lab { chain c { type filter hook ingress device wan priority 0; meta l4proto esp drop; }; }'",
        Peer,
        HERE,
        "VTI-408",
        "",
    ),
    (
        "output-esp",
        "nft 'table inet lab { chain c { type filter hook output priority 0; meta l4proto esp drop; }; }'",
        Lan,
        FAR,
        "VTI-213",
        "",
    ),
    (
        "postrouting-esp",
        "nft 'table inet lab { chain c { type filter hook postrouting priority 0; meta l4proto esp drop; }; }'",
        Lan,
        FAR,
        "VTI-213",
        "",
    ),
    (
        "postrouting-in",
        "nft 'table inet lab { chain c { type filter hook postrouting priority 0; oifname t1 drop; }; }'",
        Lan,
        FAR,
        "VTI-312",
        "",
    ),
    (
        "postrouting-inner",
        "nft 'table inet lab { chain c { type filter hook postrouting priority 0; oifname wan ip daddr 10.1.0.0/16 drop; }; }'",
        Lan,
        FAR,
        "VTI-213",
        "",
    ),
    (
        "postrouting-own-inner",
        "nft 'table inet lab { chain c { type filter hook postrouting priority 0; oifname wan ip daddr 10.1.0.0/16 drop; }; }'",
        Router,
        FAR,
        "VTI-213",
        "",
    ),
    (
        "fib",
        "nft 'table inet lab { chain c { type filter hook prerouting priority 0; iifname t1 fib saddr . iif oif 0 drop; }; }'\nip route replace 10.1.0.0/16 dev wan",
        Peer,
        HERE,
        "VTI-406",
        "",
    ),
    (
        "prerouting",
        "nft 'table inet lab { chain c { type filter hook prerouting priority 0; iifname t1 drop; }; }'",
        Peer,
        HERE,
        "VTI-407",
        "",
    ),
    (
        "input",
        "nft 'table inet lab { chain c { type filter hook input priority 0; iifname t1 udp dport 9 drop; }; }'",
        Peer,
        HERE,
        "VTI-407",
        "",
    ),
    ("forwarding-in", "echo 0 >/proc/sys/net/ipv4/conf/t1/forwarding", Peer, HOST, "VTI-409", ""),
    ("forwarding-out", "echo 0 >/proc/sys/net/ipv4/conf/lan0/forwarding", Lan, FAR, "VTI-409", ""),
    ("no-route-in", "", Peer, "10.88.0.1", "VTI-409", ""),
    ("unreachable", "ip route add unreachable 10.88.0.1", Peer, "10.88.0.1", "VTI-409", ""),
    ("blackhole", "ip route add blackhole 10.88.0.1", Peer, "10.88.0.1", "VTI-409", ""),
    (
        "no-route-out",
        "ip route del 10.1.0.0/16 dev t1\nip xfrm policy add src 10.66.0.0/24 dst 10.1.0.0/16 dir out $KEY priority 1 tmpl src 192.0.2.1 dst 192.0.2.101 proto esp reqid 1 mode tunnel",
        Lan,
        FAR,
        "VTI-308",
        "",
    ),
    ("ttl-in", "echo 1 >/proc/sys/net/ipv4/ip_default_ttl", Peer, HOST, "", "TTL or hop limit"),
    ("ttl-out", "echo 1 >/proc/sys/net/ipv4/ip_default_ttl", Lan, FAR, "", "TTL or hop limit"),
    (
        "own-source",
        "ip -n peer addr add 10.66.0.1/32 dev lo\nip -n peer route replace 10.9.0.0/16 dev t0 src 10.66.0.1",
        Peer,
        HERE,
        "",
        "its source is an address of this host",
    ),
    ("silent-host", "", Peer, SILENT, "", "next hop"),
    (
        "tc-ingress-esp",
        "tc qdisc add dev wan clsact\ntc filter add dev wan ingress matchall action drop",
        Peer,
        HERE,
        "",
        "tc (ingress)",
    ),
    (
        "tc-ingress-in",
        "tc qdisc add dev t1 clsact\ntc filter add dev t1 ingress matchall action drop",
        Peer,
        HERE,
        "",
        "tc (ingress)",
    ),
    (
        "tc-egress-esp",
        "tc qdisc add dev wan clsact\ntc filter add dev wan egress matchall action drop",
        Lan,
        FAR,
        "",
        "tc (egress)",
    ),
    (
        "tc-egress-in",
        "tc qdisc add dev t1 clsact\ntc filter add dev t1 egress matchall action drop",
        Lan,
        FAR,
        "",
        "tc (egress)",
    ),
    (
        "dead-next-hop",
        "ip neigh del 192.0.2.101 dev wan\nip -n peer addr del 192.0.2.101/24 dev wan",
        Lan,
        FAR,
        "VTI-304",
        "",
    ),
    ("own-queue", "tc qdisc add dev t1 root pfifo limit 0", Lan, FAR, "", "a queue was full"),
    ("small-link", "ip -n peer link set wan mtu 700", Lan, FAR, "", "the other end of the link"),
];

/// What is sent is larger than that.
const SIZE: usize = 900;

/// Half of them, on another kernel the other half, in turn with an xfrm interface and with a vti; or all.
pub fn faults(options: &Options) -> Fallible<Vec<String>> {
    let turn = Kernel::running()?.turn();
    let is_one = |number: usize| options.all || (number + turn) % 2 == 0;
    let mut differences = Vec::new();
    for (number, fault) in FAULTS.iter().enumerate().filter(|(number, _)| is_one(*number)) {
        let driver = if number % 4 < 2 { "xfrm" } else { "vti" };
        let found = run(fault, driver)?;
        differences.extend(found.into_iter().map(|line| format!("{} {driver}: {line}", fault.0)));
        first::clean()?;
    }
    Ok(differences)
}

/// What the kernel drops after a neighbour has not answered comes that late.
const NEIGHBOUR: Duration = Duration::from_secs(4);

fn run(fault: &Fault, driver: &str) -> Fallible<Vec<String>> {
    let (name, lines, from, to, code, words) = *fault;
    let (peer, lan) = (Namespace::new("peer")?, Namespace::new("lan")?);
    let key = if driver == "xfrm" { "if_id 1" } else { "mark 1" };
    lines::script(&["set -e", OUTER, &tunnel(1, driver), &both(key)].join("\n"))?;
    let lines = lines.replace("$KEY", key);
    // The setting is each namespace's own.
    match (lines.contains("ip_default_ttl"), from) {
        (true, Peer) => peer.within(|| lines::script(&lines))?,
        (true, _) => lan.within(|| lines::script(&lines))?,
        (false, _) => lines::script(&["set -e", &lines].join("\n"))?,
    }
    let _sinks = [traffic::sink()?, peer.within(traffic::sink)?, lan.within(traffic::sink)?];
    let sent = Traffic { size: SIZE, ..Traffic::of(End::Router, to, PACKETS) };
    let session = Session::start(&[])?;
    match from {
        Peer => peer.within(|| traffic::send(&sent, "t0"))?,
        Lan => lan.within(|| traffic::send(&sent, "eth0"))?,
        Router => traffic::send(&sent, "t1")?,
    };
    if to == SILENT || name == "dead-next-hop" {
        std::thread::sleep(NEIGHBOUR);
    }
    let seen = session.finish()?;
    let found = seen.packets("t1", code, words);
    let is_filter = ["VTI-213", "VTI-312", "VTI-406", "VTI-407", "VTI-408"].contains(&code);
    let without_rule = seen.rows.iter().filter(|row| row.get("rule").is_none()).count();
    let mut differences: Vec<String> = seen
        .faults()
        .into_iter()
        .filter(|line| !(code.is_empty() && line.starts_with("not_attributed")))
        .collect();
    if is_filter && without_rule > 0 {
        differences.push("a line without the rule".into());
    }
    if found != PACKETS || !differences.is_empty() {
        differences.push(format!(
            "{found} of {PACKETS} with {code}{words}; all: {:?} {}",
            seen.lines(),
            seen.summary
        ));
    }
    Ok(differences)
}

/// The other direction, the peer, and a network behind the router.
fn both(key: &str) -> String {
    format!(
        "
ip xfrm state add src 192.0.2.101 dst 192.0.2.1 proto esp spi 0x201 reqid 1 mode tunnel {key} {ALG} flag af-unspec
ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir in {key} tmpl src 192.0.2.101 dst 192.0.2.1 proto esp reqid 1 mode tunnel
ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir fwd {key} tmpl src 192.0.2.101 dst 192.0.2.1 proto esp reqid 1 mode tunnel
ip -n peer addr add 192.0.2.101/24 dev wan; ip -n peer addr add {FAR}/32 dev lo
ip -n peer link add t0 type xfrm dev wan if_id 1; ip -n peer link set t0 up
for net in 10.9.0.0/16 10.66.0.0/24 10.88.0.0/24; do ip -n peer route add $net dev t0 src {FAR}; done
ip -n peer xfrm state add src 192.0.2.101 dst 192.0.2.1 proto esp spi 0x201 reqid 1 mode tunnel if_id 1 {ALG} flag af-unspec
ip -n peer xfrm state add src 192.0.2.1 dst 192.0.2.101 proto esp spi 0x101 reqid 1 mode tunnel if_id 1 {ALG} flag af-unspec
for dir in out in fwd; do
  case $dir in out) ends='src 192.0.2.101 dst 192.0.2.1' ;; *) ends='src 192.0.2.1 dst 192.0.2.101' ;; esac
  ip -n peer xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir $dir if_id 1 tmpl $ends proto esp reqid 1 mode tunnel
done
ip -n lan link add eth0 address 02:00:00:00:66:02 type veth peer name lan0 address 02:00:00:00:66:01 netns router
ip -n lan link set lo up; ip -n lan link set eth0 up; ip -n lan addr add {HOST}/24 dev eth0
ip link set lan0 up; ip addr add 10.66.0.1/24 dev lan0; ip -n lan route add default via 10.66.0.1
ip neigh add {HOST} lladdr 02:00:00:00:66:02 dev lan0 nud permanent
ip -n lan neigh add 10.66.0.1 lladdr 02:00:00:00:66:01 dev eth0 nud permanent
echo 1 >/proc/sys/net/ipv4/ip_forward
"
    )
}
