//! Packets that were to go into a tunnel and that this host drops before: those of other hosts, and its own.

use super::attribution::{Attribution, Dropped, names};
use super::ruling;
use super::scene::Scene;
use super::stop::Stop;
use crate::code::Code;
use crate::snapshot::PolicyDirection;
use crate::tunnel::Tunnel;
use crate::way::Flow;
use crate::way::around::{Stretch, Suspects};

/// A packet whose route leads into one of the interfaces. None if it leads into none.
pub(super) fn before(scene: &Scene<'_>, dropped: &Dropped, stop: Stop) -> Option<Attribution> {
    let flow = dropped.packet.inner.as_ref()?;
    if stop.is_for_no_route() {
        return None;
    }
    let tunnels = scene.towards(flow.destination, dropped.input);
    match (dropped.input, scene.is_own(flow.source)) {
        // What came in has another host as its source, or it was dropped in another network namespace.
        (Some(input), false) => {
            let link = scene.state.link(input).ok().flatten()?;
            if tunnels.is_empty() {
                return unrouted(scene, flow, stop);
            }
            if stop != Stop::Filter {
                return Some(in_words(&tunnels, stop));
            }
            let suspects = match tunnels.as_slice() {
                [tunnel] => {
                    let packet = ruling::packet(flow, Some(0));
                    ruling::of(scene, tunnel, &packet, Stretch::Enters(Some(link)))
                }
                _ => None,
            };
            Some(ruling::with_rule(refused(&tunnels), suspects.as_ref()))
        }
        (None, is_own) if !tunnels.is_empty() => match (stop, tunnels.as_slice()) {
            (Stop::Filter, [tunnel]) => own(scene, tunnel, flow, is_own),
            (Stop::Filter, _) => is_own.then(|| refused(&tunnels)),
            _ => is_own.then(|| in_words(&tunnels, stop)),
        },
        _ => None,
    }
}

fn refused(tunnels: &[&Tunnel<'_>]) -> Attribution {
    let why = "a packet filter dropped it before the interface";
    Attribution::of(tunnels, Code::RefusedBeforeTheTunnel, why)
}

fn in_words(tunnels: &[&Tunnel<'_>], stop: Stop) -> Attribution {
    let why = format!("dropped before the interface: {}", stop.words());
    match stop {
        // The device of the network that it comes from does not forward.
        Stop::Forwarding => Attribution::of(tunnels, Code::NotForwarded, why),
        _ => Attribution::in_words(names(tunnels), why),
    }
}

/// A packet filter dropped a packet without a device that it came in by. Most often that is behind the device, where each packet passes POSTROUTING
/// once more with the outer device (`xfrm_output()`). In OUTPUT and in its first POSTROUTING a packet of this host has no mac header as yet, and
/// the monitor reports none without one (`net_dm_packet_trace_kfree_skb_hit()`); but one that another tunnel of this host sent has. None if it
/// was neither.
fn own(scene: &Scene<'_>, tunnel: &Tunnel<'_>, flow: &Flow, is_own: bool) -> Option<Attribution> {
    let packet = ruling::packet(flow, None);
    let first = ruling::of(scene, tunnel, &packet, Stretch::Own).filter(|_| is_own);
    let sas = tunnel.outbound_sas().unwrap_or_default();
    let mut later = sas.iter().filter_map(|sa| {
        ruling::of(scene, tunnel, &packet, Stretch::InnerLeaves(sa)).filter(|s| !s.is_empty())
    });
    let later = later.next();
    let is_first = first.as_ref().is_some_and(|suspects| !suspects.is_empty());
    let behind = || {
        let why = "a packet filter dropped it between the interface and its encryption";
        Attribution::of(&[tunnel], Code::EncryptionFailed, why)
    };
    match later {
        Some(suspects) if !is_first => Some(ruling::with_rule(behind(), Some(&suspects))),
        Some(suspects) => Some(either(tunnel, first.as_ref(), &suspects)),
        None => is_own.then(|| ruling::with_rule(refused(&[tunnel]), first.as_ref())),
    }
}

/// Dropped before the interface or behind it: where one rule does both, that is the one.
fn either(tunnel: &Tunnel<'_>, first: Option<&Suspects<'_>>, later: &Suspects<'_>) -> Attribution {
    let names = (first.and_then(ruling::name), ruling::name(later));
    let rule = match names {
        (Some(first), Some(later)) if first == later => Some(first),
        _ => None,
    };
    Attribution {
        codes: vec![Code::RefusedBeforeTheTunnel, Code::EncryptionFailed],
        rule,
        ..Attribution::of(
            &[tunnel],
            Code::RefusedBeforeTheTunnel,
            "a packet filter dropped it before the interface or behind it",
        )
    }
}

/// A packet without a route, for a network that the policies of an interface name: it was to go into that one.
fn unrouted(scene: &Scene<'_>, flow: &Flow, stop: Stop) -> Option<Attribution> {
    if stop != Stop::NoRoute {
        return None;
    }
    let names_it = |tunnel: &&Tunnel<'_>| {
        let policies = tunnel.own_policies(PolicyDirection::Out).unwrap_or_default();
        policies.iter().any(|policy| {
            let (source, destination) = (policy.selector.source, policy.selector.destination);
            destination.prefix_len() > 0
                && destination.contains(&flow.destination)
                && source.contains(&flow.source)
        })
    };
    let named: Vec<&Tunnel<'_>> = scene.tunnels.iter().filter(names_it).collect();
    let why = "no route, and a policy of the interface is for this destination";
    (!named.is_empty()).then(|| Attribution::of(&named, Code::NothingRoutedIn, why))
}
