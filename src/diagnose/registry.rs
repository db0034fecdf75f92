//! Every diagnosis, in the order of codes, which is that of the transmit path; and the groups that mask others.

use super::Diagnosis;

/// Every diagnosis. Codes are never reused and never renumbered.
pub static DIAGNOSES: &[Diagnosis] = &[
    // 1xx: the carrier counter moves.
    super::no_outbound_policy::DIAGNOSIS,
    super::traffic_outside_selectors::DIAGNOSIS,
    super::ipv6_outside_selectors::DIAGNOSIS,
    super::policy_blocks::DIAGNOSIS,
    super::policy_without_template::DIAGNOSIS,
    super::xfrm_disabled::DIAGNOSIS,
    super::policy_needs_packet_mark::DIAGNOSIS,
    super::no_security_association::DIAGNOSIS,
    super::security_association_mismatch::DIAGNOSIS,
    super::security_association_expired::DIAGNOSIS,
    super::no_route_to_peer::DIAGNOSIS,
    super::local_address_gone::DIAGNOSIS,
    super::peer_in_another_vrf::DIAGNOSIS,
    super::endpoint_mismatch::DIAGNOSIS,
    super::not_a_tunnel_mode_association::DIAGNOSIS,
    super::no_route_inside::DIAGNOSIS,
    // 2xx: other transmit errors.
    super::tunnel_loops_into_itself::DIAGNOSIS,
    super::packet_too_big::DIAGNOSIS,
    super::not_ip::DIAGNOSIS,
    super::inner_source_is_the_peer::DIAGNOSIS,
    super::sequence_number_overflow::DIAGNOSIS,
    super::hard_limit_reached::DIAGNOSIS,
    super::encryption_failed::DIAGNOSIS,
    super::packets_held_for_negotiation::DIAGNOSIS,
    // 3xx: lost, and no transmit error counted.
    super::admin_down_with_association::DIAGNOSIS,
    super::up_without_association::DIAGNOSIS,
    super::sent_to_the_wrong_peer::DIAGNOSIS,
    super::outer_path_dead::DIAGNOSIS,
    super::traffic_taken_by_another_policy::DIAGNOSIS,
    super::one_way::DIAGNOSIS,
    super::interface_missing::DIAGNOSIS,
    // 4xx: receive.
    super::no_inbound_association::DIAGNOSIS,
    super::integrity_failures::DIAGNOSIS,
    super::replay_drops::DIAGNOSIS,
    super::no_inbound_policy::DIAGNOSIS,
    super::inbound_association_mismatch::DIAGNOSIS,
    super::source_validation_drops::DIAGNOSIS,
    // 5xx: IKE.
    super::ike_daemon_not_running::DIAGNOSIS,
    super::ike_not_established::DIAGNOSIS,
    super::child_not_installed::DIAGNOSIS,
    super::duplicate_associations::DIAGNOSIS,
    super::not_bound::DIAGNOSIS,
    super::kernel_and_charon_disagree::DIAGNOSIS,
    super::traps_only::DIAGNOSIS,
    super::no_client_connected::DIAGNOSIS,
    // 6xx: host and configuration.
    super::default_route_in_table_220::DIAGNOSIS,
    super::mtu_leaves_no_room::DIAGNOSIS,
    super::counters_not_exported::DIAGNOSIS,
    super::carrier_column_is_a_sum::DIAGNOSIS,
    super::hook_state_inconsistent::DIAGNOSIS,
    super::state_in_another_namespace::DIAGNOSIS,
    // 9xx: residue.
    super::past_errors_only::DIAGNOSIS,
    super::recorded_losses::REAUTHENTICATION_GAP,
    super::recorded_losses::SA_GAP,
    super::recorded_losses::BEFORE_THE_FIRST_SA,
    super::recorded_losses::PEER_LOST_AND_BACK,
    super::recorded_losses::LINK_LOCAL_DRIP,
    super::recorded_losses::ROUTE_GAP,
    super::recorded_losses::LIMIT_REACHED,
    super::recorded_losses::NOT_ATTRIBUTABLE,
    super::unexplained::DIAGNOSIS,
];

/// Causes in the control plane of there being no SA in the kernel.
pub(super) const NO_SA: &[u16] = &[501, 502, 503, 505, 506, 507, 508, 606];

/// Causes that stop all of a flow at the carrier counter.
pub(super) const CARRIER: &[u16] =
    &[101, 102, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132];

/// Causes of transmit errors that a check confirms by itself.
pub(super) const TRANSMIT: &[u16] = &[
    101, 102, 103, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132, 201, 202, 203, 204,
    211, 212, 213, 221,
];

/// Causes that explain why nothing comes back, or errors that nothing else explains.
pub(super) const LOST_OR_REFUSED: &[u16] = &[
    101, 102, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132, 201, 211, 213, 221, 302,
    304, 305, 401, 402, 403, 404, 405, 406,
];

/// Causes after which transmit errors are explained.
pub(super) const EXPLAINED: &[u16] = &[
    101, 102, 103, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132, 141, 201, 202, 203,
    204, 211, 212, 213, 221, 602, 606,
];
