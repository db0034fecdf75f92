//! VTI-221: without an SA, packets are queued, counted as sent, and dropped later.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Severity};
use crate::snapshot::{Observed, Source};
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(221),
    name: "packets-held-for-negotiation",
    severity: Severity::Warning,
    explain: EXPLAIN,
    masked_by: &[],
    check,
};

const EXPLAIN: &str = "
What happens
    The interface counts packets as sent, and none arrives. Beyond about
    a hundred waiting packets it counts aborted errors instead.

Why
    net.core.xfrm_larval_drop is 0. On vti and vti6 (kernel 5.9 and
    later) packets without an SA then wait in the policy's queue. They
    are sent when the SA comes within about a minute, and purged
    silently when it does not.

How to confirm
    sysctl net.core.xfrm_larval_drop
    ip xfrm state list                no SA to the peer

What to do
    Find out why there is no SA, as for VTI-111. For counters that tell
    the truth: sysctl -w net.core.xfrm_larval_drop=1
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let lost = case.lost_to(221)?;
    let Some(first) = lost.first() else { return Ok(None) };
    let Site::Held(wanted) = &first.verdict.site else { return Ok(None) };
    let why = match &wanted.nearest {
        Some(nearest) => format!("the nearest SA does not fit ({nearest})"),
        None => "there is none".to_owned(),
    };
    let summary = format!(
        "packets wait for an SA to {} and count as sent: {why}, and xfrm_larval_drop is 0",
        wanted.destination
    );
    Ok(Some(
        Found::proven(case, first, summary)
            .severity(case.grade(Severity::Fault))
            .seen(case, "net.core.xfrm_larval_drop = 0", Source::LarvalDrop)
            .next(case, "see the state of IKE", "show vpn ike sa", "swanctl --list-sas")
            .next(
                case,
                "see why there is no SA",
                "show log vpn ipsec",
                "journalctl -u strongswan --since -10min",
            ),
    ))
}
