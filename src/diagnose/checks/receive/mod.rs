//! 4xx: lost on arrival. One file a cause, by its name; a check reads nothing and prints nothing.

pub mod inbound_association_mismatch;
pub mod integrity_failures;
pub mod no_inbound_association;
pub mod no_inbound_policy;
pub mod replay_drops;
pub mod source_validation_drops;
