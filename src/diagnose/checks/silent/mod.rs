//! 3xx: lost, and no transmit error is counted. One file a cause, by its name; a check reads nothing and prints nothing.

pub mod admin_down_with_association;
pub mod interface_missing;
pub mod nothing_routed_in;
pub mod one_way;
pub mod outer_path_dead;
pub mod sent_to_the_wrong_peer;
pub mod traffic_taken_by_another_policy;
pub mod up_without_association;
