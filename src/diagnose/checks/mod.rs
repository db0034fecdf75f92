//! Every diagnosis: one file a cause, in folders by where the packet is lost. The list is in the order of codes, which for transmit errors
//! is that of the packet's way. What masks what is decided elsewhere.

mod ends;
mod host;
mod ike;
pub mod of_ip_tunnel;
mod past;
mod receive;
mod silent;
mod transmit;

use super::diagnosis::Diagnosis;

/// Every diagnosis.
pub static DIAGNOSES: &[Diagnosis] = &[
    // 1xx: the carrier counter moves.
    transmit::no_outbound_policy::DIAGNOSIS,
    transmit::traffic_outside_selectors::DIAGNOSIS,
    transmit::ipv6_outside_selectors::DIAGNOSIS,
    transmit::policy_blocks::DIAGNOSIS,
    transmit::policy_without_template::DIAGNOSIS,
    transmit::xfrm_disabled::DIAGNOSIS,
    transmit::policy_needs_packet_mark::DIAGNOSIS,
    transmit::no_security_association::DIAGNOSIS,
    transmit::security_association_mismatch::DIAGNOSIS,
    transmit::security_association_expired::DIAGNOSIS,
    transmit::no_route_to_peer::DIAGNOSIS,
    transmit::local_address_gone::DIAGNOSIS,
    transmit::peer_in_another_vrf::DIAGNOSIS,
    transmit::tunnel_remote_unreachable::DIAGNOSIS,
    transmit::endpoint_mismatch::DIAGNOSIS,
    transmit::not_a_tunnel_mode_association::DIAGNOSIS,
    transmit::no_route_inside::DIAGNOSIS,
    // 2xx: other transmit errors.
    transmit::tunnel_loops_into_itself::DIAGNOSIS,
    transmit::packet_too_big::DIAGNOSIS,
    transmit::not_ip::DIAGNOSIS,
    transmit::inner_source_is_the_peer::DIAGNOSIS,
    transmit::sequence_number_overflow::DIAGNOSIS,
    transmit::hard_limit_reached::DIAGNOSIS,
    transmit::encryption_failed::DIAGNOSIS,
    transmit::outer_queue_drops::DIAGNOSIS,
    transmit::packets_held_for_negotiation::DIAGNOSIS,
    // 3xx: lost, and no transmit error counted.
    silent::admin_down_with_association::DIAGNOSIS,
    silent::up_without_association::DIAGNOSIS,
    silent::sent_to_the_wrong_peer::DIAGNOSIS,
    silent::outer_path_dead::DIAGNOSIS,
    silent::traffic_taken_by_another_policy::DIAGNOSIS,
    silent::one_way::DIAGNOSIS,
    silent::interface_missing::DIAGNOSIS,
    silent::nothing_routed_in::DIAGNOSIS,
    silent::translated_before_the_tunnel::DIAGNOSIS,
    silent::rule_diverts_packets::DIAGNOSIS,
    silent::asymmetric_paths::DIAGNOSIS,
    silent::refused_before_the_tunnel::DIAGNOSIS,
    // 4xx: receive.
    receive::no_inbound_association::DIAGNOSIS,
    receive::integrity_failures::DIAGNOSIS,
    receive::replay_drops::DIAGNOSIS,
    receive::no_inbound_policy::DIAGNOSIS,
    receive::inbound_association_mismatch::DIAGNOSIS,
    receive::source_validation_drops::DIAGNOSIS,
    receive::refused_after_decryption::DIAGNOSIS,
    receive::esp_filtered_on_arrival::DIAGNOSIS,
    receive::not_forwarded::DIAGNOSIS,
    receive::lost_on_the_way::DIAGNOSIS,
    receive::arrives_out_of_order::DIAGNOSIS,
    receive::inbound_policy_mismatch::DIAGNOSIS,
    receive::not_taken_by_the_interface::DIAGNOSIS,
    receive::inbound_losses_unexplained::DIAGNOSIS,
    // 5xx: IKE.
    ike::ike_daemon_not_running::DIAGNOSIS,
    ike::ike_not_established::DIAGNOSIS,
    ike::child_not_installed::DIAGNOSIS,
    ike::duplicate_associations::DIAGNOSIS,
    ike::not_bound::DIAGNOSIS,
    ike::kernel_and_charon_disagree::DIAGNOSIS,
    ike::traps_only::DIAGNOSIS,
    ike::no_client_connected::DIAGNOSIS,
    // 6xx: host and configuration.
    host::default_route_in_table_220::DIAGNOSIS,
    host::mtu_leaves_no_room::DIAGNOSIS,
    host::counters_not_exported::DIAGNOSIS,
    host::carrier_column_is_a_sum::DIAGNOSIS,
    host::hook_state_inconsistent::DIAGNOSIS,
    host::state_in_another_namespace::DIAGNOSIS,
    host::forwarded_by_vpp::DIAGNOSIS,
    // 7xx: both ends.
    ends::different_selectors::DIAGNOSIS,
    ends::different_sas::DIAGNOSIS,
    ends::different_parameters::DIAGNOSIS,
    ends::lost_between_the_ends::DIAGNOSIS,
    ends::refused_at_the_other_end::DIAGNOSIS,
    // 9xx: residue.
    past::past_errors_only::DIAGNOSIS,
    past::recorded_losses::REAUTHENTICATION_GAP,
    past::recorded_losses::SA_GAP,
    past::recorded_losses::BEFORE_THE_FIRST_SA,
    past::recorded_losses::PEER_LOST_AND_BACK,
    past::recorded_losses::LINK_LOCAL_DRIP,
    past::recorded_losses::ROUTE_GAP,
    past::recorded_losses::LIMIT_REACHED,
    past::recorded_losses::NOT_ATTRIBUTABLE,
    past::unexplained::DIAGNOSIS,
];
