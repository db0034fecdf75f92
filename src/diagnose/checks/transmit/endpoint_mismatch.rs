//! VTI-131: the SA's addresses are not those of the vti or vti6 device.

use crate::code::{Code, Severity, Stage};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::Driver;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::EndpointMismatch, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error. No counter of /proc/net/xfrm_stat moves, and the SA
    is found: it counts nothing all the same.

Why
    vti_state_check() compares the SA's destination with the device's
    remote and its source with the device's local address. They differ:
    NAT (the SA holds the private address), a DHCP address that changed,
    a peer that moved. An xfrm interface has no such check.

How to confirm
    {LinkInDetail}\tlocal, remote
    {Sas}\tsrc, dst

What to do
    Set the device's addresses to those that the SA uses, or local to
    0.0.0.0 (any).
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti, Driver::Vti6], "an xfrm interface compares no addresses")?;
    let lost = case.lost_to(Code::EndpointMismatch)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let checked = first.verdict.trail.iter().rev().find(|s| s.stage == Stage::Device);
    let what = checked.map_or_else(String::new, |s| format!(": {} ({})", s.looked_at, s.result));
    Ok(Found::proven(
        case,
        first,
        format!("the SA's addresses are not those of {}{what}", case.name),
    )
    .severity(case.grade(Severity::Fault))
    .next(case, "see the addresses of the device", Command::LinkInDetail)
    .next(case, "see the addresses of the SA", Command::Sas))
}
