//! From the records to what was lost on the way to each interface: sums, episodes, and for how long it is unknown. Pure; nothing here says
//! who lost the packets.

use super::written::Written;
use crate::code::{self, Code};
use crate::journal::{Contents, Record};
use crate::report::Confidence;
use crate::report::history::{End, LossReport, PathEpisode, PathHistory};
use crate::report::time::Time;
use crate::snapshot::recorded::PathLoss;
use std::collections::BTreeMap;

/// Fewer numbers than this say nothing about 1 % (`way::loss`).
const LEAST_NUMBERS: u64 = 1000;

/// What is known of one interface so far.
#[derive(Default)]
struct Known {
    history: PathHistory,
    open: Option<Open>,
    /// Until when all that was counted is written.
    until_ms: u64,
}

/// An episode that has not ended.
struct Open {
    began_ms: u64,
    /// Until the last loss.
    sum: PathLoss,
    ended_ms: u64,
    /// Since then.
    after: PathLoss,
}

/// The interfaces that a recorder counted, by name.
pub(super) fn path(
    contents: &Contents,
    is_asked: impl Fn(&str) -> bool,
    is_in: impl Fn(u64) -> bool,
) -> BTreeMap<String, PathHistory> {
    let mut all: BTreeMap<String, Known> = BTreeMap::new();
    let mut written = Written::default();
    for record in &contents.records {
        match record {
            Record::PathLosses { at_ms, of } => {
                for (name, counts) in of.iter().filter(|(name, _)| is_asked(name)) {
                    let known = all.entry(name.clone()).or_default();
                    known.until_ms = *at_ms;
                    if is_in(*at_ms) {
                        known.take(*at_ms, counts);
                    }
                }
            }
            Record::Started { at_ms, counters, .. } => {
                let vtis = u64::try_from(counters.len()).unwrap_or(u64::MAX);
                let waiting = PathLoss::pause_ms(PathLoss::LONGEST_SPAN_MS, vtis);
                let away = written.until(record);
                for (name, known) in &mut all {
                    known.end(End::Unseen);
                    if is_in(*at_ms) && counters.contains_key(name) {
                        // What was counted since its last span was not written, and is older than that only where nothing was counted.
                        let last_ms = written.at_ms.unwrap_or(known.until_ms);
                        let since = last_ms.saturating_sub(known.until_ms).min(waiting);
                        let unknown = &mut known.history.unknown_milliseconds;
                        *unknown = unknown.saturating_add(away).saturating_add(since);
                    }
                    known.until_ms = *at_ms;
                }
            }
            Record::Stopped { at_ms } => {
                for known in all.values_mut() {
                    known.end(End::Unseen);
                    known.until_ms = *at_ms;
                }
            }
            _ => {}
        }
        written.take(record);
    }
    let end = if contents.running { End::Ongoing } else { End::Unseen };
    let finished = all.into_iter().map(|(name, mut known)| {
        known.end(end);
        (name, known.history)
    });
    finished.collect()
}

impl Known {
    fn take(&mut self, at_ms: u64, counts: &PathLoss) {
        let history = &mut self.history;
        let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
        add(&mut history.sequence_numbers, counts.numbers);
        add(&mut history.packets_lost, counts.lost);
        add(&mut history.packets_unmeasured, counts.unmeasured);
        add(&mut history.unknown_milliseconds, counts.unknown_ms);
        if counts.lost > 0 {
            history.course.push(LossReport { at: Time(at_ms), packets_lost: counts.lost });
        }
        if !counts.in_episode {
            return self.end(End::Seen);
        }
        let began_ms = at_ms.saturating_sub(counts.span_ms);
        let open = self.open.get_or_insert_with(|| Open {
            began_ms,
            ended_ms: at_ms,
            sum: PathLoss::default(),
            after: PathLoss::default(),
        });
        open.after.add(counts);
        if counts.lost > 0 {
            open.sum.add(&std::mem::take(&mut open.after));
            open.ended_ms = at_ms;
        }
    }

    fn end(&mut self, end: End) {
        let Some(Open { began_ms, ended_ms, sum, .. }) = self.open.take() else { return };
        // Where the clock was set back within it, its length still holds.
        let began_ms =
            if ended_ms < began_ms { ended_ms.saturating_sub(sum.span_ms) } else { began_ms };
        let percent = (sum.numbers >= LEAST_NUMBERS)
            .then(|| (sum.lost as f64 * 1000.0 / sum.numbers as f64).round() / 10.0);
        self.history.episodes.push(PathEpisode {
            began: Time(began_ms),
            ended: Time(ended_ms),
            milliseconds: sum.span_ms,
            end,
            sequence_numbers: sum.numbers,
            packets_lost: sum.lost,
            percent,
            code: code::shown(Code::LostOnTheWay.number()),
            name: Code::LostOnTheWay.name(),
            confidence: Confidence::Consistent,
        });
    }
}
