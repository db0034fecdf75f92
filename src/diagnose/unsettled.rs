//! How sure a finding is where SAs, policies or charon's list of them changed while they were read: what a list lacks may then exist in the
//! kernel. It knows which causes are derived from something missing, and reads nothing.

use super::case::Case;
use super::diagnosis::Outcome;
use super::found::Found;
use crate::code::{By, Code};
use crate::report::Confidence;
use crate::snapshot::{Missing, Reason, Source};
use crate::tunnel::Tunnel;

/// The note where any SA or policy may have changed while the lists were read.
pub(super) const NOTE: &str = "SAs and policies changed while they were read. Whether one is missing cannot be determined. Run the command \
                               again.";

/// The finding, no surer than the lists. The kernel's lists, completed by its messages, show one moment, though perhaps one during a rekeying.
/// Nothing completes charon's list, nor the kernel's where messages were lost: whether something is missing there is unknown.
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

/// Whether the cause is that charon's list has what the kernel's lists lack, or the reverse.
const fn is_of_charon(code: Code) -> bool {
    matches!(code, Code::ChildNotInstalled | Code::KernelAndCharonDisagree)
}

/// Whether the cause is that the kernel has no SA or policy, or none that matches.
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
