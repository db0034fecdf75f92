//! From the site where a packet is dropped to the code of the cause: one place, for diagnoses, `lookup` and `drops`, of both directions.

use crate::code::Code;
use crate::snapshot::{Driver, Family, PolicyDirection};
use crate::tunnel::Tunnel;
use crate::way::{Flow, Site, StateCheck, receive};

/// The code that explains why a packet of `flow` ends at `site`; none if nothing is lost there, or if the site is undetermined.
pub fn cause(tunnel: &Tunnel<'_>, flow: &Flow, site: &Site) -> Option<Code> {
    Some(match site {
        Site::Sent { .. } | Site::AdminDown | Site::Undecided(_) => return None,
        Site::NoPolicy { has_own: false } => Code::NoOutboundPolicy,
        Site::NoPolicy { has_own: true } => no_match(tunnel, flow),
        Site::DefaultBlock | Site::PolicyBlock { .. } => Code::PolicyBlocks,
        Site::NoTemplate { .. } => Code::PolicyWithoutTemplate,
        Site::XfrmDisabled => Code::XfrmDisabled,
        Site::NoSa(wanted) if wanted.nearest.is_none() => Code::NoSecurityAssociation,
        Site::NoSa(_) | Site::SaDirection { .. } => Code::SecurityAssociationMismatch,
        Site::LimitReached { only: true, .. } => Code::SecurityAssociationExpired,
        Site::LimitReached { only: false, .. } => Code::HardLimitReached,
        Site::TemplateSource { .. } => Code::NoRouteToPeer,
        Site::OuterRoute { source, .. } => outer_route(tunnel, *source),
        Site::TunnelEndpoint { remote_is_local: false, .. } => Code::LocalAddressGone,
        Site::TunnelEndpoint { remote_is_local: true, .. } => Code::EndpointMismatch,
        Site::StateCheck { reason: StateCheck::Remote | StateCheck::Local, .. } => {
            Code::EndpointMismatch
        }
        Site::StateCheck { reason: StateCheck::Mode | StateCheck::Family, .. } => {
            Code::NotATunnelModeAssociation
        }
        Site::Loop { .. } => Code::TunnelLoopsIntoItself,
        Site::TooBig { .. } => Code::PacketTooBig,
        Site::AddressConflict => Code::InnerSourceIsThePeer,
        Site::SequenceOverflow { .. } => Code::SequenceNumberOverflow,
        Site::Held(_) => Code::PacketsHeldForNegotiation,
        Site::TakenByPolicy { .. } => Code::TrafficTakenByAnotherPolicy,
    })
}

/// The code that explains why a packet that the peer sends to the interface is lost on arrival; none if it is not, or if a later stage of its
/// way loses it, or if the site is undetermined.
pub fn inbound_cause(tunnel: &Tunnel<'_>, verdict: &receive::Verdict) -> Option<Code> {
    use receive::{Refusal, Site};
    let is_taken = verdict.effect.device == Some(tunnel.link.ifindex);
    Some(match &verdict.site {
        Site::LetIn { .. }
        | Site::NotForThisHost { .. }
        | Site::NoIpv6
        | Site::NotForwarded
        | Site::Undecided(_) => return None,
        Site::TunnelEndpoint { .. } => Code::EndpointMismatch,
        Site::AsClear { refusal: Refusal::NoPolicy { .. } | Refusal::DefaultBlock, .. } => {
            Code::NoInboundPolicy
        }
        Site::OuterPolicy { .. } | Site::AsClear { .. } => Code::InboundPolicyMismatch,
        // An xfrm interface is known by the SA alone.
        Site::NoSa { nearest } => match nearest {
            _ if !is_taken && tunnel.driver != Driver::Xfrm => Code::NotTakenByTheInterface,
            Some(_) => Code::InboundAssociationMismatch,
            None => Code::NoInboundAssociation,
        },
        Site::LarvalSa { .. } | Site::LimitReached { .. } => Code::NoInboundAssociation,
        Site::SaDirection { .. }
        | Site::Encapsulation { .. }
        | Site::NotTunnelMode { .. }
        | Site::InnerMode { .. }
        | Site::InnerSa { .. } => Code::InboundAssociationMismatch,
        Site::Policy { .. } if !is_taken => Code::NotTakenByTheInterface,
        Site::Policy { refusal: Refusal::NoPolicy { .. } | Refusal::DefaultBlock, .. } => {
            Code::NoInboundPolicy
        }
        Site::Policy { refusal: Refusal::Selector | Refusal::OtherFamily, .. } => {
            Code::InboundAssociationMismatch
        }
        Site::Policy { .. } => Code::InboundPolicyMismatch,
    })
}

/// The interface has policies, but none matches the flow: the packet has no mark, it is IPv6 in a tunnel for IPv4, or it is outside the
/// selectors.
fn no_match(tunnel: &Tunnel<'_>, flow: &Flow) -> Code {
    let own = tunnel.own_policies(PolicyDirection::Out).unwrap_or_default();
    let oif = crate::way::transmit::flow_oif(tunnel);
    let of_family = |p: &&&crate::snapshot::Policy| p.selector.family == flow.family();
    let mark = tunnel.lookup_mark(flow.mark);
    if own.iter().filter(of_family).any(|p| flow.matches(&p.selector, oif) && !p.mark.admits(mark))
    {
        Code::PolicyNeedsPacketMark
    } else if flow.family() == Family::Inet6
        && !own.iter().any(|p| p.selector.family == Family::Inet6)
    {
        Code::Ipv6OutsideSelectors
    } else {
        Code::TrafficOutsideSelectors
    }
}

/// The outer route lookup fails because the source is gone, because the source is in another VRF, or because there is no route.
fn outer_route(tunnel: &Tunnel<'_>, source: std::net::IpAddr) -> Code {
    let Ok(addresses) = tunnel.state.local_addresses(source) else { return Code::NoRouteToPeer };
    if addresses.is_empty() && source.is_ipv4() && !source.is_unspecified() {
        // Only the IPv4 lookup checks the source; an IPv6 lookup fails only if there is no route.
        return Code::LocalAddressGone;
    }
    let domain = |ifindex| tunnel.state.vrf_of(ifindex).ok().flatten().map(|l| l.ifindex);
    let looked_in = tunnel.outer_vrf().ok().flatten().map(|l| l.ifindex);
    let elsewhere =
        !addresses.is_empty() && addresses.iter().all(|a| domain(a.ifindex) != looked_in);
    if elsewhere && tunnel.driver != Driver::Xfrm {
        Code::PeerInAnotherVrf
    } else {
        Code::NoRouteToPeer
    }
}
