//! Losses as the recorder saw them: episodes, their causes, and the events around them.
//! Plain data, in the journal and in captures; the causes are not decided here.

use super::default::is_default;
use super::short;
use serde::{Deserialize, Serialize};

/// The recorder's own summaries of causes; any other summary is that of a finding and may name peers and addresses.
pub const SUMMARIES: &[&str] = &[
    "the SA to the peer had another if_id or mark",
    "policy and SAs were removed and installed again",
    "the policy stayed, but there was no SA for it",
    "there was no SA for what the peer sends",
    "the interface was up before its first SA was installed",
    "the peer was lost; SAs were installed again later",
    "IPv6 packets that the kernel itself sends match no policy",
    "there was no route to the peer",
    "an SA reached its byte or packet limit",
    "no recorded event explains these losses",
    "policy and SAs were removed and installed again; whether the peer was away is unknown",
    "SA or policy was missing since before the recording began",
    "SA or policy is still missing",
    // As earlier versions wrote them: their journals are still read.
    "in its place there was an SA to the peer with another if_id or mark",
    "the policy stayed, and there was no SA for it",
    "the interface was up before its first SA",
    "the peer was lost, and SAs came back later",
    "IPv6 that the kernel sends by itself finds no policy",
    "an SA had carried as much as it may",
    "nothing that was seen explains them",
    "policy and SAs were removed and installed again; whether the peer was away, nothing shows",
    "no SA or no policy, since before the recording began",
    "no SA or no policy, and it is not over",
];

/// The readable part of the recorder's journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When the oldest kept record was written: milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When the newest one was written.
    pub until_ms: u64,
    /// Whether a recorder is writing it now.
    #[serde(default)]
    pub running: bool,
    /// When the host was booted, by the last recorder: milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booted_ms: Option<u64>,
    /// Spans in which packets were lost, in the order in which they ended; those that have not ended last.
    #[serde(default)]
    pub episodes: Vec<Episode>,
    /// Times at which no recorder ran, or the kernel's messages were lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
}

/// A span in which an interface lost packets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Interface name at the beginning.
    pub interface: String,
    /// Its ifindex: another one means that the interface was recreated.
    pub ifindex: u32,
    /// The packets came from the peer, and were refused on arrival. Versions that do not know this read such an episode like one of packets that
    /// were sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inbound: bool,
    /// Start of the first interval with a loss: milliseconds since the Unix epoch.
    pub began_ms: u64,
    /// End of the last interval with a loss, or of the gap where that is later.
    pub ended_ms: u64,
    /// It has not ended, or the recorder ended first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub open: bool,
    /// Packets lost: rise of tx_errors; of tx_dropped on kernels that export only that (`kernel::Change::XfrmErrorCounters`). Inbound:
    /// [`Rise::refused`], and what only counters of the host have (`/proc/net/xfrm_stat`).
    pub lost: u64,
    /// Packets sent in the same time: rise of tx_packets. Inbound: received, rise of rx_packets.
    pub sent: u64,
    /// Rise of the single counters.
    pub counters: Rise,
    /// The causes of the losses, that of the most losses first; together they account for all of `lost`.
    #[serde(deserialize_with = "short::list")]
    pub causes: Vec<Cause>,
    /// What happened around it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "short::list")]
    pub events: Vec<Event>,
    /// Number of events left out of `events`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub omitted: u64,
    /// The losses over time, for a plot.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "short::list")]
    pub course: Vec<Loss>,
}

/// The rise of counters of IFLA_STATS64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct Rise {
    pub tx_errors: u64,
    pub tx_carrier_errors: u64,
    pub tx_aborted_errors: u64,
    pub tx_dropped: u64,
    pub collisions: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rx_errors: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rx_dropped: u64,
}

impl Rise {
    /// Packets that were refused on arrival: each counts in both, some as dropped alone, and on kernels that export only drops all
    /// (`way::receive::Moves`).
    pub fn refused(&self) -> u64 {
        self.rx_errors.max(self.rx_dropped)
    }
}

/// A part of an episode's losses with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The finding: 911 to 919, or that of a diagnosis while packets were lost.
    pub code: u16,
    /// Packets lost for this cause.
    pub lost: u64,
    /// One sentence.
    pub summary: String,
    /// Number of gaps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gaps: u32,
    /// Total length of the gaps; none where no event bounds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<u64>,
}

/// Losses between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The second sample: milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Packets lost since the sample before.
    pub lost: u64,
}

/// What was lost on the way to the inbound SAs of an interface in a span of time. Everything is a count of this span; none is one of an SA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathLoss {
    /// Length of the span, by a clock that is never set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub span_ms: u64,
    /// Sequence numbers of the peer up to the highest that arrived.
    #[serde(default, skip_serializing_if = "is_default")]
    pub numbers: u64,
    /// Those of them that never arrived (`way::loss`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub lost: u64,
    /// Packets that arrived, where what was lost between them is unknown.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unmeasured: u64,
    /// Time in which the losses of an SA are unknown.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unknown_ms: u64,
    /// The span is of an episode of losses. The first span that is not ends it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_episode: bool,
}

impl PathLoss {
    /// Counts of a VTI are written after so long at the latest.
    pub const LONGEST_SPAN_MS: u64 = 300_000;

    /// The time between two spans of one of so many VTIs: with more than 50 in proportion longer, so that the journal lasts as long.
    pub fn pause_ms(milliseconds: u64, vtis: u64) -> u64 {
        milliseconds.saturating_mul(vtis.max(50)) / 50
    }

    /// Adds another span.
    pub fn add(&mut self, other: &Self) {
        self.span_ms = self.span_ms.saturating_add(other.span_ms);
        self.numbers = self.numbers.saturating_add(other.numbers);
        self.lost = self.lost.saturating_add(other.lost);
        self.unmeasured = self.unmeasured.saturating_add(other.unmeasured);
        self.unknown_ms = self.unknown_ms.saturating_add(other.unknown_ms);
    }
}

/// A message of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was received: milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What happened: `SA 0xc1000001 to 192.0.2.2 deleted`.
    pub what: String,
}

/// A remark on the recording itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// When.
    pub at_ms: u64,
    /// The interface it concerns; `None` where it concerns the recording, and so every interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// One sentence.
    pub what: String,
}
