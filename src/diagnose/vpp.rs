//! Whether VPP forwards the tunnels' packets, past the kernel. Then the kernel's counters include only what the kernel itself sends, and its
//! SAs and policies are those that VPP copies, not those that packets meet.

use super::found::Found;
use crate::code::{Code, Stage};
use crate::report::Confidence;
use crate::snapshot::{Missing, Observed, Reason, Snapshot};

/// What is known of VPP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vpp {
    /// `vpp settings ipsec` is set: VPP takes SAs and policies from the kernel over netlink (linux-cp).
    Forwards,
    /// It is not set, or VPP does not run.
    Not,
}

/// Whether VPP forwards the tunnels' packets; missing where VPP runs and its configuration could not be read.
pub(super) fn forwards(now: &Snapshot) -> Observed<Vpp> {
    match &now.configuration {
        Ok(configuration) if configuration.vpp_ipsec => Ok(Vpp::Forwards),
        Err(missing) if now.runs_vpp && missing.reason != Reason::Absent => Err(missing.clone()),
        _ => Ok(Vpp::Not),
    }
}

/// The finding, at most consistent where VPP may forward the packets: then the kernel's state proves nothing. IKE stays charon's task.
pub(super) fn capped(found: Found, code: Code, now: &Snapshot) -> Found {
    let of_control = code.info().stage == Stage::Control || code == Code::ForwardedByVpp;
    if of_control || forwards(now) == Ok(Vpp::Not) {
        return found;
    }
    let confidence = found.confidence.min(Confidence::Consistent);
    Found { confidence, ..found }
}

/// Why a cause does not apply that is derived from unchanged counters or routes of the kernel; none where it applies.
pub(super) fn not_applicable(code: Code, now: &Snapshot) -> Option<&'static str> {
    let rests = matches!(code, Code::OneWay | Code::NothingRoutedIn);
    (rests && forwards(now) != Ok(Vpp::Not))
        .then_some("VPP forwards the packets, so the kernel neither routes nor counts them")
}

/// The note on the whole report where it is unknown whether VPP forwards the packets.
pub(super) fn reservation(now: &Snapshot) -> Option<String> {
    let unknown = |missing: Missing| {
        format!("VPP runs here, but whether it forwards IPsec is unknown: {missing}.")
    };
    forwards(now).err().map(unknown)
}
