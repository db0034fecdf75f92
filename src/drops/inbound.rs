//! The receive side of attribution: from the SPI, or from the inner packet, to the interface and the cause, by the receive model. It counts
//! nothing.

use super::attribution::{Attribution, Dropped, names, route_rank};
use super::packet::Outer;
use super::place::Place;
use crate::code::Code;
use crate::diagnose;
use crate::snapshot::{Direction, Driver, Mode, Sa, Snapshot};
use crate::tunnel::Tunnel;
use crate::way::receive::{self, ESP, Encrypted, SaCounts, Site, Verdict};
use crate::way::{Flow, loss};
use std::net::IpAddr;

/// Which interface dropped a received packet, and why. None if it concerns no VTI.
pub(super) fn attribute(
    tunnels: &[Tunnel<'_>],
    before: &Snapshot,
    dropped: &Dropped,
) -> Option<Attribution> {
    match (dropped.packet.outer.as_slice(), &dropped.packet.inner) {
        ([outer, ..], _) if dropped.place == Place::OuterPolicy => refused_outside(tunnels, outer),
        ([outer, ..], Some(flow)) => of_transport_mode(tunnels, outer, flow),
        ([outer, ..], None) => encrypted(tunnels, before, outer),
        ([], Some(flow)) => decrypted(tunnels, before, dropped.input, flow),
        ([], None) => Some(Attribution::open(Vec::new(), "its headers cannot be read")),
    }
}

/// An ESP packet that a policy refused before its SA was looked up; on vti6 the check of its addresses comes at the same place.
fn refused_outside(tunnels: &[Tunnel<'_>], outer: &Outer) -> Option<Attribution> {
    let state = tunnels.first()?.state;
    let Outer { source, destination, spi, .. } = outer;
    let packet = Encrypted::outside(*source, *destination, spi.unwrap_or_default());
    // The mark of the packet is not in the alert. Without one it is refused by a policy without a mark; with that of a vti by the vti's own.
    let own = tunnels.iter().filter_map(|t| t.mark_or_if_id.mark(Direction::In));
    for mark in std::iter::once(0).chain(own) {
        let verdict = receive::receive(state, &Encrypted { mark, ..packet.clone() });
        if matches!(verdict.site, Site::OuterPolicy { .. } | Site::TunnelEndpoint { .. }) {
            let owners = owners(tunnels, &verdict, outer, None);
            return Some(by_model(&owners, &verdict));
        }
    }
    Some(Attribution::open(Vec::new(), "the state that was read lets the ESP packet pass"))
}

/// An ESP packet that was not decrypted.
fn encrypted(tunnels: &[Tunnel<'_>], before: &Snapshot, outer: &Outer) -> Option<Attribution> {
    let spi = outer.spi?;
    let state = tunnels.first()?.state;
    let sa = match state.sa_with_spi(outer.destination, spi) {
        Ok(sa) => sa,
        Err(missing) => return Some(Attribution::open(Vec::new(), missing.to_string())),
    };
    let packet = Encrypted {
        in_udp: outer.in_udp,
        mode: sa.map_or(Mode::Tunnel, |sa| sa.mode),
        ..Encrypted::outside(outer.source, outer.destination, spi)
    };
    let verdict = receive::receive(state, &packet);
    let owners = owners(tunnels, &verdict, outer, sa);
    match &verdict.site {
        // The SA would have decrypted it: only its statistics show what was wrong with the packet.
        _ if verdict.effect.sa == SaCounts::Packet => Some(by_statistics(&owners, before, sa?)),
        Site::Undecided(missing) => Some(Attribution::open(names(&owners), missing.to_string())),
        Site::NoSa { .. } if owners.is_empty() => {
            let why = format!("no VTI has the peer {}, and no SA has SPI {spi}", outer.source);
            Some(Attribution::open(Vec::new(), why))
        }
        _ if owners.is_empty() => {
            Some(Attribution::open(Vec::new(), format!("SA {spi} belongs to no VTI")))
        }
        _ => Some(by_model(&owners, &verdict)),
    }
}

/// A packet that an SA of transport mode decrypted; its SPI may be overwritten.
fn of_transport_mode(tunnels: &[Tunnel<'_>], outer: &Outer, inner: &Flow) -> Option<Attribution> {
    let state = tunnels.first()?.state;
    let sas = match &state.snapshot.sas {
        Ok(sas) => sas.iter(),
        Err(missing) => return Some(Attribution::open(Vec::new(), missing.to_string())),
    };
    let Outer { source, destination, spi, .. } = *outer;
    let is_it = |sa: &&Sa| {
        (sa.protocol, sa.mode) == (ESP, Mode::Transport)
            && (sa.source, sa.destination) == (source, destination)
            && spi.is_none_or(|spi| sa.spi == spi)
    };
    // Other addresses than the SA's are those of an IP packet inside, which the peer encrypted in tunnel mode.
    let is_inside = (inner.source, inner.destination) != (source, destination);
    let mode = if is_inside { Mode::Tunnel } else { Mode::Transport };
    let judged = sas.filter(is_it).map(|sa| {
        let packet = Encrypted { mode, ..Encrypted::of(sa, inner.clone()) };
        let verdict = receive::receive(state, &packet);
        by_model(&owners(tunnels, &verdict, outer, Some(sa)), &verdict)
    });
    judged.min_by_key(|attribution| attribution.codes.is_empty())
}

/// The interfaces that a packet is for: the one that takes it; or, where none does, those that have its peer.
pub(super) fn owners<'t, 's>(
    tunnels: &'t [Tunnel<'s>],
    verdict: &Verdict,
    outer: &Outer,
    sa: Option<&Sa>,
) -> Vec<&'t Tunnel<'s>> {
    let takes = |t: &&Tunnel<'_>| verdict.effect.device == Some(t.link.ifindex);
    let taken: Vec<&Tunnel<'_>> = tunnels.iter().filter(takes).collect();
    if !taken.is_empty() {
        return taken;
    }
    let is_peer = |t: &&Tunnel<'_>| t.peers().is_ok_and(|peers| peers.contains(&outer.source));
    let of_peer: Vec<&Tunnel<'_>> = tunnels.iter().filter(is_peer).collect();
    // Of several interfaces with the same peer, the one whose SA it is.
    let own: Vec<&Tunnel<'_>> =
        of_peer.iter().copied().filter(|t| sa.is_some_and(|sa| t.admits_inbound(sa))).collect();
    if own.is_empty() { of_peer } else { own }
}

/// What the model says of it.
fn by_model(owners: &[&Tunnel<'_>], verdict: &Verdict) -> Attribution {
    let mut codes: Vec<Code> =
        owners.iter().filter_map(|t| diagnose::inbound_cause(t, verdict)).collect();
    codes.dedup();
    match codes.as_slice() {
        [code] => Attribution::of(owners, *code, verdict.effect.function),
        _ => Attribution::open(names(owners), verdict.effect.function),
    }
}

/// What the statistics of the SA say of packets that it refused.
fn by_statistics(owners: &[&Tunnel<'_>], before: &Snapshot, sa: &Sa) -> Attribution {
    let spi = sa.spi;
    let then =
        before.sas.iter().flatten().find(|a| a.spi == spi && a.destination == sa.destination);
    let since = |counter: fn(&Sa) -> u32| counter(sa) > then.map_or(0, counter);
    let integrity = since(|a| a.integrity_failures);
    let replay = since(|a| a.replay_drops) || since(|a| a.replay_window_drops);
    let why = format!("SA {spi} counted the drop");
    match (integrity, replay) {
        (true, false) => Attribution::of(owners, Code::IntegrityFailures, why),
        (false, true) => Attribution::of(owners, Code::ReplayDrops, why),
        (true, true) => Attribution {
            codes: vec![Code::IntegrityFailures, Code::ReplayDrops],
            ..Attribution::of(
                owners,
                Code::IntegrityFailures,
                format!("SA {spi} counted both causes"),
            )
        },
        (false, false) => {
            Attribution::open(names(owners), format!("no counter of SA {spi} shows why"))
        }
    }
}

/// A decrypted packet that no policy accepted.
fn decrypted(
    tunnels: &[Tunnel<'_>],
    before: &Snapshot,
    input: Option<u32>,
    flow: &Flow,
) -> Option<Attribution> {
    if let Some(tunnel) = tunnels.iter().find(|t| Some(t.link.ifindex) == input) {
        return Some(refused(&[tunnel], None, flow));
    }
    let led = by_reverse_path(tunnels, flow);
    if led.as_ref().is_some_and(|led| !led.codes.is_empty()) {
        return led;
    }
    past_the_interface(tunnels, before, input, flow).or(led)
}

/// A packet of the outer device: an xfrm interface that is down takes nothing of what its SA decrypts. None if no such SA has decrypted anything.
fn past_the_interface(
    tunnels: &[Tunnel<'_>],
    before: &Snapshot,
    input: Option<u32>,
    flow: &Flow,
) -> Option<Attribution> {
    let counted = |sa: &&Sa| {
        let then = before.sas.iter().flatten().find(|then| loss::is_same(sa, then));
        then.is_some_and(|then| sa.current.packets > then.current.packets)
    };
    // Before a later sample no counter tells: all that have an SA may be it.
    let is_later = tunnels.first()?.state.snapshot.taken_at_ms != before.taken_at_ms;
    let may_be = |t: &&Tunnel<'_>| {
        let is_down = t.driver == Driver::Xfrm && !t.link.admin_up;
        is_down && inbound(t).iter().any(|sa| !is_later || counted(sa))
    };
    let past: Vec<&Tunnel<'_>> = tunnels.iter().filter(may_be).collect();
    if past.is_empty() {
        return None;
    }
    if is_later {
        return Some(refused(&past, input, flow));
    }
    let why = "the interface is down; a later sample shows whether its SA decrypted the packet";
    Some(Attribution::open(names(&past), why))
}

/// Usually the reverse path leads to the interface that a packet came from. None if it leads to no VTI.
fn by_reverse_path(tunnels: &[Tunnel<'_>], flow: &Flow) -> Option<Attribution> {
    let best = tunnels.iter().filter_map(|t| route_rank(t, flow.source)).max()?;
    let is_best = |t: &&Tunnel<'_>| route_rank(t, flow.source) == Some(best);
    let nearest: Vec<&Tunnel<'_>> = tunnels.iter().filter(is_best).collect();
    if nearest.iter().any(|tunnel| has_foreign_sa(tunnel)) {
        let why = "the inbound SA has another mark or if_id than the interface";
        return Some(Attribution::of(&nearest, Code::InboundAssociationMismatch, why));
    }
    Some(refused(&nearest, None, flow))
}

/// The answer of the model for a packet that the SA of one of the interfaces decrypted; `input` is the device of a packet that none took.
fn refused(tunnels: &[&Tunnel<'_>], input: Option<u32>, flow: &Flow) -> Attribution {
    let mut codes = Vec::new();
    let mut why = None;
    let mut settled = Vec::new();
    for tunnel in tunnels {
        for sa in inbound(tunnel) {
            let source = tunnel.remote().unwrap_or(sa.source);
            let packet = Encrypted { source, input, ..Encrypted::of(sa, flow.clone()) };
            let verdict = receive::receive(tunnel.state, &packet);
            if let Some(code) = diagnose::inbound_cause(tunnel, &verdict) {
                why.get_or_insert(verdict.effect.function);
                codes.push(code);
                settled.push(*tunnel);
            }
        }
    }
    codes.sort_unstable();
    codes.dedup();
    settled.dedup_by_key(|tunnel| tunnel.link.ifindex);
    match (codes.as_slice(), why) {
        ([code], Some(why)) => Attribution::of(&settled, *code, why),
        (_, Some(_)) => Attribution {
            codes,
            ..Attribution::open(names(&settled), "its SAs are refused for different causes")
        },
        _ => Attribution::open(names(tunnels), "the state that was read lets the packet in"),
    }
}

/// The SAs that a packet of the interface may have been decrypted by.
pub(super) fn inbound<'a>(tunnel: &Tunnel<'a>) -> Vec<&'a Sa> {
    let all = tunnel.state.snapshot.sas.iter().flatten();
    let is_here = |sa: &&Sa| {
        let is_local =
            tunnel.state.local_addresses(sa.destination).is_ok_and(|own| !own.is_empty());
        is_local && !sa.is_larval() && tunnel.owns_inbound(sa) == Ok(true)
    };
    all.filter(is_here).collect()
}

/// Whether an SA from the interface's peer has another mark or if_id than the interface.
fn has_foreign_sa(tunnel: &Tunnel<'_>) -> bool {
    let inbound = tunnel.state.snapshot.sas.iter().flatten();
    let is_peer = |a: IpAddr| tunnel.peers().is_ok_and(|peers| peers.contains(&a));
    let mut from_peer = inbound.filter(|a| is_peer(a.source));
    from_peer.any(|a| !tunnel.admits_inbound(a))
}
