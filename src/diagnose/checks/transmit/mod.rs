//! 1xx and 2xx: packets lost in the transmit path, and counted. One file for each cause, named after it; a check neither reads the system
//! nor prints.

use crate::diagnose::case::Case;
use crate::diagnose::flows::Origin;
use crate::diagnose::flows::Trace;

pub mod encryption_failed;
pub mod endpoint_mismatch;
mod from_hosts_behind;
pub mod hard_limit_reached;
pub mod inner_source_is_the_peer;
pub mod ipv6_outside_selectors;
pub mod local_address_gone;
pub mod no_outbound_policy;
pub mod no_route_inside;
pub mod no_route_to_peer;
pub mod no_security_association;
pub mod not_a_tunnel_mode_association;
pub mod not_ip;
pub mod outer_queue_drops;
pub mod packet_too_big;
pub mod packets_held_for_negotiation;
pub mod peer_in_another_vrf;
pub mod policy_blocks;
pub mod policy_needs_packet_mark;
pub mod policy_without_template;
pub mod security_association_expired;
pub mod security_association_mismatch;
pub mod sequence_number_overflow;
pub mod traffic_outside_selectors;
pub mod tunnel_loops_into_itself;
pub mod tunnel_remote_unreachable;
pub mod xfrm_disabled;

/// The beginning of a summary: which packets the interface drops. `lost` are the flows that end at the cause.
fn drops(case: &Case<'_>, lost: &[&Trace]) -> String {
    let is_own = |t: &&Trace| !matches!(t.origin, Origin::LinkLocal(_));
    let is_routed = |t: &&Trace| matches!(t.origin, Origin::Routed(_));
    let name = case.name;
    if case.tried.iter().filter(is_own).count() == lost.len() {
        format!("{name} drops every packet")
    } else if lost.iter().copied().any(|t| is_routed(&t)) {
        format!("{name} drops packets to {}", Case::prefixes(lost))
    } else {
        format!("{name} drops packets")
    }
}
