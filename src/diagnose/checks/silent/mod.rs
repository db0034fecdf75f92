//! 3xx: lost without a transmit error. One file for each cause, named after it; a check reads nothing and prints nothing.

pub mod admin_down_with_association;
pub mod asymmetric_paths;
pub mod interface_missing;
pub mod nothing_routed_in;
pub mod one_way;
pub mod outer_path_dead;
pub mod refused_before_the_tunnel;
pub mod rule_diverts_packets;
pub mod sent_to_the_wrong_peer;
pub mod traffic_taken_by_another_policy;
pub mod translated_before_the_tunnel;
pub mod up_without_association;
