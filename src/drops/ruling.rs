//! The rule of the packet filter that dropped a packet, where exactly one can be it.

use super::attribution::Attribution;
use super::packet::Outer;
use super::scene::Scene;
use crate::snapshot::Sa;
use crate::snapshot::filter::FibQuery;
use crate::tunnel::Tunnel;
use crate::way::Flow;
use crate::way::around::filter::Packet;
use crate::way::around::{Stretch, Suspects, reverse_path, suspects};

/// What can have dropped a packet; nothing where the rules were not read.
pub(super) fn of<'s>(
    scene: &Scene<'s>,
    tunnel: &Tunnel<'_>,
    packet: &Packet,
    stretch: Stretch<'_>,
) -> Option<Suspects<'s>> {
    let (filter, ruleset) = scene.filter()?;
    Some(suspects(filter, ruleset, tunnel, packet, stretch))
}

/// The same for what a tunnel delivered, with a reverse path into the tunnel and without one: only the filter itself knows which it was.
pub(super) fn by_reverse_path<'s>(
    scene: &Scene<'s>,
    tunnel: &Tunnel<'_>,
    packet: &Packet,
    stretch: Stretch<'_>,
) -> Option<(Suspects<'s>, Suspects<'s>)> {
    let (filter, ruleset) = scene.filter()?;
    let of = |fib: Vec<(FibQuery, u64)>| {
        suspects(filter, ruleset, tunnel, &Packet { fib, ..packet.clone() }, stretch)
    };
    let present = of(reverse_path(ruleset, Some(tunnel.link.ifindex)));
    Some((present, of(reverse_path(ruleset, None))))
}

/// The name of the only rule that can be it.
pub(super) fn name(suspects: &Suspects<'_>) -> Option<String> {
    suspects.only().map(|(_, by)| by.name())
}

/// The attribution with the rule, where one interface and one rule can be it.
pub(super) fn with_rule(attribution: Attribution, suspects: Option<&Suspects<'_>>) -> Attribution {
    let rule = suspects.filter(|_| attribution.interfaces.len() == 1).and_then(name);
    Attribution { rule, ..attribution }
}

/// IPPROTO_* whose first bytes are ports, or type and code.
const WITH_PORTS: [u8; 6] = [1, 6, 17, 33, 58, 132];

/// A packet as the filter sees it; its mark is not in the alert.
pub(super) fn packet(flow: &Flow, mark: Option<u32>) -> Packet {
    let packet = Packet {
        length: Some(flow.size),
        dont_fragment: flow.source.is_ipv4().then_some(flow.dont_fragment),
        mark,
        ..Packet::any(flow.source, flow.destination)
    };
    match WITH_PORTS.contains(&flow.protocol) {
        true => packet.with_ports(flow.protocol, (flow.source_port, flow.destination_port)),
        false => Packet { protocol: Some(flow.protocol), ..packet },
    }
}

/// An encrypted packet as the filter sees it, of this SA if there is one.
pub(super) fn encrypted(outer: &Outer, sa: Option<&Sa>) -> Packet {
    let of_sa = sa.and_then(|sa| sa.encapsulation.as_ref());
    let ports = of_sa.map(|e| (e.source_port, e.destination_port));
    let ports = outer.in_udp.then(|| ports.unwrap_or(Packet::NAT_T_PORTS));
    let spi = outer.spi.map_or(0, |spi| spi.0);
    Packet::esp(outer.source, outer.destination, spi, ports)
}
