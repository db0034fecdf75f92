//! VTI-403: inbound packets are dropped by the replay check.

use super::arrives_out_of_order::wide_enough;
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{PACKET, WAS};

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::ReplayDrops, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The replay check drops inbound packets. These counters are rising:
    rx_errors, rx_dropped, XfrmInStateSeqError, and replay-window or
    replay of the SA.

Why
    The sequence number of a packet was seen before, or is older than
    the replay window. Typical causes: parallel paths or QoS reorder
    packets, the path duplicates packets, or the peer restarted its
    sequence numbers.

How to confirm
    {Sas}\tstats: replay-window and replay

What to do
    Find the path that reorders or duplicates packets. Where reordering
    is normal, enlarge the window (replay_window of the child).
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let drops = |a: &crate::snapshot::Sa| a.replay_drops.saturating_add(a.replay_window_drops);
    let Some((sa, total, rise)) = inbound.worst(case.before(), drops) else {
        return Err(Unconfirmed::RuledOut);
    };
    let severity = if matches!(rise, Ok(1..)) { Severity::Warning } else { Severity::Notice };
    let spi = sa.spi;
    let window = sa.replay.map_or(0, |r| r.window);
    let (packets, were) = (PACKET.of(total), WAS.word(total));
    let (late, seen) = (sa.replay_window_drops, sa.replay_drops);
    let why = match (late, seen) {
        (_, 0) => format!("too late for the replay window of {window}"),
        (0, _) => "received before".to_owned(),
        _ => format!("{late} too late for the replay window of {window}, {seen} received before"),
    };
    let summary = format!("{packets} on inbound SA {spi} {were} dropped: {why}");
    let moved = rise.ok().map(|r| format!("replay drops +{r} {}", case.during()));
    Ok(Found::new(Confidence::Proven, "xfrm_input: xfrm_replay_check()", summary)
        .severity(severity)
        .seen(
            case,
            format!("SA {spi}: replay-window {late}, replay {seen}"),
            Source::SecurityAssociations,
        )
        .seen_if(case, moved, Source::SecurityAssociations)
        .seen_if(case, (late > 0).then(|| wide_enough(window)), Source::SecurityAssociations)
        .next(case, "list the SAs with their statistics", Command::Sas))
}
