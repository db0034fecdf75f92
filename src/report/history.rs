//! What the journal tells, as data: the JSON contract of `history`, schema 1 as that of the other reports.
//! Times are of the wall clock. What lies between two of them is wrong where it was set meanwhile, and then a remark says that it was;
//! the lengths of gaps are by a clock that is never set.

use super::time::Time;
use crate::snapshot::recorded::Rise;
use serde::Serialize;

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
    /// When the last recorder was told to stop; none while one runs, and where the last one was killed.
    pub recorder_stopped: Option<Time>,
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
