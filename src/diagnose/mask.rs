//! The groups of causes that mask others, each by what the table of codes says of its members. It decides nothing about a host.

use crate::code::{Info, Moves, Stage};

/// Causes in the control plane of there being no SA in the kernel.
pub(super) fn leaves_no_sa(cause: &Info) -> bool {
    cause.stage == Stage::Control && cause.stops
}

/// Causes that stop all of a flow at the carrier counter: what comes behind in the transmit path is not reached.
pub(super) fn stops_before_encryption(cause: &Info) -> bool {
    cause.moves == Moves::Carrier && cause.stops
}

/// Causes of transmit errors within the transmit path, each of which a check confirms by itself.
pub(super) fn is_transmit_error(cause: &Info) -> bool {
    explains_errors(cause) && (Stage::Device..=Stage::Queue).contains(&cause.stage)
}

/// Causes that explain why nothing comes back, or errors that nothing else explains.
pub(super) fn loses_or_refuses(cause: &Info) -> bool {
    let is_of_transmit = (Stage::Enters..=Stage::Queue).contains(&cause.stage);
    cause.stage == Stage::Receive || cause.stops && (is_of_transmit || cause.stage == Stage::Ends)
}

/// Causes of losses on arrival.
pub(super) fn is_lost_on_arrival(cause: &Info) -> bool {
    cause.stage == Stage::Receive
}

/// Causes after which transmit errors are explained. What NAT makes of a packet counts at the carrier where no selector has that, and as sent
/// where one has.
pub(super) fn explains_errors(cause: &Info) -> bool {
    cause.moves.explains_errors() || cause.stage == Stage::Nat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code::{self, *};

    fn members(group: fn(&Info) -> bool) -> Vec<Code> {
        Code::ALL.iter().copied().filter(|code| group(&code.info())).collect()
    }

    /// A cause that joins or leaves a group does so on purpose.
    #[test]
    fn each_group_has_these_members() {
        assert_eq!(
            members(leaves_no_sa),
            [
                IkeDaemonNotRunning,
                IkeNotEstablished,
                ChildNotInstalled,
                NotBound,
                KernelAndCharonDisagree,
                TrapsOnly,
                NoClientConnected
            ]
        );
        assert_eq!(
            members(stops_before_encryption),
            [
                NoOutboundPolicy,
                TrafficOutsideSelectors,
                PolicyBlocks,
                PolicyWithoutTemplate,
                XfrmDisabled,
                PolicyNeedsPacketMark,
                NoSecurityAssociation,
                SecurityAssociationMismatch,
                SecurityAssociationExpired,
                NoRouteToPeer,
                LocalAddressGone,
                PeerInAnotherVrf,
                TunnelRemoteUnreachable,
                EndpointMismatch,
                NotATunnelModeAssociation
            ]
        );
        assert_eq!(
            members(is_transmit_error),
            [
                NoOutboundPolicy,
                TrafficOutsideSelectors,
                Ipv6OutsideSelectors,
                PolicyBlocks,
                PolicyWithoutTemplate,
                XfrmDisabled,
                PolicyNeedsPacketMark,
                NoSecurityAssociation,
                SecurityAssociationMismatch,
                SecurityAssociationExpired,
                NoRouteToPeer,
                LocalAddressGone,
                PeerInAnotherVrf,
                TunnelRemoteUnreachable,
                EndpointMismatch,
                NotATunnelModeAssociation,
                TunnelLoopsIntoItself,
                PacketTooBig,
                NotIp,
                InnerSourceIsThePeer,
                SequenceNumberOverflow,
                HardLimitReached,
                EncryptionFailed,
                OuterQueueDrops,
                PacketsHeldForNegotiation
            ]
        );
        assert_eq!(
            members(loses_or_refuses),
            [
                NoOutboundPolicy,
                TrafficOutsideSelectors,
                PolicyBlocks,
                PolicyWithoutTemplate,
                XfrmDisabled,
                PolicyNeedsPacketMark,
                NoSecurityAssociation,
                SecurityAssociationMismatch,
                SecurityAssociationExpired,
                NoRouteToPeer,
                LocalAddressGone,
                PeerInAnotherVrf,
                TunnelRemoteUnreachable,
                EndpointMismatch,
                NotATunnelModeAssociation,
                TunnelLoopsIntoItself,
                SequenceNumberOverflow,
                EncryptionFailed,
                PacketsHeldForNegotiation,
                AdminDownWithAssociation,
                UpWithoutAssociation,
                OuterPathDead,
                TrafficTakenByAnotherPolicy,
                InterfaceMissing,
                NothingRoutedIn,
                RuleDivertsPackets,
                RefusedBeforeTheTunnel,
                NoInboundAssociation,
                IntegrityFailures,
                ReplayDrops,
                NoInboundPolicy,
                InboundAssociationMismatch,
                SourceValidationDrops,
                RefusedAfterDecryption,
                EspFilteredOnArrival,
                NotForwarded,
                InboundPolicyMismatch,
                NotTakenByTheInterface,
                InboundLossesUnexplained,
                EndsDisagreeOnSelectors,
                EndsUseDifferentSas,
                RefusedAtTheOtherEnd
            ]
        );
        assert_eq!(
            members(is_lost_on_arrival),
            [
                NoInboundAssociation,
                IntegrityFailures,
                ReplayDrops,
                NoInboundPolicy,
                InboundAssociationMismatch,
                SourceValidationDrops,
                RefusedAfterDecryption,
                EspFilteredOnArrival,
                NotForwarded,
                InboundPolicyMismatch,
                NotTakenByTheInterface,
                InboundLossesUnexplained
            ]
        );
        assert_eq!(
            members(explains_errors),
            [
                NoOutboundPolicy,
                TrafficOutsideSelectors,
                Ipv6OutsideSelectors,
                PolicyBlocks,
                PolicyWithoutTemplate,
                XfrmDisabled,
                PolicyNeedsPacketMark,
                NoSecurityAssociation,
                SecurityAssociationMismatch,
                SecurityAssociationExpired,
                NoRouteToPeer,
                LocalAddressGone,
                PeerInAnotherVrf,
                TunnelRemoteUnreachable,
                EndpointMismatch,
                NotATunnelModeAssociation,
                NoRouteInside,
                TunnelLoopsIntoItself,
                PacketTooBig,
                NotIp,
                InnerSourceIsThePeer,
                SequenceNumberOverflow,
                HardLimitReached,
                EncryptionFailed,
                OuterQueueDrops,
                PacketsHeldForNegotiation,
                TranslatedBeforeTheTunnel,
                MtuLeavesNoRoom
            ]
        );
    }
}
