//! VTI-132: the SA is of a mode or outer family that a vti or vti6 device refuses.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Severity};
use crate::snapshot::Observed;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(132),
    name: "not-a-tunnel-mode-association",
    severity: Severity::Fault,
    explain: EXPLAIN,
    masked_by: &[],
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error. No counter of /proc/net/xfrm_stat moves.

Why
    vti takes SAs in tunnel mode with IPv4 outside, vti6 those with IPv6
    outside, and nothing else: vti_state_check() refuses BEET, IPTFS and
    the other outer family.

How to confirm
    ip xfrm state list                mode, src, dst

What to do
    Negotiate tunnel mode; with IPv6 outside use vti6 or an xfrm
    interface.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let lost = case.lost_to(132)?;
    let Some(first) = lost.first() else { return Ok(None) };
    let tunnel = case.tunnel()?;
    let checked = first.verdict.trail.iter().rev().find(|s| s.name == "device check");
    let what = checked.map_or_else(String::new, |s| format!("{} ({})", s.looked_at, s.result));
    let summary = format!("a {} device refuses the SA: {what}", tunnel.driver.kind());
    Ok(Some(Found::proven(case, first, summary).severity(case.grade(Severity::Fault)).next(
        case,
        "see mode and addresses of the SA",
        "show vpn ipsec state",
        "ip xfrm state list nokeys",
    )))
}
