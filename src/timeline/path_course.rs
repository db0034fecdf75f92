//! What was lost on the way to one VTI over time: spans with their counts, to be written, and where episodes of losses begin and end. It
//! reads no SA, and says nothing about who lost the packets.

use super::moment::Moment;
use crate::snapshot::recorded::PathLoss;

/// More of a thousand than this is an episode, as it is a finding (VTI-410). A tunnel over the Internet loses some.
const PERMILLE: u64 = 10;
/// Fewer lost packets than this begin no episode: on a path that loses some, a few are together by chance.
const LEAST_LOST: u64 = 8;
/// In this time an episode must begin, and without such losses for as long it ends.
const JUDGE_MS: u64 = 10_000;
/// In an episode spans are written once a second at first, later so often that at most this part of it can be missing.
const FIRST_MS: u64 = 1000;
const PART: u64 = 50;
/// Outside of one: spans with losses, and all others, where there are few VTIs.
const LOSSES_MS: u64 = 60_000;
const OTHERS_MS: u64 = PathLoss::LONGEST_SPAN_MS;

/// The course of one VTI.
#[derive(Debug)]
pub(super) struct Course {
    phase: Phase,
    /// Counts since `since` that are not written.
    pending: PathLoss,
    since: Moment,
    /// The last turn, and the counts since then.
    last: Moment,
    tick: PathLoss,
    /// Packets that were said to be lost and came after all: so many fewer are said next.
    came: u64,
    /// Until when unknown time is counted.
    unknown_to: Moment,
    /// Whether a span says that this VTI is counted.
    is_announced: bool,
}

#[derive(Debug)]
enum Phase {
    Calm,
    /// Packets were lost since then; whether it is an episode is not decided.
    Perhaps {
        from: Moment,
        sum: PathLoss,
    },
    /// An episode, and the losses of its present part.
    Episode {
        began: Moment,
        judged: Moment,
        part: PathLoss,
    },
}

impl Course {
    pub fn new(now: Moment) -> Self {
        Self {
            phase: Phase::Calm,
            pending: PathLoss::default(),
            since: now,
            last: now,
            tick: PathLoss::default(),
            came: 0,
            unknown_to: now,
            is_announced: false,
        }
    }

    /// Adds counts; `came`: packets that count no longer as lost.
    pub fn add(&mut self, counts: &PathLoss, came: u64) {
        let due = self.came.saturating_add(came);
        let lost = counts.lost.saturating_sub(due);
        self.came = due.saturating_sub(counts.lost);
        self.tick.add(&PathLoss { lost, ..*counts });
    }

    /// Adds time in which the losses are unknown.
    pub fn add_unknown(&mut self, from: Moment, to: Moment) {
        let from = from.max(self.unknown_to);
        self.tick.unknown_ms = self.tick.unknown_ms.saturating_add(to.since(from));
        self.unknown_to = self.unknown_to.max(to);
    }

    /// A sample is complete. Adds the spans that are over.
    pub fn turn(&mut self, now: Moment, out: &mut Vec<(Moment, PathLoss)>) {
        let tick = std::mem::take(&mut self.tick);
        let before = std::mem::replace(&mut self.last, now);
        // Whatever ends the recording, its reader knows that from here on losses are counted.
        if !std::mem::replace(&mut self.is_announced, true) {
            out.push((self.since, PathLoss::default()));
        }
        match &mut self.phase {
            Phase::Calm if tick.lost == 0 => self.pending.add(&tick),
            Phase::Calm => self.perhaps(before, tick, now, out),
            // What was lost now is enough by itself, whatever was before it.
            Phase::Perhaps { sum, .. } if begins(&tick) => {
                self.pending.add(sum);
                self.perhaps(before, tick, now, out);
            }
            Phase::Perhaps { from, sum } => {
                let (from, mut sum) = (*from, *sum);
                sum.add(&tick);
                self.perhaps(from, sum, now, out);
            }
            Phase::Episode { judged, part, .. } => {
                self.pending.add(&tick);
                part.add(&tick);
                if now.since(*judged) >= JUDGE_MS {
                    let goes_on = is_lossy(part);
                    (*judged, *part) = (now, PathLoss::default());
                    if !goes_on {
                        self.end(now, out);
                    }
                }
            }
        }
    }

    fn perhaps(
        &mut self,
        from: Moment,
        sum: PathLoss,
        now: Moment,
        out: &mut Vec<(Moment, PathLoss)>,
    ) {
        if begins(&sum) {
            self.phase = Phase::Calm;
            self.write(from, out);
            self.pending = sum;
            self.phase = Phase::Episode { began: from, judged: now, part: PathLoss::default() };
        } else if now.since(from) >= JUDGE_MS {
            self.pending.add(&sum);
            self.phase = Phase::Calm;
        } else {
            self.phase = Phase::Perhaps { from, sum };
        }
    }

    /// Adds the span that is due to be written, of one of so many VTIs.
    pub fn due(&mut self, now: Moment, vtis: u64, out: &mut Vec<(Moment, PathLoss)>) {
        let scale = |ms: u64| PathLoss::pause_ms(ms, vtis);
        let (pause, until) = match &self.phase {
            Phase::Episode { began, .. } => (FIRST_MS.max(now.since(*began) / PART), self.last),
            Phase::Perhaps { from, .. } => (scale(LOSSES_MS), *from),
            Phase::Calm if self.pending.lost > 0 || self.pending.unknown_ms > 0 => {
                (scale(LOSSES_MS), self.last)
            }
            Phase::Calm => (scale(OTHERS_MS), self.last),
        };
        // A tick is not exact to the millisecond.
        if until.since(self.since) + FIRST_MS / 2 >= pause {
            self.write(until, out);
        }
    }

    /// Ends the episode, if there is one, with an empty span outside of it.
    fn end(&mut self, now: Moment, out: &mut Vec<(Moment, PathLoss)>) {
        if matches!(self.phase, Phase::Episode { .. }) {
            self.write(now, out);
            self.phase = Phase::Calm;
            out.push((now, PathLoss::default()));
        }
    }

    /// Everything that is not written; `closes`: the interface ends, or its name.
    pub fn finish(&mut self, now: Moment, closes: bool, out: &mut Vec<(Moment, PathLoss)>) {
        if let Phase::Perhaps { sum, .. } = self.phase {
            self.pending.add(&sum);
            self.phase = Phase::Calm;
        }
        self.pending.add(&std::mem::take(&mut self.tick));
        self.last = now;
        if closes {
            self.end(now, out);
        }
        self.write(now, out);
    }

    /// What is pending becomes a span until `until`; nothing where nothing was counted.
    fn write(&mut self, until: Moment, out: &mut Vec<(Moment, PathLoss)>) {
        let counts = std::mem::take(&mut self.pending);
        let since = std::mem::replace(&mut self.since, until);
        if counts != PathLoss::default() {
            let in_episode = matches!(self.phase, Phase::Episode { .. });
            out.push((until, PathLoss { span_ms: until.since(since), in_episode, ..counts }));
        }
    }
}

/// Whether an episode begins.
fn begins(counts: &PathLoss) -> bool {
    counts.lost >= LEAST_LOST && is_lossy(counts)
}

/// Whether more is lost than a healthy path loses.
fn is_lossy(counts: &PathLoss) -> bool {
    counts.lost > 0 && counts.lost.saturating_mul(1000) > counts.numbers.saturating_mul(PERMILLE)
}
