//! The kernel's transmit path of an IP tunnel, as far as it does not depend on the packet: `ip_tunnel_xmit()`, `ipip6_tunnel_xmit()`,
//! `ip6_tnl_xmit()`. State in, the end out; what the state does not determine is missing, never guessed.
//!
//! The route to the remote is asked first, then an IPsec policy is looked up for the outer packet. IPv4 does so by
//! `ip_route_output_key()`, that is `xfrm_lookup_route()`: without an SA it returns a blackhole route, and the device counts the packet as
//! sent. IPv6 calls `xfrm_lookup()` itself, and each of its errors is a carrier error. tests/vm compares the model with real kernels.

use super::flow::Flow;
use super::policy::{Choice, InWords, Key, default_blocks, lookup, one_effect};
use super::reach::{PASSED, told};
use super::trail::undecidable;
use crate::code::Moves;
use crate::kernel::Change;
use crate::report::Reached;
use crate::snapshot::{
    Address, Family, IfId, IpTunnel, IpTunnelKind, Link, Mode, Observed, PolicyDirection,
    RouteAnswer, RouteQuery, RouteType, Sa, Selector, Snapshot, Source, Template,
};
use crate::tunnel::State;
use crate::tunnel::ownership::Asked;
use std::net::{IpAddr, Ipv6Addr};

/// Where every packet of an IP tunnel ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// `ip_route_output_key()` or `ip6_route_output()` fails: to the remote, or to the end of the SA that encrypts the outer packet.
    NoRoute {
        /// The question that has no answer.
        query: RouteQuery,
        /// The kernel's error.
        errno: i32,
        /// It is the question of an SA.
        of_sa: bool,
    },
    /// The route to the remote leads to no single host (`rt->rt_type`; sit only).
    NotUnicast {
        /// The question.
        query: RouteQuery,
    },
    /// The local address is none of this host: no route from it (IPv4), or `ip6_tnl_xmit_ctl()` refuses.
    LocalAddressGone {
        /// The local address; unspecified where an IPv6 tunnel has none, with which `ip6_tnl_get_cap()` lets nothing out.
        address: IpAddr,
    },
    /// The remote is an address of this host (`ip6_tnl_xmit_ctl()`; IPv6 only).
    RemoteIsLocal {
        /// The remote.
        address: IpAddr,
    },
    /// The outer packet would leave through the device itself (`dst.dev == dev`).
    Loop {
        /// The remote.
        destination: IpAddr,
    },
    /// An IPsec policy, or the default one, blocks the outer packet: -EPERM.
    PolicyBlocks {
        /// The policy in words; none for the default one.
        policy: Option<String>,
    },
    /// An IPsec policy asks for an SA, and there is none.
    NoSa {
        /// The policy in words.
        policy: String,
        /// The end of the SA.
        destination: IpAddr,
    },
    /// It leaves.
    Sent {
        /// The device.
        oif: u32,
        /// The IPsec policy that encrypts it, in words.
        encrypted_by: Option<String>,
    },
}

impl End {
    /// The counters that rise, on a device of this kind. GRE over IPv6 checks the addresses itself, before the function that counts carrier
    /// errors (`ip6gre_tunnel_xmit()`).
    pub const fn moves(&self, kind: IpTunnelKind) -> Moves {
        match (self, kind.family()) {
            (End::Loop { .. }, _) => Moves::Collisions,
            (End::Sent { .. }, _) | (End::NoSa { .. }, Family::Inet) => Moves::Sent,
            (End::LocalAddressGone { .. } | End::RemoteIsLocal { .. }, Family::Inet6)
                if kind.is_gre() =>
            {
                Moves::ErrorsOnly
            }
            _ => Moves::Carrier,
        }
    }
}

/// A stage of the outer packet's way.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Leg {
    Route,
    Policy,
    Sa,
    SaRoute,
    Encryption,
}

/// Every stage in the kernel's order: the route to the remote comes before the policy, that of an SA behind it.
const LEGS: [(Leg, &str, bool); 5] = [
    (Leg::Route, "outer route", true),
    (Leg::Policy, "policy", true),
    (Leg::Sa, "SA", true),
    (Leg::SaRoute, "SA route", false),
    (Leg::Encryption, "encryption", true),
];

/// How far packets get, stage by stage.
pub fn reach(end: &End) -> Vec<Reached> {
    let last = match end {
        End::NoRoute { of_sa: true, .. } => Some((Leg::SaRoute, "none")),
        End::NoRoute { .. } => Some((Leg::Route, "none")),
        End::NotUnicast { .. } => Some((Leg::Route, "no single host")),
        End::LocalAddressGone { .. } => Some((Leg::Route, "no local address")),
        End::RemoteIsLocal { .. } => Some((Leg::Route, "remote is local")),
        End::Loop { .. } => Some((Leg::Route, "loops")),
        End::PolicyBlocks { .. } => Some((Leg::Policy, "block")),
        End::NoSa { .. } => Some((Leg::Sa, "none")),
        End::Sent { .. } => None,
    };
    told(&LEGS, last, |_| PASSED)
}

/// The kernel function that puts packets of a device into packets.
pub const fn function(device: &IpTunnel) -> &'static str {
    match (device.info_kind, device.info_kind.family()) {
        (IpTunnelKind::Sit, _) => "ipip6_tunnel_xmit",
        (_, Family::Inet6) => "ip6_tnl_xmit",
        _ => "ip_tunnel_xmit",
    }
}

/// Where every packet of `link` ends.
///
/// # Errors
/// What was not read, or each packet has its own end.
pub fn end(state: &State<'_>, link: &Link, device: &IpTunnel) -> Observed<End> {
    if link.link_netnsid.is_some() {
        let what =
            format!("{} has its routes and policies in another network namespace", link.name);
        return Err(undecidable(Source::Links, what));
    }
    let Some(query) = Snapshot::ip_tunnel_query(device) else {
        let what = format!("each packet of {} brings its own remote address", link.name);
        return Err(undecidable(Source::RouteLookups, what));
    };
    if let Some(end) = endpoints(state, device)? {
        return Ok(end);
    }
    let (oif, source) = match state.route(&query)? {
        RouteAnswer::Error { errno } => {
            let is_gone = match query.source {
                Some(local) => state.local_addresses(local)?.is_empty(),
                None => false,
            };
            return Ok(match query.source {
                Some(address) if is_gone => End::LocalAddressGone { address },
                _ => End::NoRoute { query, errno: *errno, of_sa: false },
            });
        }
        RouteAnswer::Route { route_type, oif, source, .. } => {
            let is_sit = device.info_kind == IpTunnelKind::Sit;
            if is_sit && !matches!(route_type, RouteType::Unicast | RouteType::Local) {
                return Ok(End::NotUnicast { query });
            }
            (*oif, query.source.or(*source))
        }
    };
    let mut ends = Vec::new();
    for protocol in device.outer_protocols() {
        let end = encryption(state, link, device, *protocol, (source, query.destination), oif)?;
        if !ends.contains(&end) {
            ends.push(end);
        }
    }
    match (ends.pop(), ends.is_empty()) {
        (Some(end), true) => Ok(end),
        _ => {
            let what = "which IPsec policy matches: that for IPv4 or that for IPv6 in the tunnel";
            Err(undecidable(Source::SecurityPolicies, what))
        }
    }
}

/// `ip6_tnl_xmit_ctl()`: what must hold of the addresses of an IPv6 tunnel, whatever the route. IPv4 asks for the route alone.
fn endpoints(state: &State<'_>, device: &IpTunnel) -> Observed<Option<End>> {
    if device.info_kind.family() != Family::Inet6 {
        return Ok(None);
    }
    let (local, remote) = (device.local, device.remote);
    let usable = |address| -> Observed<bool> {
        Ok(state.local_addresses(address)?.iter().any(Address::is_usable))
    };
    if local == IpAddr::V6(Ipv6Addr::UNSPECIFIED) || !usable(local)? {
        return Ok(Some(End::LocalAddressGone { address: local }));
    }
    let is_ours = !device.allow_local_remote && !remote.is_multicast() && usable(remote)?;
    Ok(is_ours.then_some(End::RemoteIsLocal { address: remote }))
}

/// `xfrm_lookup()` of the outer packet, and the check for a loop behind it.
fn encryption(
    state: &State<'_>,
    link: &Link,
    device: &IpTunnel,
    protocol: u8,
    (source, destination): (Option<IpAddr>, IpAddr),
    oif: u32,
) -> Observed<End> {
    let family = device.info_kind.family();
    // IPv4 has the device of the route in the flow, IPv6 the one that the tunnel is bound to.
    let flow_oif = if family == Family::Inet { oif } else { device.link };
    let Some(source) = source else {
        let is_empty = state.snapshot.policies.as_ref().map_err(Clone::clone)?.is_empty();
        if is_empty && !default_blocks(state, PolicyDirection::Out)? {
            return Ok(leaves(link, destination, oif, None));
        }
        let what = format!("which source address a packet to {destination} gets");
        return Err(undecidable(Source::RouteLookups, what));
    };
    // `fl4_gre_key` stands where ports do.
    let half = |shift: u32| (device.output_key >> shift & 0xffff) as u16;
    let flow = Flow {
        protocol,
        mark: device.fwmark,
        source_port: half(16),
        destination_port: half(0),
        ..Flow::probe(source, destination)
    };
    let key = Key { if_id: IfId(0), mark: device.fwmark, oif: flow_oif };
    let choices = lookup(state, PolicyDirection::Out, &flow, key)?;
    one_effect(&choices)?;
    let choice = match choices.first() {
        Some(choice) if !skips_policies(state, oif, family)? => choice,
        _ if default_blocks(state, PolicyDirection::Out)? => {
            return Ok(End::PolicyBlocks { policy: None });
        }
        _ => return Ok(leaves(link, destination, oif, None)),
    };
    if let Some(policy) = choice.blocks() {
        return Ok(End::PolicyBlocks { policy: Some(InWords(policy).to_string()) });
    }
    if choices.len() > 1 {
        let what = "which policy is used: several have the same priority";
        return Err(undecidable(Source::SecurityPolicies, what));
    }
    transformed(state, link, device, choice, (&flow, flow_oif), oif)
}

/// `xfrm_resolve_and_create_bundle()`: an SA for each template, and a route for each SA in tunnel mode.
fn transformed(
    state: &State<'_>,
    link: &Link,
    device: &IpTunnel,
    choice: &Choice<'_>,
    (flow, flow_oif): (&Flow, u32),
    mut oif: u32,
) -> Observed<End> {
    let remote = flow.destination;
    let mut destination = remote;
    // `xfrm_state_look_at()`: a selector without a family matches any flow.
    let takes = |sa: &Sa| {
        let Selector { family, .. } = sa.selector;
        family == Family::Unspec || family == flow.family() && flow.matches(&sa.selector, flow_oif)
    };
    let mut encrypted_by = None;
    for policy in &choice.policies {
        for template in &policy.templates {
            let is_outer = !matches!(template.mode, Mode::Transport | Mode::RouteOptimization);
            if is_outer {
                destination = template.destination;
            }
            let asked = Asked::of(policy, &Template { destination, ..template.clone() });
            let chain = state.sas_to(destination, template.reqid)?;
            let usable = |sa: &&Sa| !sa.is_larval() && asked.selects(sa) && takes(sa);
            let found = chain.iter().find(usable);
            let words = InWords(policy).to_string();
            match found {
                Some(sa) if is_outer => match way_of(state, device, sa)? {
                    Ok(device) => oif = device,
                    Err(end) => return Ok(end),
                },
                Some(_) => {}
                None if template.optional => continue,
                None => return Ok(End::NoSa { policy: words, destination }),
            }
            encrypted_by = Some(words);
        }
    }
    Ok(leaves(link, remote, oif, encrypted_by))
}

/// The device through which an SA sends, or where the packet ends: the route of `xfrm_bundle_create()`.
fn way_of(state: &State<'_>, device: &IpTunnel, sa: &Sa) -> Observed<Result<u32, End>> {
    let vrf = match device.link {
        0 => None,
        bound => state.vrf_of(bound)?.map(|link| link.ifindex),
    };
    let query = Snapshot::outer_query(sa, vrf, device.fwmark);
    Ok(match state.route(&query)? {
        RouteAnswer::Error { errno } => Err(End::NoRoute { query, errno: *errno, of_sa: true }),
        RouteAnswer::Route { oif, .. } => Ok(*oif),
    })
}

fn leaves(link: &Link, destination: IpAddr, oif: u32, encrypted_by: Option<String>) -> End {
    if oif == link.ifindex { End::Loop { destination } } else { End::Sent { oif, encrypted_by } }
}

/// DST_NOXFRM: disable_xfrm of the device that the route leads out of, or of all; IPv4 only.
fn skips_policies(state: &State<'_>, oif: u32, family: Family) -> Observed<bool> {
    if family != Family::Inet {
        return Ok(false);
    }
    let out = state.link(oif)?;
    if out.is_some_and(|link| link.ipv4.as_ref().is_some_and(|c| c.disable_xfrm)) {
        return Ok(true);
    }
    if !state.snapshot.sysctls.all_disable_xfrm.clone()? {
        return Ok(false);
    }
    state.kernel.has(Change::DisableXfrmOfAll).ok_or_else(|| {
        undecidable(Source::Links, "whether this kernel applies net.ipv4.conf.all.disable_xfrm")
    })
}
