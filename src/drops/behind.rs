//! Packets that came out of a tunnel and that this host drops afterwards.

use super::attribution::{Attribution, Dropped, names};
use super::inbound;
use super::ruling;
use super::scene::Scene;
use super::stop::Stop;
use crate::code::Code;
use crate::snapshot::{Driver, LinkKind};
use crate::tunnel::Tunnel;
use crate::way::Flow;
use crate::way::around::filter::Packet;
use crate::way::around::{Stretch, Suspects, To, decrypted_mark, esp_arrives};

/// A packet that one of the interfaces delivered. None if none of them did.
pub(super) fn behind(scene: &Scene<'_>, dropped: &Dropped, stop: Stop) -> Option<Attribution> {
    let tunnels = delivering(scene, dropped);
    if tunnels.is_empty() {
        return None;
    }
    let of = |code| Attribution::of(&tunnels, code, format!("{DELIVERED}: {}", stop.words()));
    Some(match stop {
        Stop::ReversePath => Attribution::of(
            &tunnels,
            Code::SourceValidationDrops,
            "fib_validate_source(): the reverse path leads elsewhere",
        ),
        Stop::Filter => filtered(scene, &tunnels, dropped),
        Stop::NoRoute | Stop::Forwarding | Stop::Unreachable => of(Code::NotForwarded),
        _ => Attribution::in_words(names(&tunnels), format!("{DELIVERED}: {}", stop.words())),
    })
}

const DELIVERED: &str = "dropped after the interface had delivered it";

/// The interfaces that may have delivered a packet: the device that it came in by, or the ports of that VRF (`vrf_ip_rcv()`).
fn delivering<'t, 's>(scene: &'t Scene<'s>, dropped: &Dropped) -> Vec<&'t Tunnel<'s>> {
    let Some(input) = dropped.input else { return Vec::new() };
    let own = |t: &&Tunnel<'_>| t.link.ifindex == input;
    if let Some(tunnel) = scene.tunnels.iter().find(own) {
        return vec![tunnel];
    }
    let link = scene.state.link(input).ok().flatten();
    if !link.is_some_and(|link| matches!(link.kind, LinkKind::Vrf { .. })) {
        return Vec::new();
    }
    let is_port = |t: &&Tunnel<'_>| t.link.master == Some(input);
    if let Some(flow) = &dropped.packet.inner {
        let led = scene.towards(flow.source, Some(input));
        let led: Vec<_> = led.into_iter().filter(is_port).collect();
        if !led.is_empty() {
            return led;
        }
    }
    // Without another port it is one of the tunnels.
    let mut ports = scene.state.snapshot.links.iter().flatten();
    match ports.any(|link| link.master == Some(input) && link.driver().is_none()) {
        true => Vec::new(),
        false => scene.tunnels.iter().filter(is_port).collect(),
    }
}

/// A packet filter dropped it: by the reverse path of its source, or by another rule.
fn filtered(scene: &Scene<'_>, tunnels: &[&Tunnel<'_>], dropped: &Dropped) -> Attribution {
    let of = |code, why: &str| Attribution::of(tunnels, code, why);
    let other =
        || of(Code::RefusedAfterDecryption, "a packet filter dropped what the interface delivered");
    let either = || Attribution {
        codes: vec![Code::SourceValidationDrops, Code::RefusedAfterDecryption],
        ..of(Code::RefusedAfterDecryption, "a rule of the filter or of source validation")
    };
    let validates = scene.state.snapshot.source_validation.as_ref().is_ok_and(|v| !v.is_empty());
    let ([tunnel], Some(flow)) = (tunnels, &dropped.packet.inner) else {
        return if validates { either() } else { other() };
    };
    let Some((present, absent)) = asked(scene, tunnel, flow) else {
        return if validates { either() } else { other() };
    };
    let is_present = |name: &str| present.list.iter().any(|(_, by)| by.name() == name);
    let is_back = leads_back(scene, tunnel, flow);
    match (ruling::name(&present), ruling::name(&absent)) {
        (Some(rule), Some(without)) if rule == without => {
            Attribution { rule: Some(rule), ..other() }
        }
        // With a reverse path nothing drops it, or something else does.
        (_, Some(rule)) if !is_present(&rule) && (present.is_empty() || !is_back) => Attribution {
            rule: Some(rule),
            ..of(Code::SourceValidationDrops, "a rule dropped it by the reverse path of its source")
        },
        (Some(rule), _) if is_back => Attribution { rule: Some(rule), ..other() },
        _ if (&present.list, present.is_open) == (&absent.list, absent.is_open) && !validates => {
            other()
        }
        _ => either(),
    }
}

/// Whether the route to the source of a packet leads into the interface that delivered it.
fn leads_back(scene: &Scene<'_>, tunnel: &Tunnel<'_>, flow: &Flow) -> bool {
    let led = scene.towards(flow.source, Some(tunnel.link.ifindex));
    led.iter().any(|t| t.link.ifindex == tunnel.link.ifindex)
}

/// What can have dropped a packet of the tunnel, with a reverse path and without.
fn asked<'s>(
    scene: &Scene<'s>,
    tunnel: &Tunnel<'_>,
    flow: &Flow,
) -> Option<(Suspects<'s>, Suspects<'s>)> {
    let (filter, _) = scene.filter()?;
    let sa = inbound::inbound(tunnel).into_iter().next();
    let mark = sa.and_then(|sa| decrypted_mark(sa, &esp_arrives(filter, tunnel, sa).1));
    let has_secpath = tunnel.driver == Driver::Xfrm;
    let packet = Packet {
        came_by_ipsec: Some(has_secpath),
        reqid: sa.filter(|_| has_secpath).map(|sa| sa.reqid.0),
        ..ruling::packet(flow, mark)
    };
    let to = if scene.is_own(flow.destination) { To::Here } else { To::Out(None) };
    ruling::by_reverse_path(scene, tunnel, &packet, Stretch::Delivered(to))
}
