//! The receive side of attribution: from the SPI, or from what was inside, to the interface and the cause. It counts nothing.

use super::attribution::{Attribution, Dropped, route_rank};
use super::packet::Outer;
use crate::code::Code;
use crate::snapshot::{Sa, Snapshot};
use crate::tunnel::Tunnel;
use std::net::IpAddr;

/// Who dropped a packet that came in, and why. None where it concerns no VTI.
pub(super) fn attribute(
    tunnels: &[Tunnel<'_>],
    before: &Snapshot,
    dropped: &Dropped,
) -> Option<Attribution> {
    match (dropped.packet.outer.as_slice(), &dropped.packet.inner) {
        ([outer, ..], _) => encrypted(tunnels, before, outer),
        ([], Some(flow)) => decrypted(tunnels, dropped.input, flow.source),
        ([], None) => Some(Attribution::open(Vec::new(), "its headers cannot be read")),
    }
}

/// ESP that the kernel did not get through decryption.
fn encrypted(tunnels: &[Tunnel<'_>], before: &Snapshot, outer: &Outer) -> Option<Attribution> {
    let spi = outer.spi?;
    let is_it = |a: &&Sa| a.spi == spi && a.destination == outer.destination;
    let of = |snapshot: &'_ Snapshot| snapshot.sas.as_ref().ok()?.iter().find(is_it).cloned();
    let now: &Snapshot = &tunnels.first()?.state.snapshot;
    if let Err(missing) = &now.sas {
        return Some(Attribution::open(Vec::new(), missing.to_string()));
    }
    let from_peer = with_peer(tunnels, outer.source);
    let Some(sa) = of(now) else {
        if from_peer.is_empty() {
            let why = format!("no VTI has the peer {}, and no SA has SPI {spi}", outer.source);
            return Some(Attribution::open(Vec::new(), why));
        }
        let why = format!("no SA has SPI {spi}");
        return Some(Attribution::of(&from_peer, Code::NoInboundAssociation, why));
    };
    let own: Vec<&Tunnel<'_>> =
        from_peer.iter().copied().filter(|t| t.admits_inbound(&sa)).collect();
    if own.is_empty() {
        let why = format!("SA {spi} has another mark or if_id than the interface");
        return Some(match from_peer.as_slice() {
            [] => Attribution::open(Vec::new(), format!("SA {spi} belongs to no VTI")),
            some => Attribution::of(some, Code::InboundAssociationMismatch, why),
        });
    }
    let then = of(before);
    let since = |counter: fn(&Sa) -> u32| counter(&sa) > then.as_ref().map_or(0, counter);
    let integrity = since(|a| a.integrity_failures);
    let replay = since(|a| a.replay_drops) || since(|a| a.replay_window_drops);
    let why = format!("SA {spi} counts it");
    Some(match (integrity, replay) {
        (true, false) => Attribution::of(&own, Code::IntegrityFailures, why),
        (false, true) => Attribution::of(&own, Code::ReplayDrops, why),
        (true, true) => Attribution {
            codes: vec![Code::IntegrityFailures, Code::ReplayDrops],
            ..Attribution::of(&own, Code::IntegrityFailures, format!("SA {spi} counts both"))
        },
        (false, false) => Attribution::open(
            own.iter().map(|t| t.link.name.clone()).collect(),
            format!("no counter of SA {spi} tells why"),
        ),
    })
}

/// What was inside, and no inbound policy let it in.
fn decrypted(tunnels: &[Tunnel<'_>], input: Option<u32>, source: IpAddr) -> Option<Attribution> {
    let why = "no inbound policy lets it in";
    if let Some(tunnel) = tunnels.iter().find(|t| Some(t.link.ifindex) == input) {
        return Some(Attribution::of(&[tunnel], Code::NoInboundPolicy, why));
    }
    // The way back leads to where it came from, as a rule.
    let best = tunnels.iter().filter_map(|t| route_rank(t, source)).max()?;
    let nearest: Vec<&Tunnel<'_>> =
        tunnels.iter().filter(|t| route_rank(t, source) == Some(best)).collect();
    let is_foreign = |tunnel: &&Tunnel<'_>| {
        let inbound = tunnel.state.snapshot.sas.as_ref().ok().into_iter().flatten();
        let is_peer = |a: IpAddr| tunnel.peers().is_ok_and(|peers| peers.contains(&a));
        let mut from_peer = inbound.filter(|a| is_peer(a.source));
        from_peer.any(|a| !tunnel.admits_inbound(a))
    };
    if nearest.iter().any(is_foreign) {
        let why = "the inbound SA has another mark or if_id than the interface";
        return Some(Attribution::of(&nearest, Code::InboundAssociationMismatch, why));
    }
    Some(Attribution::of(&nearest, Code::NoInboundPolicy, why))
}

/// The VTIs that have this peer.
fn with_peer<'t, 's>(tunnels: &'t [Tunnel<'s>], peer: IpAddr) -> Vec<&'t Tunnel<'s>> {
    let has = |t: &&Tunnel<'_>| t.peers().is_ok_and(|peers| peers.contains(&peer));
    tunnels.iter().filter(has).collect()
}
