//! 1xx and 2xx: lost in the transmit path, and counted. One file a cause, by its name; a check reads nothing and prints nothing.

pub mod encryption_failed;
pub mod endpoint_mismatch;
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
pub mod xfrm_disabled;
