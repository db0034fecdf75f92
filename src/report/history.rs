//! The report of `history` as data: its JSON contract, schema 1 like the other reports.
//! Times are of the wall clock. The difference of two times is wrong if the clock was set in between; then a remark says so. The lengths of gaps
//! are by a clock that is never set.

use super::Confidence;
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
    /// Whether a recorder is writing it now.
    pub recorder_running: bool,
    /// When the last recorder was stopped; none while one runs, and where the last one was killed.
    pub recorder_stopped: Option<Time>,
    /// When the oldest kept record was written; none where there is none.
    pub recorded_since: Option<Time>,
    /// When the newest record was written; `taken_at` while a recorder runs.
    pub recorded_until: Option<Time>,
    /// What ended before this time is left out.
    pub from: Option<Time>,
    /// The only interface, where one was requested.
    pub interface: Option<String>,
    /// Packets lost by all interfaces shown.
    pub packets_lost: u64,
    /// Interfaces with records, sorted by name.
    pub interfaces: Vec<InterfaceHistory>,
    /// Remarks on the recording, and so on all interfaces.
    pub remarks: Vec<HistoryRemark>,
}

/// The records of one interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InterfaceHistory {
    /// Interface name.
    pub name: String,
    /// Packets lost in the episodes.
    pub packets_lost: u64,
    /// Spans in which packets were lost, in the order of their beginnings.
    pub episodes: Vec<EpisodeReport>,
    /// Remarks on it: changed verdicts, its deletion.
    pub remarks: Vec<HistoryRemark>,
    /// What was lost on the way to it; none where no recorder counted it.
    pub lost_on_the_way: Option<PathHistory>,
}

/// Packets that the peer sent and that never arrived (`way::loss`). Who lost them is not in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PathHistory {
    /// Sequence numbers that the peer used, up to the highest that arrived.
    pub sequence_numbers: u64,
    /// Those of them that never arrived.
    pub packets_lost: u64,
    /// Packets that arrived, where what was lost between them is unknown.
    pub packets_unmeasured: u64,
    /// How long losses were unknown: an SA went without its last counters, or no recorder ran. At most so long where a recorder was killed.
    pub unknown_milliseconds: u64,
    /// Spans in which more than 1 % was lost, in the order of their beginnings.
    pub episodes: Vec<PathEpisode>,
    /// The losses over time, also those outside of episodes.
    pub course: Vec<LossReport>,
}

/// A span in which more than 1 % was lost on the way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathEpisode {
    /// When the first packet may have been lost.
    pub began: Time,
    /// When a packet was last seen to be lost.
    pub ended: Time,
    /// The time from the first to the last, by a clock that is never set.
    pub milliseconds: u64,
    /// What is known of its end.
    pub end: End,
    /// Sequence numbers in this time.
    pub sequence_numbers: u64,
    /// Those of them that never arrived.
    pub packets_lost: u64,
    /// The share in percent; none where there were too few packets to say it.
    pub percent: Option<f64>,
    /// The finding that such a loss is.
    pub code: String,
    /// Its name.
    pub name: &'static str,
    /// Consistent: the numbers are missing, but which host or network lost the packets cannot be seen here.
    pub confidence: Confidence,
}

/// A span in which packets were lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EpisodeReport {
    /// When the first packet may have been lost.
    pub began: Time,
    /// When the last packet was lost, or the gap ended.
    pub ended: Time,
    /// The time from the first to the last.
    pub milliseconds: u64,
    /// What is known of its end.
    pub end: End,
    /// The packets came from the peer, and were refused on arrival.
    pub inbound: bool,
    /// Packets lost: rise of tx_errors, or of tx_dropped where the kernel exports only that. Inbound: rise of rx_errors or rx_dropped, and what
    /// only counters of the host have.
    pub packets_lost: u64,
    /// Packets sent in the same time; inbound, received.
    pub packets_sent: u64,
    /// Rise of the single counters.
    pub counters: Rise,
    /// The causes, that of the most losses first.
    pub causes: Vec<CauseReport>,
    /// The kernel's messages around it, oldest first.
    pub events: Vec<EventReport>,
    /// The number of events that were not kept.
    pub events_omitted: u64,
    /// The losses over time.
    pub course: Vec<LossReport>,
}

/// What is known of the end of an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It has ended.
    #[default]
    Seen,
    /// The recorder ended first: `ended` is when losses were last seen.
    Unseen,
    /// It has not ended: `ended` is when losses were last seen.
    Ongoing,
}

/// A part of the losses with one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CauseReport {
    /// The finding.
    pub code: String,
    /// The finding's name, if this version knows it.
    pub name: Option<&'static str>,
    /// Packets lost for this cause.
    pub packets_lost: u64,
    /// One sentence.
    pub summary: String,
    /// Number of gaps.
    pub gaps: u32,
    /// Their total length; none where no event bounds them.
    pub gap_milliseconds: Option<u64>,
}

/// A message of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventReport {
    /// When.
    pub at: Time,
    /// What.
    pub what: String,
}

/// Losses between two samples of the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LossReport {
    /// The second sample.
    pub at: Time,
    /// Packets lost since the sample before.
    pub packets_lost: u64,
}

/// A remark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryRemark {
    /// When.
    pub at: Time,
    /// One sentence.
    pub what: String,
}
