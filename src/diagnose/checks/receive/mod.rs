//! 4xx: lost on arrival. One file for each cause, named after it; a check reads nothing and prints nothing.

pub mod arrives_out_of_order;
pub mod esp_filtered_on_arrival;
pub mod inbound_association_mismatch;
pub mod inbound_losses_unexplained;
pub mod inbound_policy_mismatch;
pub mod integrity_failures;
pub mod lost_on_the_way;
pub mod no_inbound_association;
pub mod no_inbound_policy;
pub mod not_forwarded;
pub mod not_taken_by_the_interface;
pub mod refused_after_decryption;
pub mod replay_drops;
pub mod source_validation_drops;

use crate::code::Code;

/// Where one of these is found, nothing comes out of the tunnel that could be dropped later.
const NOT_DECRYPTED: &[Code] = &[
    Code::NoInboundAssociation,
    Code::NoInboundPolicy,
    Code::InboundAssociationMismatch,
    Code::EspFilteredOnArrival,
];
