//! What the journal tells, as data: the JSON contract of `history`, schema 1 as that of the other reports.
//! Times are of the wall clock. What lies between two of them is wrong where it was set meanwhile, and then a remark says that it was;
//! the lengths of gaps are by a clock that is never set.

use crate::snapshot::recorded::Rise;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;

/// Milliseconds since the Unix epoch; written as RFC 3339, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// For arithmetic of calendars; times after the year 9999 are its end.
    pub fn timestamp(self) -> Timestamp {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A duration in milliseconds, as a person reads it: `0.1 s`, `45 s`, `36 min`, `5 h`, `3 d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        match seconds {
            0..10 => write!(f, "{:.1} s", self.0 as f64 / 1000.0),
            10..120 => write!(f, "{seconds} s"),
            120..7200 => write!(f, "{} min", seconds / 60),
            7200..172_800 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} d", seconds / 86_400),
        }
    }
}

/// The answer of `history`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryReport {
    /// [`super::SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub tool_version: &'static str,
    /// When the journal was read.
    pub taken_at: Time,
    /// Whether a recorder writes it now.
    pub recorder_running: bool,
    /// When the oldest record that is kept was written; none where there is none.
    pub recorded_since: Option<Time>,
    /// When the newest one was; `taken_at` while a recorder runs.
    pub recorded_until: Option<Time>,
    /// What was over before this is left out.
    pub from: Option<Time>,
    /// The one interface that was asked for.
    pub interface: Option<String>,
    /// Packets lost, of all interfaces shown.
    pub packets_lost: u64,
    /// Interfaces of which something is recorded, in the order of their names.
    pub interfaces: Vec<InterfaceHistory>,
    /// What was noted of the recording, and so of all interfaces.
    pub remarks: Vec<HistoryRemark>,
}

/// What is recorded of one interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InterfaceHistory {
    /// Interface name.
    pub name: String,
    /// Packets lost in the episodes.
    pub packets_lost: u64,
    /// Spans in which packets were lost, in the order of their beginnings.
    pub episodes: Vec<EpisodeReport>,
    /// What was noted of it: verdicts that changed, an interface that was deleted.
    pub remarks: Vec<HistoryRemark>,
}

/// A span in which packets were lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EpisodeReport {
    /// When the first packet may have been lost.
    pub began: Time,
    /// When the last one was, or the gap ended.
    pub ended: Time,
    /// From the one to the other.
    pub milliseconds: u64,
    /// What is known of its end.
    pub end: End,
    /// Packets lost: rise of tx_errors, or of tx_dropped where the kernel exports no more.
    pub packets_lost: u64,
    /// Packets sent in the same time.
    pub packets_sent: u64,
    /// Rise of the single counters.
    pub counters: Rise,
    /// What they are counted to, most of them first.
    pub causes: Vec<CauseReport>,
    /// What the kernel told around it, oldest first.
    pub events: Vec<EventReport>,
    /// Events that are not kept.
    pub events_omitted: u64,
    /// The losses over time.
    pub course: Vec<LossReport>,
}

/// What is known of the end of an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It is over.
    #[default]
    Seen,
    /// The recorder ended before it did: `ended` is when packets were last seen lost.
    Unseen,
    /// It goes on: so is `ended`.
    Ongoing,
}

/// A part of the losses with one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CauseReport {
    /// The finding.
    pub code: String,
    /// Its name, of a finding that this version knows.
    pub name: Option<&'static str>,
    /// Packets lost to it.
    pub packets_lost: u64,
    /// One sentence.
    pub summary: String,
    /// Gaps that were seen.
    pub gaps: u32,
    /// How long they lasted together; none where no event bounds them.
    pub gap_milliseconds: Option<u64>,
}

/// Something that the kernel told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventReport {
    /// When.
    pub at: Time,
    /// What.
    pub what: String,
}

/// Losses between two looks at the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LossReport {
    /// The second look.
    pub at: Time,
    /// Packets lost since the one before.
    pub packets_lost: u64,
}

/// Something worth knowing beside the losses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryRemark {
    /// When.
    pub at: Time,
    /// One sentence.
    pub what: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_never_fail() {
        assert_eq!(Time(1_763_262_765_123).to_string(), "2025-11-16T03:12:45.123Z");
        assert_eq!(Time(u64::MAX).timestamp(), Timestamp::MAX);
    }

    #[test]
    fn spans_are_read_in_the_unit_that_fills() {
        let spans = [(0, "0.0 s"), (149, "0.1 s"), (9_999, "10.0 s"), (45_999, "45 s")];
        let longer = [(2_160_000, "36 min"), (18_000_000, "5 h"), (u64::MAX, "213503982334 d")];
        for (ms, words) in spans.into_iter().chain(longer) {
            assert_eq!(Span(ms).to_string(), words);
        }
    }
}
