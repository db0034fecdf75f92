//! VTI-107: the xfrm interface's policy also requires a mark that the packets do not have.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::Driver;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PolicyNeedsPacketMark,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    The interface drops packets that have no mark, and counts a carrier
    error for each. No counter of /proc/net/xfrm_stat rises.

Why
    An xfrm interface looks up policies by its if_id and by the packet's
    own mark. The policy has the if_id, but also a mark: it matches only
    packets that a firewall rule or a socket has marked. (On vti and
    vti6 the interface's okey replaces the packet's mark.)

How to confirm
    {OutboundPolicies}\tif_id and mark in one policy

What to do
    Remove mark_out (and mark_in) from the child's configuration: the
    if_id alone is enough.
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Xfrm], "a vti interface uses its own mark instead of the packet's")?;
    let lost = case.lost_to(Code::PolicyNeedsPacketMark)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let summary = format!(
        "{}: the policy also requires a packet mark, but the packets have none",
        drops(case, &lost)
    );
    Ok(Found::proven(case, first, summary).severity(case.grade(Severity::Fault)).next(
        case,
        "show the if_id and the mark of the policy",
        Command::OutboundPolicies,
    ))
}
