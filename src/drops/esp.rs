//! Packets with a tunnel's ESP that this host drops outside the xfrm functions: on their way to the wire, and from it.

use super::attribution::{Attribution, Dropped, names};
use super::inbound;
use super::packet::Outer;
use super::ruling;
use super::scene::Scene;
use super::stop::Stop;
use crate::code::Code;
use crate::snapshot::{Sa, Spi};
use crate::tunnel::Tunnel;
use crate::way::around::Stretch;
use crate::way::receive::{self, Encrypted};

/// ESP that a tunnel sent. None if no SA of a VTI made it.
pub(super) fn leaving(scene: &Scene<'_>, dropped: &Dropped, stop: Stop) -> Option<Attribution> {
    let outer = dropped.packet.outer.first()?;
    // `skb_scrub_packet()`: what a VTI sends came in by no device. Another namespace of this machine may receive it.
    if dropped.input.is_some() {
        return None;
    }
    let found = scene.tunnels.iter().find_map(|tunnel| {
        let own = tunnel.outbound_sas().ok()?;
        Some((tunnel, *own.iter().find(|sa| encrypts(sa, outer, true))?))
    });
    let Some((tunnel, sa)) = found else { return of_no_sa(scene, outer) };
    let spi = sa.spi;
    Some(match stop {
        Stop::Filter => {
            let packet = ruling::encrypted(outer, Some(sa));
            let suspects = ruling::of(scene, tunnel, &packet, Stretch::EspLeaves(sa));
            let why = format!("a packet filter dropped the packet of SA {spi}");
            let found = Attribution::of(&[tunnel], Code::EncryptionFailed, why);
            ruling::with_rule(found, suspects.as_ref())
        }
        Stop::Queue => {
            let why = format!("the queue of the outer interface dropped the packet of SA {spi}");
            Attribution::of(&[tunnel], Code::OuterQueueDrops, why)
        }
        Stop::Neighbour | Stop::NeighbourQueue => {
            let why = format!("the packet of SA {spi}: {}", stop.words());
            Attribution::of(&[tunnel], Code::OuterPathDead, why)
        }
        _ => {
            let why = format!("dropped after it was encrypted by SA {spi}: {}", stop.words());
            Attribution::in_words(names(&[tunnel]), why)
        }
    })
}

/// ESP to a peer of an interface, by an SA that the sample does not have: a newer one may.
fn of_no_sa(scene: &Scene<'_>, outer: &Outer) -> Option<Attribution> {
    let spi = outer.spi.filter(|_| scene.is_own(outer.source))?;
    if !matches!(scene.state.sa_with_spi(outer.destination, spi), Ok(None)) {
        return None;
    }
    let is_peer = |t: &&Tunnel<'_>| t.peers().is_ok_and(|peers| peers.contains(&outer.destination));
    let to: Vec<&Tunnel<'_>> = scene.tunnels.iter().filter(is_peer).collect();
    let why = format!("ESP to the peer with SPI {spi}, which no SA has");
    (!to.is_empty()).then(|| Attribution::open(names(&to), why))
}

/// ESP that came in, before an SA was looked up. None if it is for no SA of a VTI, and of no peer of one.
pub(super) fn arriving(scene: &Scene<'_>, dropped: &Dropped, stop: Stop) -> Option<Attribution> {
    let outer = dropped.packet.outer.first()?;
    let input = dropped.input?;
    let spi = outer.spi.filter(|_| scene.is_own(outer.destination))?;
    let sa = scene.state.sa_with_spi(outer.destination, spi).ok().flatten();
    let sa = sa.filter(|sa| sa.source == outer.source);
    let owners = owners(scene, outer, sa);
    if owners.is_empty() {
        return None;
    }
    let of = words(sa, spi);
    if stop != Stop::Filter {
        let why = format!("ESP {of} was dropped on arrival: {}", stop.words());
        return Some(Attribution::in_words(names(&owners), why));
    }
    let why = format!("a packet filter dropped ESP {of} on arrival");
    let found = Attribution::of(&owners, Code::EspFilteredOnArrival, why);
    let link = scene.state.link(input).ok().flatten();
    let packet = ruling::encrypted(outer, sa);
    let tunnel = *owners.first()?;
    let suspects = ruling::of(scene, tunnel, &packet, Stretch::EspArrives(link));
    Some(ruling::with_rule(found, suspects.as_ref()))
}

fn words(sa: Option<&Sa>, spi: Spi) -> String {
    match sa {
        Some(sa) => format!("for SA {}", sa.spi),
        None => format!("with SPI {spi}, which no SA has,"),
    }
}

/// The interfaces whose SA it is for; or, where there is no such SA, those that have its sender as their peer.
fn owners<'t, 's>(scene: &'t Scene<'s>, outer: &Outer, sa: Option<&Sa>) -> Vec<&'t Tunnel<'s>> {
    let Some(sa) = sa else {
        let is_it = |t: &&Tunnel<'_>| t.peers().is_ok_and(|peers| peers.contains(&outer.source));
        return scene.tunnels.iter().filter(is_it).collect();
    };
    let packet = Encrypted {
        in_udp: outer.in_udp,
        mode: sa.mode,
        ..Encrypted::outside(outer.source, outer.destination, sa.spi)
    };
    let verdict = receive::receive(scene.state, &packet);
    let owners = inbound::owners(&scene.tunnels, &verdict, outer, Some(sa));
    owners.into_iter().filter(|tunnel| tunnel.owns_inbound(sa) == Ok(true)).collect()
}

/// Whether an SA made a packet with this outer header.
pub(super) fn encrypts(sa: &Sa, outer: &Outer, needs_spi: bool) -> bool {
    sa.source == outer.source
        && sa.destination == outer.destination
        && (!needs_spi || outer.spi == Some(sa.spi))
}
