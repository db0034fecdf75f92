//! VTI-113: the only SA has reached its hard limit.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::SecurityAssociationExpired,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::leaves_no_sa),
    check,
};

const EXPLAIN: &str = "
What happens
    The next packet is counted as an aborted error (the carrier column
    of /proc/net/dev shows it), and the SA is gone with it; every packet
    behind it is dropped as a carrier error until there is a new SA.

Why
    The SA has carried all bytes or packets that it may
    (xfrm_state_check_expire()), and no other SA fits the policy. The
    rekeying that should have come before did not.

How to confirm
    {Sas}\tlifetime config and current

What to do
    {IkeLog}\twhy rekeying failed
    {anew}
    Raise life-bytes or life-packets of the ESP group, or omit them.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::SecurityAssociationExpired)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::LimitReached { spi, .. } = first.verdict.site else {
        return Err(Unconfirmed::RuledOut);
    };
    let summary =
        format!("SA {spi} has reached its byte or packet limit, and no other SA can take over");
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "see limits and use of the SA", Command::Sas)
        .next(case, "see why it was not rekeyed", Command::IkeLog)
        .next(case, "negotiate anew", Command::RekeyChild))
}
