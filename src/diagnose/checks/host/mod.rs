//! 6xx: host and configuration. One file for each cause, named after it; a check reads nothing and prints nothing.

pub mod carrier_column_is_a_sum;
pub mod counters_not_exported;
pub mod default_route_in_table_220;
pub mod forwarded_by_vpp;
pub mod hook_state_inconsistent;
pub mod mtu_leaves_no_room;
pub mod state_in_another_namespace;
