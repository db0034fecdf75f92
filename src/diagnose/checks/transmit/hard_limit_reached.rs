//! VTI-212: SAs end by their byte or packet limit, and each costs a packet in the encryption stage.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{ITS, PACKET};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::HardLimitReached,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::SecurityAssociationExpired]),
    check,
};

const EXPLAIN: &str = "
What happens
    One packet for each SA that ends is counted as an aborted error
    (the carrier column of /proc/net/dev shows it), and
    XfrmOutStateExpired moves with it. What follows is sent by another
    SA, or dropped as carrier errors until there is one.

Why
    The SA may carry so many bytes or packets, and
    xfrm_state_check_expire() refuses the one behind the last.

How to confirm
    {Sas}\tlifetime config and current

What to do
    Let rekeying begin earlier (the soft limit further below the hard
    one), or raise the limit:
    {LifeBytes}
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::HardLimitReached)?;
    let advise = |found: Found| {
        found.next(case, "see limits and use of the SAs", Command::Sas).next(
            case,
            "see when SAs expire",
            Command::Expiries,
        )
    };
    if let Some(first) = lost.first() {
        let summary = "an SA has reached its byte or packet limit: one more packet is lost before another SA takes over";
        return Ok(advise(Found::proven(case, first, summary)));
    }
    let aborted = case.counted.rise(|c| c.tx_aborted_errors.unwrap_or(0))?;
    if aborted == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let expired = case.risen("XfrmOutStateExpired")?;
    let limited = case
        .tunnel()?
        .outbound_sas()?
        .iter()
        .any(|a| a.limits.hard_bytes.or(a.limits.hard_packets).is_some());
    if expired == 0 || !limited {
        return Err(Unconfirmed::RuledOut);
    }
    let (packets, its) = (PACKET.of(expired), ITS.word(expired));
    let summary =
        format!("{packets} hit the byte or packet limit of {its} SA in the encryption stage");
    let found =
        Found::new(Confidence::Consistent, "xfrm_output_one: xfrm_state_check_expire()", summary)
            .seen_if(
                case,
                case.counted.words("tx_aborted_errors", |c| c.tx_aborted_errors.unwrap_or(0)),
                Source::Links,
            )
            .seen(case, format!("XfrmOutStateExpired +{expired}"), Source::XfrmStatistics);
    Ok(advise(found))
}
