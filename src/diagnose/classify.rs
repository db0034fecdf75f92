//! From the site where a packet is lost to the code that explains it: one place, for diagnoses and `lookup` alike.

use crate::report::Code;
use crate::snapshot::{Driver, Family, PolicyDirection};
use crate::tunnel::Tunnel;
use crate::way::{Flow, Site, StateCheck};

/// The code that explains why a packet of `flow` ends at `site`; none where nothing is lost there, or nothing is decided.
pub fn cause(tunnel: &Tunnel<'_>, flow: &Flow, site: &Site) -> Option<Code> {
    code(tunnel, flow, site).map(Code)
}

/// The code of the cause for a packet of `flow` that ends at `site`; none where nothing is lost, or nothing is decided.
pub(super) fn code(tunnel: &Tunnel<'_>, flow: &Flow, site: &Site) -> Option<u16> {
    Some(match site {
        Site::Sent { .. } | Site::AdminDown | Site::Undecided(_) => return None,
        Site::NoPolicy { has_own: false } => 101,
        Site::NoPolicy { has_own: true } => no_match(tunnel, flow),
        Site::DefaultBlock | Site::PolicyBlock { .. } => 104,
        Site::NoTemplate { .. } => 105,
        Site::XfrmDisabled => 106,
        Site::NoSa(wanted) if wanted.nearest.is_none() => 111,
        Site::NoSa(_) | Site::SaDirection { .. } => 112,
        Site::LimitReached { only: true, .. } => 113,
        Site::LimitReached { only: false, .. } => 212,
        Site::TemplateSource { .. } => 121,
        Site::OuterRoute { source, .. } => outer_route(tunnel, *source),
        Site::TunnelEndpoint { remote_is_local: false, .. } => 122,
        Site::TunnelEndpoint { remote_is_local: true, .. } => 131,
        Site::StateCheck { reason: StateCheck::Remote | StateCheck::Local, .. } => 131,
        Site::StateCheck { reason: StateCheck::Mode | StateCheck::Family, .. } => 132,
        Site::Loop { .. } => 201,
        Site::TooBig { .. } => 202,
        Site::AddressConflict => 204,
        Site::SequenceOverflow { .. } => 211,
        Site::Held(_) => 221,
        Site::TakenByPolicy { .. } => 305,
    })
}

/// The key has policies, but none takes the flow: its mark is missing (107), it is IPv6 in a tunnel for IPv4 (103), or it is outside the
/// selectors (102).
fn no_match(tunnel: &Tunnel<'_>, flow: &Flow) -> u16 {
    let own = tunnel.own_policies(PolicyDirection::Out).unwrap_or_default();
    let oif = crate::way::transmit::flow_oif(tunnel);
    let of_family = |p: &&&crate::snapshot::Policy| p.selector.family == flow.family();
    let mark = tunnel.lookup_mark(flow.mark);
    if own.iter().filter(of_family).any(|p| flow.matches(&p.selector, oif) && !p.mark.admits(mark))
    {
        107
    } else if flow.family() == Family::Inet6
        && !own.iter().any(|p| p.selector.family == Family::Inet6)
    {
        103
    } else {
        102
    }
}

/// The outer route fails: because the source is gone (122), because it is in another VRF (123), or for want of a route (121).
fn outer_route(tunnel: &Tunnel<'_>, source: std::net::IpAddr) -> u16 {
    let Ok(addresses) = tunnel.state.local_addresses(source) else { return 121 };
    if addresses.is_empty() && source.is_ipv4() && !source.is_unspecified() {
        // Only the IPv4 lookup asks for the source; an IPv6 one that fails lacks the route.
        return 122;
    }
    let domain = |ifindex| tunnel.state.vrf_of(ifindex).ok().flatten().map(|l| l.ifindex);
    let looked_in = tunnel.outer_vrf().ok().flatten().map(|l| l.ifindex);
    let elsewhere =
        !addresses.is_empty() && addresses.iter().all(|a| domain(a.ifindex) != looked_in);
    if elsewhere && tunnel.driver != Driver::Xfrm { 123 } else { 121 }
}
