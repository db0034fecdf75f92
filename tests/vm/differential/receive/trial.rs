//! One case in two fresh network namespaces, the router's and the peer's: build it, ask the model, send, and hold the kernel's counters, the
//! SAs' statistics and what arrived against the answer.

use super::plan::{BASE, Outer, Packet, Plan};
use super::send::{self, PAYLOAD, PEER};
use crate::differential::ip;
use crate::differential::outcome::{Outcome, Trial, variant};
use crate::namespace::Namespace;
use crate::{Fallible, counters, encap};
use nix::sched::{CloneFlags, unshare};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::Duration;
use vti_diagnostics::snapshot::{Link, Snapshot, Spi};
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::Flow;
use vti_diagnostics::way::receive::{self, Direction, Encrypted, Moves, Refusal, SaCounts, Site};

/// Changes of counters by their names, those that did not move left out.
type Moved = BTreeMap<String, u64>;

/// The ports at which the router listens.
pub const PORTS: [u16; 2] = [9, 10];

/// Softirqs of the peer and the router, at the latest when their ksoftirqd runs; again where the answer is another than the model's.
const SETTLE: Duration = Duration::from_millis(4);
const LONGER: Duration = Duration::from_millis(60);

/// What one packet does, as the model says it or as the kernel shows it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    /// The counters of each tunnel, `t0 rx_packets`.
    devices: Moved,
    xfrm_stat: Moved,
    /// Statistics of the SAs, all together.
    sa: Moved,
    delivered: u64,
    forwarded: u64,
}

/// Runs one case. The thread stays in the case's namespace, which ends with the next one. On the main thread only:
/// `/proc/net` is that of the process's first thread.
pub fn run(plan: &Plan) -> Fallible<Trial> {
    let peer = Namespace::new(PEER)?;
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(|error| format!("cannot make a namespace: {error}"))?;
    let base: Vec<String> = BASE.trim().lines().map(str::to_owned).collect();
    let refused = ip::build(None, &[base, plan.lines.clone()].concat())?;
    let mut trial = Trial { refused, ..Trial::default() };
    let senders = send::set_up(&peer, &plan.packets)?;
    for (path, value) in &plan.settings {
        // The file of a tunnel that the kernel refused is not there.
        let _ = std::fs::write(format!("/proc/sys/net/{path}"), value);
    }
    // An address that the case does not have cannot be bound.
    let _encap: Vec<UdpSocket> = ENCAP.into_iter().flat_map(encap::socket).collect();
    let sinks = PORTS.map(sink).into_iter().collect::<Fallible<Vec<UdpSocket>>>()?;
    let mut before = Seen::now()?;
    for (number, packet) in plan.packets.iter().enumerate() {
        let Some((mut outcome, expected)) = predict(&before.snapshot, packet)? else {
            trial.incomparable += 1;
            continue;
        };
        senders.send(number, packet)?;
        std::thread::sleep(SETTLE);
        let mut after = Seen::now()?;
        let mut found = happened(&before, &after, &sinks)?;
        if expected.as_ref().is_some_and(|expected| *expected != found) {
            std::thread::sleep(LONGER);
            after = Seen::now()?;
            let late = happened(&before, &after, &sinks)?;
            found = Counted { delivered: found.delivered + late.delivered, ..late };
        }
        outcome.differences =
            expected.map_or_else(Vec::new, |expected| differences(&expected, &found));
        if outcome.class == "NotForThisHost" {
            // It is forwarded like any other, and met by policies like any other.
            outcome.differences.retain(|difference| !difference.starts_with("xfrm_stat"));
        }
        trial.outcomes.push(outcome);
        before = after;
    }
    Ok(trial)
}

/// The router at one time.
struct Seen {
    snapshot: Snapshot,
    /// What left through `hosts`.
    forwarded: u64,
}

impl Seen {
    fn now() -> Fallible<Seen> {
        let snapshot = vti_diagnostics::collect::snapshot_at_rest(&[]);
        let text = crate::guest::read("/proc/net/dev")?;
        let hosts = text.lines().find_map(|line| line.trim_start().strip_prefix("hosts:"));
        // Eight columns of what was received come before.
        let sent = hosts.and_then(|line| line.split_whitespace().nth(9)?.parse().ok());
        Ok(Seen { snapshot, forwarded: sent.ok_or("/proc/net/dev has no hosts")? })
    }
}

/// The router's outer addresses.
const ENCAP: [IpAddr; 4] = [
    IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 11)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11)),
];

fn sink(port: u16) -> Fallible<UdpSocket> {
    let failed = |error: std::io::Error| format!("cannot listen at port {port}: {error}");
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    Ok(socket)
}

/// The model's answer, and what follows from it where it is not open. None where the packet's way is none of the model's.
fn predict(snapshot: &Snapshot, packet: &Packet) -> Fallible<Option<(Outcome, Option<Counted>)>> {
    let links = links(snapshot)?;
    let Some(wan) = links.iter().find(|link| link.name == "wan") else { return Ok(None) };
    let state = State::new(snapshot);
    let mut flow = Flow::probe(packet.source, packet.destination);
    flow.destination_port = packet.destination_port;
    let headers = if packet.source.is_ipv4() { 28 } else { 48 };
    flow.size = u32::try_from(PAYLOAD).unwrap_or(0) + headers;
    let outcome = |class, site, open, steps| Outcome {
        packet: packet.to_string(),
        class,
        site,
        open,
        steps,
        snapshot: snapshot.clone(),
        differences: Vec::new(),
    };
    let Some(outer) = &packet.outer else {
        return Ok(Some(match receive::clear(&state, &flow, wan.ifindex) {
            Err(missing) => {
                let open = Some(missing.to_string());
                (outcome("Undecided in clear".into(), missing.to_string(), open, vec![]), None)
            }
            Ok(refusal) => {
                let class = refusal.as_ref().map_or_else(
                    || "LetIn in clear".to_owned(),
                    |(direction, refusal)| format!("{} in clear", by_policy(*direction, refusal)),
                );
                let mut counted = Counted::default();
                match &refusal {
                    None => arrives(&mut counted, snapshot, wan, packet.destination)?,
                    Some((_, refusal)) => count(&mut counted.xfrm_stat, names(refusal.stat())),
                }
                (outcome(class, format!("{refusal:?}"), None, vec![]), Some(counted))
            }
        }));
    };
    let Outer { source, destination, spi, mode, in_udp } = outer.clone();
    let encrypted = Encrypted {
        source,
        destination,
        spi: Spi(spi),
        in_udp,
        mark: 0,
        input: Some(wan.ifindex),
        mode,
        inner: flow,
    };
    let verdict = receive::receive(&state, &encrypted);
    let class = class(&verdict.site);
    let open = match &verdict.site {
        Site::Undecided(missing) => Some(missing.to_string()),
        _ => None,
    };
    let effect = verdict.effect;
    let mut counted = Counted::default();
    let kernel = snapshot.host.release();
    let device = links.iter().find(|link| Some(link.ifindex) == effect.device);
    if let Some((link, driver)) = device.and_then(|link| Some((link, link.driver()?))) {
        let rise = receive::counted(effect.moves, driver, kernel);
        count(&mut counted.devices, rise.iter().map(|c| format!("{} {}", link.name, c.name())));
    } else if effect.moves != Moves::Nothing {
        return Err(format!("{:?} counts at no tunnel", verdict.site));
    }
    count(&mut counted.xfrm_stat, names(effect.xfrm_stats));
    if effect.sa == SaCounts::Packet {
        count(&mut counted.sa, ["packets".to_owned()].into_iter());
    }
    match verdict.site {
        Site::LetIn { direction: Direction::In, .. } => counted.delivered = 1,
        Site::LetIn { direction: Direction::Forward, .. } => counted.forwarded = 1,
        _ => {}
    }
    let counted = open.is_none().then_some(counted);
    let outcome = outcome(class, format!("{:?}", verdict.site), open, verdict.trail);
    Ok(Some((outcome, counted)))
}

fn names(stats: &[vti_diagnostics::way::XfrmStat]) -> impl Iterator<Item = String> {
    stats.iter().map(|stat| stat.name().to_owned())
}

/// Where a packet goes that nothing refuses.
fn arrives(
    counted: &mut Counted,
    snapshot: &Snapshot,
    wan: &Link,
    destination: IpAddr,
) -> Fallible<()> {
    let addresses = snapshot.addresses.as_ref().map_err(ToString::to_string)?;
    let is_behind = BEHIND.contains(&destination.to_string().as_str());
    let forwards = match destination {
        IpAddr::V4(_) => wan.ipv4.as_ref().is_some_and(|c| c.forwarding),
        IpAddr::V6(_) => wan.ipv6.as_ref().is_some_and(|c| c.forwarding),
    };
    if addresses.iter().any(|a| a.prefix.addr() == destination) {
        counted.delivered = 1;
    } else if forwards && is_behind {
        counted.forwarded = 1;
    }
    Ok(())
}

/// The hosts behind the router, with a neighbour at `hosts`.
const BEHIND: [&str; 2] = ["10.9.1.77", "fd09:1::77"];

fn class(site: &Site) -> String {
    match site {
        Site::LetIn { direction, .. } => format!("LetIn {direction:?}"),
        Site::OuterPolicy { in_udp, refusal } => {
            format!("OuterPolicy {}{}", variant(refusal), if *in_udp { " in UDP" } else { "" })
        }
        Site::Policy { direction, refusal, .. } => by_policy(*direction, refusal),
        Site::AsClear { direction, refusal, .. } => {
            format!("AsClear {}", by_policy(*direction, refusal))
        }
        Site::NoSa { nearest: Some(_) } => "NoSa of the mark".to_owned(),
        site => variant(site),
    }
}

fn by_policy(direction: Direction, refusal: &Refusal) -> String {
    format!("Policy {direction:?} {}", variant(refusal))
}

fn count(moved: &mut Moved, names: impl Iterator<Item = String>) {
    for name in names {
        *moved.entry(name).or_default() += 1;
    }
}

fn links(snapshot: &Snapshot) -> Fallible<&[Link]> {
    snapshot.links.as_deref().map_err(ToString::to_string)
}

/// What happened meanwhile.
fn happened(before: &Seen, after: &Seen, sinks: &[UdpSocket]) -> Fallible<Counted> {
    let forwarded = after.forwarded.saturating_sub(before.forwarded);
    let (before, after) = (&before.snapshot, &after.snapshot);
    let devices = |snapshot| -> Fallible<Moved> {
        let tunnels = links(snapshot)?.iter().filter(|link| link.driver().is_some());
        Ok(tunnels.flat_map(statistics).collect())
    };
    let xfrm_stat = |snapshot: &Snapshot| -> Fallible<Moved> {
        let counters = snapshot.xfrm_statistics.as_ref().map_err(ToString::to_string)?;
        Ok(counters.iter().map(|counter| (counter.name.clone(), counter.value)).collect())
    };
    let mut delivered = 0;
    for sink in sinks {
        delivered += crate::traffic::arrived(sink)?;
    }
    Ok(Counted {
        devices: counters::moved(&devices(before)?, &devices(after)?),
        xfrm_stat: counters::moved(&xfrm_stat(before)?, &xfrm_stat(after)?),
        sa: of_sas(before, after)?,
        delivered,
        forwarded,
    })
}

fn statistics(link: &Link) -> Vec<(String, u64)> {
    let Some(s) = &link.statistics else { return Vec::new() };
    [
        ("rx_packets", s.rx_packets),
        ("rx_errors", s.rx_errors),
        ("rx_dropped", s.rx_dropped),
        ("tx_packets", s.tx_packets),
        ("tx_errors", s.tx_errors),
    ]
    .map(|(name, value)| (format!("{} {name}", link.name), value))
    .into()
}

/// What the statistics of the SAs rose by. One that the kernel deleted has none any more.
fn of_sas(before: &Snapshot, after: &Snapshot) -> Fallible<Moved> {
    let sas = |snapshot: &Snapshot| snapshot.sas.clone().map_err(|missing| missing.to_string());
    let (before, after) = (sas(before)?, sas(after)?);
    let mut risen = Moved::new();
    for old in &before {
        let is_same = |sa: &&vti_diagnostics::snapshot::Sa| {
            (sa.spi, sa.destination, sa.mark, sa.if_id)
                == (old.spi, old.destination, old.mark, old.if_id)
        };
        let Some(new) = after.iter().find(is_same) else { continue };
        for (name, rise) in [
            ("packets", new.current.packets - old.current.packets),
            ("replay-window", (new.replay_window_drops - old.replay_window_drops).into()),
            ("replay", (new.replay_drops - old.replay_drops).into()),
            ("failed", (new.integrity_failures - old.integrity_failures).into()),
        ] {
            if rise > 0 {
                *risen.entry(name.to_owned()).or_default() += rise;
            }
        }
    }
    Ok(risen)
}

fn differences(expected: &Counted, found: &Counted) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |what: &str, expected: String, found: String| {
        if expected != found {
            differences.push(format!("{what}: predicted {expected}, found {found}"));
        }
    };
    let words = |moved: &Moved| format!("{moved:?}");
    differ("counters", words(&expected.devices), words(&found.devices));
    differ("xfrm_stat", words(&expected.xfrm_stat), words(&found.xfrm_stat));
    differ("SA", words(&expected.sa), words(&found.sa));
    differ("delivered", expected.delivered.to_string(), found.delivered.to_string());
    differ("forwarded", expected.forwarded.to_string(), found.forwarded.to_string());
    differences
}
