//! VTI-212: SAs reach their byte or packet limit; each of them costs one packet in the encryption stage.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{ITS, PACKET, WAS};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::HardLimitReached,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::SecurityAssociationExpired]),
    check,
};

const EXPLAIN: &str = "
What happens
    Each SA that reaches its byte or packet limit costs one packet. That
    packet is counted as an aborted error (in /proc/net/dev: in the
    carrier column) and in XfrmOutStateExpired. Another SA sends the
    packets after it; without one they are counted as carrier errors.

Why
    The SA has a hard limit of bytes or packets.
    xfrm_state_check_expire() refuses the first packet after that limit
    and deletes the SA.

How to confirm
    {Sas}\tlifetime config and current

What to do
    Let rekeying start earlier (set the soft limit further below the
    hard limit), or raise the limit:
    {LifeBytes}
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::HardLimitReached)?;
    let advise = |found: Found| {
        found.next(case, "show the limits and the use of the SAs", Command::Sas).next(
            case,
            "watch SAs expire",
            Command::Expiries,
        )
    };
    if let Some(first) = lost.first() {
        let summary = "the next packet is dropped: its SA has reached its byte or packet limit (another SA then takes over)";
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
    let (packets, were, its) = (PACKET.of(expired), WAS.word(expired), ITS.word(expired));
    let summary =
        format!("{packets} {were} dropped because {its} SA had reached its byte or packet limit");
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
