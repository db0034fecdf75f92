//! VTI-113: the only SA has reached its hard limit of bytes or packets.

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
    The next packet is dropped and counted as an aborted error (in
    /proc/net/dev: in the carrier column), and the kernel deletes the
    SA. Every packet after it is dropped as a carrier error until there
    is a new SA.

Why
    The SA has reached its byte or packet limit
    (xfrm_state_check_expire()), and no other SA matches the policy. The
    rekeying that should have happened before failed.

How to confirm
    {Sas}\tlifetime config and current

What to do
    {IkeLog}\twhy rekeying failed
    {renegotiate}
    Raise life-bytes or life-packets of the ESP group, or remove them.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::SecurityAssociationExpired)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::LimitReached { spi, .. } = first.verdict.site else {
        return Err(Unconfirmed::RuledOut);
    };
    let summary = format!(
        "{} drops the next packet and all after it: SA {spi} has reached its byte or packet limit, and there is no other SA",
        case.name
    );
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "show the limits and the use of the SA", Command::Sas)
        .next(case, "show the log of the rekeying that failed", Command::IkeLog)
        .next(case, "negotiate a new SA", Command::RekeyChild))
}
