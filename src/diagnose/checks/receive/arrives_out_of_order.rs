//! VTI-411: packets of the peer arrive out of order.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::losses::Loss;
use crate::report::Confidence;
use crate::snapshot::{Missing, Reason, Source};
use crate::units::{IS, PACKET};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::ArrivesOutOfOrder,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::ReplayDrops]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets of the peer arrive after packets that it sent later. Those
    that are further behind than the replay window are dropped, which is
    VTI-403. As long as none is, this is a notice: some come near the
    end of the window.

Why
    Parallel paths, QoS or several CPUs reorder packets. The bitmap of
    the replay window shows it: numbers far behind the highest have not
    arrived yet, though this SA loses none.

How to confirm
    {ShowInterfaceInDetail}\tlost, and not arrived yet
    {SasInDetail}\treplay-window, bitmap

What to do
    Enlarge the window (replay_window of the child) before packets are
    dropped; the kernel's largest is 4096. Or find what reorders
    packets: a link aggregation, several uplinks, a queue that treats
    packets of one SA differently.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(losses) = case.losses()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let late = |loss: &&Loss<'_>| loss.newest().map_or(0, |measure| measure.late);
    if let Some(loss) = losses.iter().filter(|loss| late(loss) > 0).max_by_key(late) {
        return Ok(beyond(case, loss, late(&loss)));
    }
    if let Some((loss, behind)) = losses.iter().find_map(|loss| Some((loss, near(loss)?))) {
        return Ok(within(case, loss, behind));
    }
    if losses.is_empty() {
        return Err(Unconfirmed::NotApplicable("the interface has no inbound SA"));
    }
    if losses.iter().any(|loss| loss.newest().is_some_and(|m| m.lost == 0 || m.unsettled == 0)) {
        return Err(Unconfirmed::RuledOut);
    }
    let lossy = losses.iter().find(|loss| loss.newest().is_some()).map(|loss| {
        let detail = format!("SA {}: what has not arrived may be lost, not late", loss.sa.spi);
        Missing::new(Source::SequenceNumbers, Reason::Undecidable, detail)
    });
    let why = || losses.iter().max_by_key(|loss| loss.sa.current.packets).and_then(Loss::why);
    Err(lossy.or_else(why).map_or(Unconfirmed::RuledOut, Unconfirmed::Undetermined))
}

/// How far behind the highest number one is that has not arrived, where that is half of the window or more, and the SA loses none.
fn near(loss: &Loss<'_>) -> Option<u32> {
    let replay = loss.sa.replay?;
    let behind = replay.oldest_unseen.filter(|behind| *behind >= replay.window / 2)?;
    loss.newest().is_some_and(|measure| measure.lost == 0).then_some(behind)
}

/// Packets were too late.
fn beyond(case: &Case<'_>, loss: &Loss<'_>, late: u64) -> Found {
    let window = loss.sa.replay.map_or(0, |replay| replay.window);
    let summary = format!(
        "packets from the peer arrive out of order at {}: {} came too late for the replay window; {}",
        case.name,
        PACKET.of(late),
        wide_enough(window)
    );
    let fact = format!("SA {}: replay-window {late}", loss.sa.spi);
    Found::new(Confidence::Proven, "xfrm_input: xfrm_replay_check()", summary)
        .seen(case, fact, Source::SecurityAssociations)
        .next(case, "list the SAs with their statistics", Command::Sas)
}

/// How wide the replay window would have to be: a packet that is too late is further behind than the window, and no counter has how far.
pub(super) fn wide_enough(window: u32) -> String {
    let more = PACKET.of(u64::from(window));
    format!("a window of more than {more} is needed; no counter shows how many")
}

/// None was too late, but nearly.
fn within(case: &Case<'_>, loss: &Loss<'_>, behind: u32) -> Found {
    let replay = loss.sa.replay.unwrap_or_default();
    let (window, open) = (replay.window, replay.unseen.unwrap_or(0));
    let summary = format!(
        "packets from the peer arrive out of order at {}, up to {} late; the replay window of {window} was enough so far",
        case.name,
        PACKET.of(behind)
    );
    let fact = format!(
        "SA {}: {} of the window {} not here yet, the oldest {behind} behind the highest; none was lost or too late before",
        loss.sa.spi,
        PACKET.of(open),
        IS.word(open),
    );
    // That a number will still arrive is a conclusion: none was lost so far.
    Found::new(Confidence::Consistent, "xfrm_input: xfrm_replay_check()", summary)
        .seen(case, fact, Source::SecurityAssociations)
        .next(case, "list the SAs with every field", Command::SasInDetail)
        .next(case, "watch whether packets are lost", Command::ShowInterfaceInDetail)
}
