//! VTI-132: the SA is of a mode or outer family that a vti or vti6 device refuses.

use crate::code::{Code, Severity, Stage};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::Driver;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NotATunnelModeAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
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
    {Sas}\tmode, src, dst

What to do
    Negotiate tunnel mode; with IPv6 outside use vti6 or an xfrm
    interface.
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti, Driver::Vti6], "an xfrm interface takes SAs of every mode")?;
    let lost = case.lost_to(Code::NotATunnelModeAssociation)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let checked = first.verdict.trail.iter().rev().find(|s| s.stage == Stage::Device);
    let what = checked.map_or_else(String::new, |s| format!("{} ({})", s.looked_at, s.result));
    let summary = format!("a {} device refuses the SA: {what}", tunnel.driver.kind());
    Ok(Found::proven(case, first, summary).severity(case.grade(Severity::Fault)).next(
        case,
        "see mode and addresses of the SA",
        Command::Sas,
    ))
}
