//! Whether VPP forwards the tunnels' traffic, past the kernel: then the kernel's counters speak only of what the kernel itself sends, and
//! its SAs and policies are what VPP was told, not what packets meet.

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

/// Whether VPP forwards the tunnels' traffic; missing where it runs and its configuration could not be read.
pub(super) fn forwards(now: &Snapshot) -> Observed<Vpp> {
    match &now.configuration {
        Ok(configuration) if configuration.vpp_ipsec => Ok(Vpp::Forwards),
        Err(missing) if now.runs_vpp && missing.reason != Reason::Absent => Err(missing.clone()),
        _ => Ok(Vpp::Not),
    }
}

/// No surer than the kernel's state can make it where VPP may forward the traffic; IKE is charon's all the same.
pub(super) fn capped(found: Found, code: Code, now: &Snapshot) -> Found {
    let of_control = code.info().stage == Stage::Control || code == Code::ForwardedByVpp;
    if of_control || forwards(now) == Ok(Vpp::Not) {
        return found;
    }
    let confidence = found.confidence.min(Confidence::Consistent);
    Found { confidence, ..found }
}

/// Why a cause does not apply that rests on counters of the kernel that stand still, or on its routes; none where it does.
pub(super) fn not_applicable(code: Code, now: &Snapshot) -> Option<&'static str> {
    let rests = matches!(code, Code::OneWay | Code::NothingRoutedIn);
    (rests && forwards(now) != Ok(Vpp::Not))
        .then_some("VPP forwards the traffic, and the kernel neither routes nor counts it")
}

/// What the whole report says where it is not known whether VPP forwards the traffic.
pub(super) fn reservation(now: &Snapshot) -> Option<String> {
    let unknown = |missing: Missing| {
        format!("VPP runs here, and whether it forwards IPsec is not known: {missing}.")
    };
    forwards(now).err().map(unknown)
}
