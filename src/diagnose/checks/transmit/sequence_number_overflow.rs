//! VTI-211: an SA without ESN has used, or will soon have used, its 2^32 sequence numbers.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::SequenceNumberOverflow,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet is dropped in the encryption stage and counted as an
    aborted error; /proc/net/dev shows these in the carrier column.
    XfrmOutStateSeqError rises, too.

Why
    Each sequence number is used only once. Without extended sequence
    numbers (ESN) an SA has 2^32 of them; at 1.2 million packets a
    second they last about an hour. The SA was not rekeyed in time, and
    xfrm_replay_overflow() refuses all further packets.

How to confirm
    {SasInDetail}\toseq near 0xffffffff, no esn flag

What to do
    {renegotiate}
    Use ESN (VyOS 1.4 and later negotiate it if the peer supports it),
    or rekey by packets:
    {LifePackets}
";

/// A warning is given from here on: nine tenths of the numbers are used.
const SOON: u64 = (u32::MAX as u64) / 10 * 9;

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::SequenceNumberOverflow)?;
    let advise = |found: Found| {
        found.next(case, "show the sequence numbers", Command::SasInDetail).next(
            case,
            "negotiate a new SA",
            Command::RekeyChild,
        )
    };
    if let Some(first) = lost.first() {
        let summary = format!(
            "{} drops every packet until there is a new SA: the SA has used its last sequence number",
            case.name
        );
        return Ok(advise(Found::proven(case, first, summary)));
    }
    let of = case.tunnel()?.outbound_sas()?;
    let used = of
        .iter()
        .filter(|a| !a.uses_esn())
        .filter_map(|a| Some((a, a.replay?.outbound)))
        .max_by_key(|(_, used)| *used);
    let Some((sa, used)) = used.filter(|(_, used)| *used >= SOON) else {
        return Err(Unconfirmed::RuledOut);
    };
    let summary = format!(
        "SA {} will stop sending soon: it has used {used} of its {} sequence numbers",
        sa.spi,
        u32::MAX
    );
    let found =
        Found::new(Confidence::Proven, "xfrm_output_one: xfrm_replay_overflow(), soon", summary)
            .severity(Severity::Warning)
            .seen(
                case,
                format!("SA {}: oseq {used:#x}, no ESN", sa.spi),
                Source::SecurityAssociations,
            );
    Ok(advise(found))
}
