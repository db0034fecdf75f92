//! From a dropped packet and the state of the kernel to the interface and the cause. It reads nothing, and counts nothing.
//!
//! The alert has neither of them. The function shows which driver dropped the packet, the packet's addresses show into which interface it was
//! routed, and the transmit model shows what happens to such a packet there. If this does not lead to one interface and one cause, the
//! attribution says so. Drops before a tunnel, behind it and of its ESP are those of `before`, `behind` and `esp`.

use super::answers::Answers;
use super::attribution::{Attribution, Dropped, Rank, names, route_rank};
use super::before;
use super::behind;
use super::esp;
use super::inbound;
use super::place::Place;
use super::scene::Scene;
use crate::code::Code;
use crate::diagnose;
use crate::snapshot::{Driver, Observed, Sa, Snapshot, is_link_local};
use crate::tunnel::{State, Tunnel};
use crate::way::{Flow, Outcome, Site, transmit};
use std::cmp::Reverse;
use std::net::IpAddr;

/// Which interface dropped it and why, by what was read alone. None if it was no tunnel.
///
/// `before` is the state at the start of the run, for the counters of SAs.
pub fn attribute(state: &State<'_>, before: &Snapshot, dropped: &Dropped) -> Option<Attribution> {
    attribute_in(&Scene::new(state, before, &Answers::default()), dropped)
}

/// The same, also by what the kernel was asked.
pub(super) fn attribute_in(scene: &Observed<Scene<'_>>, dropped: &Dropped) -> Option<Attribution> {
    let scene = match (scene, dropped.place) {
        (Ok(scene), _) => scene,
        (Err(_), Place::Stack(_)) => return None,
        (Err(missing), _) => return Some(Attribution::open(Vec::new(), missing.to_string())),
    };
    let tunnels = &scene.tunnels;
    match dropped.place {
        Place::Device(driver) => Some(device(tunnels, driver, dropped)),
        Place::Queue => Some(queued(tunnels, dropped)),
        Place::Output => Some(output(tunnels, dropped)),
        Place::Input | Place::OuterPolicy | Place::PolicyCheck => {
            inbound::attribute(tunnels, scene.before, dropped)
        }
        Place::Stack(stop) => esp::leaving(scene, dropped, stop)
            .or_else(|| esp::arriving(scene, dropped, stop))
            .or_else(|| behind::behind(scene, dropped, stop))
            .or_else(|| before::before(scene, dropped, stop)),
    }
}

/// The device dropped it.
fn device(tunnels: &[Tunnel<'_>], driver: Driver, dropped: &Dropped) -> Attribution {
    let of_driver: Vec<&Tunnel<'_>> =
        tunnels.iter().filter(|t| t.driver == driver && t.link.admin_up).collect();
    match &dropped.packet.inner {
        Some(flow) => choose(&of_driver, flow, |site| {
            site.effect(driver).outcome == Outcome::Dropped && !is_after_the_device(site)
        }),
        None if is_ip(dropped.protocol) => {
            Attribution::open(names(&of_driver), "its headers cannot be read")
        }
        None => {
            Attribution::of(&of_driver, Code::NotIp, format!("ethertype {:#06x}", dropped.protocol))
        }
    }
}

/// It was queued for an SA, but none came in time.
fn queued(tunnels: &[Tunnel<'_>], dropped: &Dropped) -> Attribution {
    let of_driver: Vec<&Tunnel<'_>> = tunnels.iter().filter(|t| t.driver != Driver::Xfrm).collect();
    match &dropped.packet.inner {
        Some(flow) => choose(&of_driver, flow, is_held),
        None => Attribution::open(names(&of_driver), "its headers cannot be read"),
    }
}

/// It was dropped between the device and the wire.
fn output(tunnels: &[Tunnel<'_>], dropped: &Dropped) -> Attribution {
    let found = tunnels.iter().find_map(|tunnel| {
        let own = tunnel.outbound_sas().ok()?;
        let outer = &dropped.packet.outer;
        let is_it = |a: &&&Sa| outer.iter().any(|o| esp::encrypts(a, o, false));
        let sa = own.iter().find(is_it).copied()?;
        Some((tunnel, sa, own.len()))
    });
    let Some((tunnel, sa, count)) = found else {
        let Some(flow) = &dropped.packet.inner else {
            let why = "no SA of a VTI has the packet's outer addresses";
            return Attribution::open(Vec::new(), why);
        };
        let up: Vec<&Tunnel<'_>> = tunnels.iter().filter(|t| t.link.admin_up).collect();
        return choose(&up, flow, |site| is_after_the_device(site) || is_held(site));
    };
    let verdict = dropped.packet.inner.as_ref().map(|flow| (flow, transmit::send(tunnel, flow)));
    if let Some((flow, verdict)) = verdict.filter(|(_, v)| is_after_the_device(&v.site)) {
        if let Some(code) = diagnose::cause(tunnel, flow, &verdict.site) {
            return Attribution::of(&[tunnel], code, verdict.effect.function.to_string());
        }
    }
    let limits = &sa.limits;
    let is_limited = limits.hard_bytes.is_some() || limits.hard_packets.is_some();
    let spi = sa.spi;
    match is_limited {
        true if count == 1 => Attribution::of(
            &[tunnel],
            Code::SecurityAssociationExpired,
            format!("SA {spi} has a hard limit, and there is no other SA"),
        ),
        true => {
            Attribution::of(&[tunnel], Code::HardLimitReached, format!("SA {spi} has a hard limit"))
        }
        false => Attribution {
            is_settled: false,
            ..Attribution::of(
                &[tunnel],
                Code::EncryptionFailed,
                format!("the packet of SA {spi} was dropped after the SA lookup"),
            )
        },
    }
}

/// The sites of the encryption stage.
const fn is_after_the_device(site: &Site) -> bool {
    matches!(site, Site::LimitReached { .. } | Site::SequenceOverflow { .. })
}

/// The queue for packets without an SA; if it is full, further packets are dropped.
const fn is_held(site: &Site) -> bool {
    matches!(site, Site::Held(_))
}

/// Of the interfaces that the packet may have been routed into: the one where the model drops it in the same way.
fn choose(tunnels: &[&Tunnel<'_>], flow: &Flow, fits: impl Fn(&Site) -> bool) -> Attribution {
    let mut ranked: Vec<(Rank, &Tunnel<'_>)> =
        tunnels.iter().filter_map(|t| Some((rank(t, flow)?, *t))).collect();
    ranked.sort_by_key(|(rank, _)| Reverse(*rank));
    let Some((best, _)) = ranked.first().copied() else { return unrouted(tunnels, flow, fits) };
    let (first, others): (Vec<_>, Vec<_>) = ranked.into_iter().partition(|(r, _)| *r == best);
    let tunnels = |list: Vec<(Rank, _)>| list.into_iter().map(|(_, t)| t).collect::<Vec<_>>();
    let judged = judge(&tunnels(first), flow, &fits);
    if judged.is_settled || others.is_empty() {
        return judged;
    }
    // A rule may have led it past the best route.
    let otherwise = judge(&tunnels(others), flow, &fits);
    if otherwise.codes.is_empty() || !judged.codes.is_empty() {
        return judged;
    }
    Attribution { is_settled: false, ..otherwise }
}

/// A packet for which no route leads into any of the interfaces: something handed it to one of them, a packet socket or tc.
fn unrouted(tunnels: &[&Tunnel<'_>], flow: &Flow, fits: impl Fn(&Site) -> bool) -> Attribution {
    let destination = flow.destination;
    if is_link_local(flow.source) {
        let why = format!("no VTI of this network namespace has the address {}", flow.source);
        return Attribution::open(Vec::new(), why);
    }
    let unread = |t: &&Tunnel<'_>| t.state.routes_through(t.link.ifindex).err();
    if let Some(missing) = tunnels.iter().find_map(unread) {
        return Attribution::open(names(tunnels), missing.to_string());
    }
    // The device then looks up a route out of itself. For IPv4 every destination is a neighbour; for IPv6 the lookup fails.
    if destination.is_ipv6() && !tunnels.is_empty() {
        let why = format!(
            "the packet came without a route, and no route out of the interface leads to {destination}"
        );
        return Attribution {
            is_settled: false,
            ..Attribution::of(tunnels, Code::NoRouteInside, why)
        };
    }
    match tunnels {
        [only] => judge(&[only], flow, &fits),
        _ => Attribution::open(Vec::new(), format!("no VTI has a route to {destination}")),
    }
}

/// The result of the model for interfaces of equal rank.
fn judge(tunnels: &[&Tunnel<'_>], flow: &Flow, fits: &impl Fn(&Site) -> bool) -> Attribution {
    let verdicts = tunnels.iter().map(|t| (*t, site(t, flow)));
    let (dropping, passing): (Vec<_>, Vec<_>) = verdicts.partition(|(_, site)| fits(site));
    let mut codes: Vec<Code> =
        dropping.iter().filter_map(|(t, site)| diagnose::cause(t, flow, site)).collect();
    codes.dedup();
    match (dropping.as_slice(), passing.as_slice()) {
        ([(tunnel, site)], _) => Attribution {
            interfaces: vec![tunnel.link.name.clone()],
            is_settled: !codes.is_empty(),
            codes,
            why: site.effect(tunnel.driver).function.to_string(),
            rule: None,
        },
        ([], passing) => {
            let why = passing.iter().find_map(|(_, site)| match site {
                Site::Undecided(missing) => Some(missing.to_string()),
                _ => None,
            });
            let why =
                why.unwrap_or_else(|| "the state that was read lets the packet pass".to_string());
            Attribution::open(passing.iter().map(|(t, _)| t.link.name.clone()).collect(), why)
        }
        (several, _) => Attribution {
            interfaces: several.iter().map(|(t, _)| t.link.name.clone()).collect(),
            codes,
            why: "several interfaces have an equal route and drop the packet".to_string(),
            rule: None,
            is_settled: true,
        },
    }
}

/// Where the model has the packet end. Where it depends on the packet's size alone, and how much room the algorithms leave is not known, the packet
/// was too big, for it was dropped.
fn site(tunnel: &Tunnel<'_>, flow: &Flow) -> Site {
    let asked = transmit::send(tunnel, flow).site;
    if !matches!(asked, Site::Undecided(_)) {
        return asked;
    }
    let of_size = |size| transmit::send(tunnel, &Flow { size, ..flow.clone() }).site;
    let larger = of_size(flow.size.saturating_add(ALGORITHMS_DIFFER));
    let smaller = of_size(flow.size.saturating_sub(ALGORITHMS_DIFFER));
    let is_of_size = matches!((&smaller, &larger), (Site::Sent { .. }, Site::TooBig { .. }));
    if is_of_size { larger } else { asked }
}

/// More bytes than the room that ESP takes differs between algorithms (block, IV and ICV).
const ALGORITHMS_DIFFER: u32 = 128;

/// The rank of an interface that a packet may be routed into; none if no route leads there.
fn rank(tunnel: &Tunnel<'_>, flow: &Flow) -> Option<Rank> {
    if is_link_scoped(flow.destination) {
        // Sent by this host: the source is an address of the interface; otherwise any interface with such a route.
        let own = tunnel.state.addresses_of(tunnel.link.ifindex).unwrap_or_default();
        if own.iter().any(|a| a.prefix.addr() == flow.source) {
            return Some((u8::MAX, Reverse(0)));
        }
        // A link-local source that is not this host's belongs to another network namespace: the monitor sees all namespaces.
        let is_ready = flow.destination.is_ipv4() || tunnel.link.ipv6.is_some();
        return (is_ready && !is_link_local(flow.source)).then_some((0, Reverse(0)));
    }
    route_rank(tunnel, flow.destination)
}

fn is_link_scoped(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(a) if a.is_broadcast());
    address.is_multicast() || is_broadcast || is_link_local(address)
}

const fn is_ip(ethertype: u16) -> bool {
    matches!(ethertype, 0x0800 | 0x86dd)
}
