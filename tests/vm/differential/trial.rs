//! One case in a fresh network namespace: build it, ask the model, send, and hold the kernel's counters against the answer.

use super::ip;
use super::outcome::{Outcome, Trial, variant};
use super::plan::{Packet, Plan};
use crate::Fallible;
use crate::counters::moved;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket, sockopt,
};
use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vti_diagnostics::snapshot::{
    Action, Family, IfId, Link, Policy, PolicyDirection, RouteAnswer, RouteQuery, Snapshot,
    Statistics,
};
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::{Flow, Site, Verdict, counters, transmit};

/// Changes of counters by their names, those that did not move left out.
type Moved = BTreeMap<String, u64>;

/// Runs one case. The thread stays in the case's namespace, which ends with the next one. On the main thread only:
/// `/proc/net` is that of the process's first thread.
pub fn run(plan: &Plan) -> Fallible<Trial> {
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(|error| format!("cannot make a namespace: {error}"))?;
    let mut trial = Trial { refused: ip::build(None, &plan.lines)?, ..Trial::default() };
    if !plan.later.is_empty() {
        std::thread::sleep(until_the_next_second());
        trial.refused += &ip::build(None, &plan.later)?;
    }
    for (path, value) in &plan.settings {
        // The file of a tunnel that the kernel refused is not there.
        let _ = std::fs::write(format!("/proc/sys/net/{path}"), value);
    }
    let _listener = plan.listener.then(listen).transpose()?;
    let questions: Vec<RouteQuery> = plan.packets.iter().map(question).collect();
    let mut snapshot = vti_diagnostics::collect::snapshot_at_rest(&questions);
    for packet in &plan.packets {
        let Some((verdict, flow)) = predict(&snapshot, packet)? else {
            trial.incomparable += 1;
            continue;
        };
        send(packet, &flow)?;
        let mut after = vti_diagnostics::collect::snapshot_at_rest(&questions);
        let Some(differences) = compare(&verdict, packet, &snapshot, &after)? else {
            trial.incomparable += 1;
            break;
        };
        // A held packet is tried again by a timer; an SA at its limit is deleted by one.
        let held = matches!(verdict.site, Site::Held(_) | Site::Undecided(_));
        if matches!(verdict.site, Site::LimitReached { .. } | Site::Undecided(_)) {
            std::thread::sleep(Duration::from_millis(5));
            after = vti_diagnostics::collect::snapshot_at_rest(&questions);
        }
        let snapshot = std::mem::replace(&mut snapshot, after);
        trial.outcomes.push(outcome(verdict, &flow, snapshot, differences));
        if held {
            break;
        }
    }
    Ok(trial)
}

fn outcome(verdict: Verdict, flow: &Flow, snapshot: Snapshot, differences: Vec<String>) -> Outcome {
    let site = &verdict.site;
    Outcome {
        packet: format!("{flow}, {} bytes", flow.size),
        class: class(site),
        site: format!("{site:?}"),
        open: match site {
            Site::Undecided(missing) => Some(missing.to_string()),
            _ => None,
        },
        steps: verdict.trail,
        snapshot,
        differences,
    }
}

/// The variant's name, and the reason of a state check: each is a class of its own.
fn class(site: &Site) -> String {
    match site {
        Site::StateCheck { reason, .. } => format!("StateCheck {reason:?}"),
        Site::OuterRoute { errno, .. } => format!("OuterRoute {errno}"),
        site => variant(site),
    }
}

/// A little more than is left of this second.
fn until_the_next_second() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(1010).saturating_sub(Duration::from_nanos(since.subsec_nanos().into()))
}

/// A socket that hears acquires, XFRMNLGRP_ACQUIRE.
fn listen() -> Fallible<OwnedFd> {
    let failed = |error: nix::Error| format!("cannot listen to acquires: {error}");
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        // NETLINK_XFRM is 6; nix has no name for it but that of TCP.
        SockProtocol::Tcp,
    )
    .map_err(failed)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 1)).map_err(failed)?;
    Ok(socket)
}

/// How the packet itself is routed.
fn question(packet: &Packet) -> RouteQuery {
    let Packet { source, destination, mark, .. } = packet;
    RouteQuery { destination: *destination, source: Some(*source), mark: *mark, vrf: None }
}

/// The model's answer, and the packet as it will be sent. None where it is not routed into its tunnel.
fn predict(snapshot: &Snapshot, packet: &Packet) -> Fallible<Option<(Verdict, Flow)>> {
    let state = State::new(snapshot);
    let tunnels = state.tunnels().map_err(|missing| missing.to_string())?;
    let Some(tunnel) = tunnels.iter().find(|t| t.link.name == packet.tunnel) else {
        return Ok(None);
    };
    let answer = state.route(&question(packet)).map_err(|missing| missing.to_string())?;
    let mut mtu = tunnel.link.mtu;
    match answer {
        RouteAnswer::Route { oif, mtu: path, .. } if *oif == tunnel.link.ifindex => {
            mtu = path.unwrap_or(mtu).min(mtu);
        }
        _ if !tunnel.link.admin_up => {}
        _ => return Ok(None),
    }
    let defer = std::fs::read_to_string("/proc/sys/net/ipv4/ip_no_pmtu_disc");
    let sets_df = defer.is_ok_and(|text| text.trim() == "0");
    let flow = Flow {
        source_port: packet.source_port,
        destination_port: packet.destination_port,
        mark: packet.mark,
        // A larger one is cut into fragments before the tunnel.
        size: packet.size.min(mtu),
        dont_fragment: sets_df,
        ..Flow::probe(packet.source, packet.destination)
    };
    Ok(Some((transmit::send(tunnel, &flow), flow)))
}

/// One datagram from a socket of its own. That it is not sent is part of what is compared, and no error.
fn send(packet: &Packet, flow: &Flow) -> Fallible<()> {
    let Packet { source, destination, source_port, destination_port, mark, .. } = packet;
    let socket = UdpSocket::bind((*source, *source_port))
        .map_err(|error| format!("cannot bind {source}: {error}"))?;
    socket.set_nonblocking(true).map_err(|error| format!("cannot set non-blocking: {error}"))?;
    setsockopt(&socket, sockopt::Mark, mark)
        .map_err(|error| format!("cannot set SO_MARK: {error}"))?;
    let headers = if source.is_ipv4() { 28 } else { 48 };
    let payload = vec![0; usize::try_from(flow.size.saturating_sub(headers)).unwrap_or(0)];
    let _ = socket.send_to(&payload, (*destination, *destination_port));
    Ok(())
}

/// The differences; none where other packets count as well.
fn compare(
    verdict: &Verdict,
    packet: &Packet,
    before: &Snapshot,
    after: &Snapshot,
) -> Fallible<Option<Vec<String>>> {
    if matches!(verdict.site, Site::Undecided(_)) {
        return Ok(Some(Vec::new()));
    }
    let links = |snapshot: &Snapshot| -> Fallible<Vec<Link>> {
        let links = snapshot.links.as_ref().map_err(ToString::to_string)?;
        Ok(links.iter().filter(|link| link.driver().is_some()).cloned().collect())
    };
    let (old, new) = (links(before)?, links(after)?);
    let is_tunnel = |index: u32| old.iter().any(|link| link.ifindex == index);
    let leads_into_a_tunnel = || {
        before.route_lookups.iter().flatten().any(|lookup| {
            lookup.query.source != Some(packet.source)
                && matches!(lookup.answer, RouteAnswer::Route { oif, .. } if is_tunnel(oif))
        })
    };
    // An ESP packet goes into a tunnel again: its own, or that of the ICMP error about it.
    let answered = answer_is_looked_up(verdict, packet, before)?;
    match verdict.site {
        Site::Sent { oif, .. } if is_tunnel(oif) => return Ok(None),
        Site::TakenByPolicy { .. } if leads_into_a_tunnel() => return Ok(None),
        _ if answered && leads_into_a_tunnel() => return Ok(None),
        _ => {}
    }
    let mut differences = Vec::new();
    for (old, new) in old.iter().zip(&new) {
        let expected: Moved = if old.name == packet.tunnel {
            let driver = old.driver().ok_or_else(|| format!("{} is no VTI", old.name))?;
            let moved = counters::moved(verdict.effect.moves, driver, before.host.release());
            moved.iter().map(|counter| (counter.name().to_owned(), 1)).collect()
        } else {
            Moved::new()
        };
        let found = match (&old.statistics, &new.statistics) {
            (Some(old), Some(new)) => moved(&statistics(old), &statistics(new)),
            _ => return Err(format!("no statistics of {}", old.name)),
        };
        if expected != found {
            differences.push(format!("{}: predicted {expected:?}, moved {found:?}", old.name));
        }
    }
    // What the first lookup of a socket counts is not the device's, and not predicted.
    let elsewhere =
        matches!(verdict.site, Site::TakenByPolicy { .. } | Site::DefaultBlock | Site::AdminDown);
    let expected: Moved =
        verdict.effect.xfrm_stats.iter().map(|mib| (mib.name().to_owned(), 1)).collect();
    let found = moved(&outbound(before)?, &outbound(after)?);
    // The answer's lookup may move any counter, also one that the packet moved.
    let agrees = if answered {
        expected.iter().all(|(name, value)| found.get(name) >= Some(value))
    } else {
        expected == found
    };
    if !elsewhere && !agrees {
        differences.push(format!("xfrm_stat: predicted {expected:?}, moved {found:?}"));
    }
    Ok(Some(differences))
}

/// Whether the ICMP error to this host finds a policy of its own and counts as well. It has no mark, and its route is that of lo,
/// which skips the lookup for IPv4 (disable_xfrm of lo is 1).
fn answer_is_looked_up(verdict: &Verdict, packet: &Packet, snapshot: &Snapshot) -> Fallible<bool> {
    let policies = snapshot.policies.as_ref().map_err(ToString::to_string)?;
    let takes = |p: &Policy| {
        p.direction == PolicyDirection::Out
            && p.if_id == IfId(0)
            && p.mark.admits(0)
            && p.selector.family == Family::Inet6
            && (p.action == Action::Block || !p.templates.is_empty())
    };
    let answers = verdict.effect.answer.is_some_and(|text| text.starts_with("ICMP"));
    Ok(answers && packet.source.is_ipv6() && policies.iter().any(takes))
}

fn statistics(s: &Statistics) -> Moved {
    [
        ("tx_packets", s.tx_packets),
        ("tx_errors", s.tx_errors),
        ("tx_dropped", s.tx_dropped),
        ("tx_carrier_errors", s.tx_carrier_errors),
        ("tx_aborted_errors", s.tx_aborted_errors),
        ("tx_fifo_errors", s.tx_fifo_errors),
        ("collisions", s.collisions),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn outbound(snapshot: &Snapshot) -> Fallible<Moved> {
    let counters = snapshot.xfrm_statistics.as_ref().map_err(ToString::to_string)?;
    let out = counters.iter().filter(|counter| counter.name.starts_with("XfrmOut"));
    Ok(out.map(|counter| (counter.name.clone(), counter.value)).collect())
}
