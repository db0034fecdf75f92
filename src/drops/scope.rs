//! The early filter: whether a dropped packet can have to do with a tunnel at all. It is asked of every drop of the machine.

use super::attribution::Dropped;
use super::place::Place;
use crate::snapshot::{PolicyDirection, RouteType, Snapshot};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

/// What tunnels have to do with, from a sample.
#[derive(Debug, Default)]
pub struct Scope {
    /// The VTIs, and the VRFs that have one: their packets have the VRF as their input (`vrf_ip_rcv()`).
    delivering: BTreeSet<u32>,
    /// What is routed into a VTI, or is to be by its policies: the networks of each length.
    inside: BTreeMap<(bool, u8), HashSet<IpAddr>>,
}

impl Scope {
    /// That of a sample.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut scope = Self::default();
        let mut vtis = BTreeSet::new();
        for link in snapshot.links.iter().flatten().filter(|link| link.driver().is_some()) {
            vtis.insert(link.ifindex);
            scope.delivering.extend([Some(link.ifindex), link.master].into_iter().flatten());
        }
        for route in snapshot.routes.iter().flatten() {
            let is_inside = route.oif.is_some_and(|oif| vtis.contains(&oif));
            if is_inside && route.route_type == RouteType::Unicast {
                scope.add(route.destination);
            }
        }
        let outbound = snapshot.policies.iter().flatten();
        let outbound = outbound.filter(|policy| policy.direction == PolicyDirection::Out);
        for policy in outbound.filter(|policy| policy.selector.destination.prefix_len() > 0) {
            scope.add(policy.selector.destination);
        }
        scope
    }

    fn add(&mut self, network: IpNet) {
        let networks = self.inside.entry(length(&network)).or_default();
        networks.insert(network.trunc().addr());
    }

    /// Whether a packet may have to do with a tunnel.
    pub fn touches(&self, dropped: &Dropped) -> bool {
        match dropped.place {
            Place::Stack(stop) if stop.is_of_a_copy() => return false,
            Place::Stack(_) => {}
            _ => return true,
        }
        let is_delivered = dropped.input.is_some_and(|input| self.delivering.contains(&input));
        let flow = dropped.packet.inner.as_ref();
        is_delivered
            || !dropped.packet.outer.is_empty()
            || flow.is_some_and(|flow| self.has(flow.destination))
    }

    fn has(&self, address: IpAddr) -> bool {
        self.inside.iter().any(|((is_ipv6, length), networks)| {
            *is_ipv6 == address.is_ipv6()
                && IpNet::new(address, *length)
                    .is_ok_and(|network| networks.contains(&network.trunc().addr()))
        })
    }
}

fn length(network: &IpNet) -> (bool, u8) {
    (matches!(network, IpNet::V6(_)), network.prefix_len())
}
