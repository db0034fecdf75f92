//! What a finding is worth where SAs, policies or charon's list of them changed while they were read: what is missing in a list may then be
//! missing in the list alone. It knows which causes stand on something missing, and reads nothing.

use super::case::Case;
use super::diagnosis::Outcome;
use super::found::Found;
use crate::code::{By, Code};
use crate::report::Confidence;
use crate::snapshot::{Missing, Reason, Source};
use crate::tunnel::Tunnel;

/// Said where any SA or policy may have changed while the lists were read.
pub(super) const NOTE: &str = "SAs and policies changed while they were read, and which ones is not known: whether one is missing cannot be \
                               determined. Run the command again.";

/// The finding, no surer than the lists are. Lists that the kernel's messages made whole are of one moment, though of one in a rekeying.
/// Nothing makes charon's list whole, and nothing makes the kernel's whole where messages were lost: what is missing there is unknown.
pub(super) fn judged(case: &Case<'_>, code: Code, found: Found) -> Outcome {
    if !case.tunnel.as_ref().is_ok_and(Tunnel::is_unsettled) {
        return Ok(found);
    }
    let is_torn = is_of_charon(code) || case.now.unsettled.any && is_of_the_kernel(code);
    if is_torn {
        let source = Source::SecurityAssociations;
        return Err(Missing::new(source, Reason::Inconsistent, "run the command again").into());
    }
    if found.confidence <= Confidence::Consistent || code.info().by != By::Tunnel {
        return Ok(found);
    }
    Ok(found.of_what_changed())
}

/// Whether the cause is that charon's list has what the kernel's lack, or the other way round.
const fn is_of_charon(code: Code) -> bool {
    matches!(code, Code::ChildNotInstalled | Code::KernelAndCharonDisagree)
}

/// Whether the cause is that the kernel has no SA or policy, or none that fits.
const fn is_of_the_kernel(code: Code) -> bool {
    matches!(
        code,
        Code::NoOutboundPolicy
            | Code::TrafficOutsideSelectors
            | Code::Ipv6OutsideSelectors
            | Code::NoSecurityAssociation
            | Code::SecurityAssociationMismatch
            | Code::PacketsHeldForNegotiation
            | Code::UpWithoutAssociation
            | Code::TrafficTakenByAnotherPolicy
            | Code::NoInboundAssociation
            | Code::NoInboundPolicy
            | Code::InboundAssociationMismatch
    )
}
