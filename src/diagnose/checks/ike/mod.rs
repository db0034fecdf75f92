//! 5xx: the control plane. One file for each cause, named after it; a check reads nothing and prints nothing.

pub mod child_not_installed;
pub mod duplicate_associations;
pub mod ike_daemon_not_running;
pub mod ike_not_established;
pub mod kernel_and_charon_disagree;
pub mod no_client_connected;
pub mod not_bound;
pub mod traps_only;
