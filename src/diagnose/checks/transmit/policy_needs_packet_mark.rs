//! VTI-107: the xfrm interface's policy also wants a mark that packets do not carry.

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
    Unmarked packets are dropped and counted as carrier errors. No
    counter of /proc/net/xfrm_stat moves.

Why
    An xfrm interface looks policies up by its if_id and by the packet's
    own mark. The policy has the if_id and a mark besides, so only
    packets that a firewall rule or a socket marked will match. (On vti
    and vti6 the device's okey takes the place of the mark.)

How to confirm
    {OutboundPolicies}\tif_id and mark on one policy

What to do
    Take mark_out (and mark_in) away from the child's configuration:
    if_id alone selects it.
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Xfrm], "the device's own mark is used, whatever mark the packet has")?;
    let lost = case.lost_to(Code::PolicyNeedsPacketMark)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let summary = format!(
        "the policy for {} also wants a packet mark, and packets carry none",
        Case::prefixes(&lost)
    );
    Ok(Found::proven(case, first, summary).severity(case.grade(Severity::Fault)).next(
        case,
        "see if_id and mark of the policy",
        Command::OutboundPolicies,
    ))
}
