//! VTI-403: inbound packets fall out of the replay window.

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
    Inbound packets are dropped; rx_errors and rx_dropped rise, the SA's
    replay counters and XfrmInStateSeqError with them.

Why
    The packet's sequence number was seen before, or is older than the
    replay window reaches: reordering by parallel paths or QoS on the
    way, a duplicated path, or a sender that restarted its numbers.

How to confirm
    {Sas}\tstats: replay-window, replay

What to do
    Enlarge the window where reordering is normal (replay_window of the
    child); find the path that duplicates or reorders.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA nothing is expected to come in",
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
    let summary = format!(
        "{packets} that came in on SA {spi} {were} outside its replay window of {window}, or seen before"
    );
    let moved = rise.ok().map(|r| format!("replay drops +{r} over the interval"));
    let (late, seen) = (sa.replay_window_drops, sa.replay_drops);
    Ok(Found::new(Confidence::Proven, "xfrm_input: xfrm_replay_check()", summary)
        .severity(severity)
        .seen(
            case,
            format!("SA {spi}: replay-window {late}, replay {seen}"),
            Source::SecurityAssociations,
        )
        .seen_if(case, moved, Source::SecurityAssociations)
        .next(case, "see the SA's statistics", Command::Sas))
}
