//! Scenes with more than one tunnel, with what the kernel sends by itself, and with what comes in.

use super::Options;
use super::session::{Seen, Session};
use crate::Fallible;
use crate::case::End;
use crate::lines;
use crate::namespace::Namespace;
use crate::traffic::{self, Traffic};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The algorithm of all SAs.
pub const ALG: &str = "aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128";

/// The router's side of the outer network; `peer` has the other.
pub const OUTER: &str = "
ip -n peer link add wan address 02:00:00:00:00:02 type veth peer name wan address 02:00:00:00:00:01 netns router
ip -n peer link set wan up; ip -n peer link set lo up; ip -n peer addr add 192.0.2.2/24 dev wan
ip link set wan up; ip addr add 192.0.2.1/24 dev wan
ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev wan nud permanent
ip -n peer neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev wan nud permanent
ip addr add 10.9.1.1/32 dev lo; ip -6 addr add fd09:1::1/128 dev lo nodad
";

/// A tunnel of the router by its number, healthy in both directions.
pub fn tunnel(number: u8, driver: &str) -> String {
    let (kind, key) = match driver {
        "xfrm" => (format!("type xfrm dev wan if_id {number}"), format!("if_id {number}")),
        _ => (
            format!("type vti local 192.0.2.1 remote 192.0.2.{} key {number}", 100 + number),
            format!("mark {number}"),
        ),
    };
    let peer = format!("192.0.2.{}", 100 + number);
    format!(
        "
ip neigh add {peer} lladdr 02:00:00:00:00:02 dev wan nud permanent
ip link add t{number} {kind}; ip link set t{number} up
ip route add 10.{number}.0.0/16 dev t{number} src 10.9.1.1; ip -6 route add fd{number:02}::/16 dev t{number} src fd09:1::1
ip xfrm state add src 192.0.2.1 dst {peer} proto esp spi 0x1{number:02} reqid {number} mode tunnel {key} {ALG} flag af-unspec
ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out {key} tmpl src 192.0.2.1 dst {peer} proto esp reqid {number} mode tunnel
"
    )
}

/// Lines against what is expected, each with its beginning.
fn compare(seen: &Seen, expected: &[&str]) -> Vec<String> {
    let mut lines = seen.lines();
    let mut differences = seen.faults();
    for wanted in expected {
        match lines.iter().position(|line| line.starts_with(wanted)) {
            Some(at) => drop(lines.remove(at)),
            None => differences.push(format!("no line {wanted}")),
        }
    }
    differences.extend(lines.into_iter().map(|line| format!("unexpected: {line}")));
    if !differences.is_empty() {
        differences.push(seen.summary.to_string());
    }
    differences
}

/// Each cause keeps to its interface, and what is no affair of tunnels stays out.
pub fn several(_: &Options) -> Fallible<Vec<String>> {
    let _peer = Namespace::new("peer")?;
    let tunnels = [(1, "vti"), (2, "xfrm"), (3, "xfrm"), (4, "vti"), (5, "xfrm")];
    let tunnels: String = tunnels.iter().map(|(number, driver)| tunnel(*number, driver)).collect();
    let faults = "
ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 dir out mark 1
ip xfrm state delete src 192.0.2.1 dst 192.0.2.102 proto esp spi 0x102
nft 'table inet lab { chain input { type filter hook input priority 0; udp dport 7777 drop; }; }'
";
    lines::script(&["set -e", OUTER, &tunnels, faults].join("\n"))?;
    let session = Session::start(&[])?;
    let (is_over, unrelated) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| -> Fallible<()> {
        scope.spawn(|| {
            let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else { return };
            while !is_over.load(Ordering::Relaxed) {
                // Ten every 10 ms: a closed port, and a packet filter.
                for port in [9999, 7777, 9999, 7777, 9999, 7777, 9999, 7777, 9999, 7777] {
                    let _ = socket.send_to(&[0; 100], ("127.0.0.1", port));
                    unrelated.fetch_add(1, Ordering::Relaxed);
                }
                let due = Duration::from_millis(unrelated.load(Ordering::Relaxed));
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
        });
        for _ in 0..100 {
            for to in ["10.1.0.9", "10.2.0.9", "fd03::9", "10.4.0.9", "10.5.0.9", "10.3.0.9"] {
                traffic::send(&Traffic::of(End::Router, to, 1), "t1")?;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        is_over.store(true, Ordering::Relaxed);
        Ok(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let seen = session.finish()?;
    let sent = unrelated.into_inner();
    println!("       unrelated: {sent} sent in {seconds:.1} s, {} counted", seen.sum("unrelated"));
    let mut differences = compare(
        &seen,
        &[
            "t1 VTI-101 10.9.1.1 -> 10.1.0.9, udp 9: 100",
            "t2 VTI-111 10.9.1.1 -> 10.2.0.9, udp 9: 100",
            "t3 VTI-103 fd09:1::1 -> fd03::9, udp 9: 100",
        ],
    );
    if seen.sum("unrelated") < sent {
        differences.push(format!("unrelated: {} of {sent}", seen.sum("unrelated")));
    }
    Ok(differences)
}

/// What the kernel sends by itself is named, too.
pub fn solicitations(_: &Options) -> Fallible<Vec<String>> {
    let _peer = Namespace::new("peer")?;
    lines::script(&["set -e", OUTER, &tunnel(1, "xfrm"), "ip link del t1"].join("\n"))?;
    let settings = |values: [&str; 5]| -> Fallible<()> {
        let names =
            ["accept_dad", "router_solicitations", "autoconf", "addr_gen_mode", "accept_ra"];
        for (name, value) in names.iter().zip(values) {
            let path = format!("/proc/sys/net/ipv6/conf/default/{name}");
            std::fs::write(&path, value)
                .map_err(|error| format!("cannot write {path}: {error}"))?;
        }
        Ok(())
    };
    settings(["1", "-1", "1", "0", "1"])?;
    let made = lines::script("ip link add t1 type xfrm dev wan if_id 1");
    settings(["0", "0", "0", "1", "0"])?;
    made?;
    let session = Session::start(&["--interface", "t1"])?;
    lines::script("ip link set t1 up")?;
    std::thread::sleep(Duration::from_secs(7));
    let seen = session.finish()?;
    let lines = seen.lines();
    let mut differences = seen.faults();
    let is_solicitation = |line: &&String| {
        line.starts_with("t1 VTI-103 fe80::") && line.contains("-> ff02::2, icmpv6 type 133")
    };
    if lines.iter().find(is_solicitation).is_none() {
        differences.push("no router solicitation".into());
    }
    if !lines.iter().all(|line| line.starts_with("t1 VTI-103 ")) || !differences.is_empty() {
        differences.extend(lines);
        differences.push(seen.summary.to_string());
    }
    Ok(differences)
}

/// ESP that the router refuses, by the SPI, the key, the window, and the policy.
pub fn inbound(_: &Options) -> Fallible<Vec<String>> {
    let mut differences = Vec::new();
    let xfrm = |line: &str| format!("ip xfrm {line}");
    let policy = "policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir in if_id 1 tmpl src 192.0.2.101 dst 192.0.2.1 proto esp reqid 1 mode tunnel";
    let state =
        "state add src 192.0.2.101 dst 192.0.2.1 proto esp spi 0x201 reqid 1 mode tunnel if_id 1";
    let other = ALG.replace("0x0001", "0xff01");
    for (code, lines) in [
        ("VTI-401", vec![xfrm(policy)]),
        ("VTI-402", vec![xfrm(policy), xfrm(&format!("{state} {other} flag af-unspec"))]),
        (
            "VTI-403",
            vec![
                xfrm(policy),
                xfrm(&format!("{state} {ALG} flag af-unspec replay-window 32 replay-seq 1000")),
            ],
        ),
        ("VTI-404", vec![xfrm(&format!("{state} {ALG} flag af-unspec"))]),
    ] {
        let peer = Namespace::new("peer")?;
        let far = format!(
            "
ip -n peer addr add 192.0.2.101/24 dev wan; ip -n peer addr add 10.1.0.1/32 dev lo
ip -n peer link add t0 type xfrm dev wan if_id 1; ip -n peer link set t0 up; ip -n peer route add 10.9.0.0/16 dev t0 src 10.1.0.1
ip -n peer xfrm state add src 192.0.2.101 dst 192.0.2.1 proto esp spi 0x201 reqid 1 mode tunnel if_id 1 {ALG} flag af-unspec
ip -n peer xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 1 tmpl src 192.0.2.101 dst 192.0.2.1 proto esp reqid 1 mode tunnel
"
        );
        let near = lines.join("\n");
        lines::script(&["set -e", OUTER, &tunnel(1, "xfrm"), &far, &near].join("\n"))?;
        // A packet for a port that nobody listens at is dropped before the policies are asked, for all that the kernel tells.
        let _sink = traffic::sink()?;
        let session = Session::start(&[])?;
        peer.within(|| traffic::send(&Traffic::of(End::Router, "10.9.1.1", 100), "t0"))?;
        let seen = session.finish()?;
        let label = match code {
            "VTI-404" => "10.1.0.1 -> 10.9.1.1, udp 9: 100".to_string(),
            _ => "192.0.2.101 -> 192.0.2.1, SPI 0x00000201: 100".to_string(),
        };
        let found = compare(&seen, &[&format!("t1 {code} {label}")]);
        differences.extend(found.into_iter().map(|line| format!("{code}: {line}")));
        drop(peer);
        super::first::clean()?;
    }
    Ok(differences)
}
