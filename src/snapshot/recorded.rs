//! What the recorder saw of losses while they happened: episodes, what caused them, and the events around them.
//! Plain data, in the journal and in captures; nothing here decides what caused a loss.

use super::default::is_default;
use serde::{Deserialize, Serialize};

/// All that the recorder itself says of a cause; any other summary is that of a finding, and may name peers and addresses.
pub const SUMMARIES: &[&str] = &[
    "in its place there was an SA to the peer with another if_id or mark",
    "policy and SAs were removed and installed again",
    "the policy stayed, and there was no SA for it",
    "the interface was up before its first SA",
    "the peer was lost, and SAs came back later",
    "IPv6 that the kernel sends by itself finds no policy",
    "there was no route to the peer",
    "an SA had carried as much as it may",
    "nothing that was seen explains them",
    "policy and SAs were removed and installed again; whether the peer was away, nothing shows",
    "no SA or no policy, since before the recording began",
    "no SA or no policy, and it is not over",
];

/// The recorder's journal, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When the first record that is kept was written: milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When the last one was.
    pub until_ms: u64,
    /// Whether a recorder writes it now.
    #[serde(default)]
    pub running: bool,
    /// When the host was booted, as the last recorder saw it: milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booted_ms: Option<u64>,
    /// Spans in which packets were lost, in the order in which they ended; those that have not ended last.
    #[serde(default)]
    pub episodes: Vec<Episode>,
    /// Times at which nobody watched, or the kernel's messages were lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
}

/// A span in which an interface lost packets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Interface name, that at the beginning.
    pub interface: String,
    /// Its ifindex: another one means that it was made anew.
    pub ifindex: u32,
    /// Start of the first interval with a loss: milliseconds since the Unix epoch.
    pub began_ms: u64,
    /// End of the last interval with a loss, or of the gap where that is later.
    pub ended_ms: u64,
    /// It goes on, or the recorder ended before it did.
    #[serde(default, skip_serializing_if = "is_default")]
    pub open: bool,
    /// Packets lost: rise of tx_errors; of tx_dropped on kernels that export no more (`kernel::Change::XfrmErrorCounters`).
    pub lost: u64,
    /// Packets sent in the same intervals: rise of tx_packets.
    pub sent: u64,
    /// Rise of the single counters.
    pub counters: Rise,
    /// What caused the losses, most of them first; together they are all of `lost`.
    pub causes: Vec<Cause>,
    /// What happened around it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// Events that are left out of `events`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub omitted: u64,
    /// The losses over time, for a plot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub course: Vec<Loss>,
}

/// How much counters of IFLA_STATS64 rose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct Rise {
    pub tx_errors: u64,
    pub tx_carrier_errors: u64,
    pub tx_aborted_errors: u64,
    pub tx_dropped: u64,
    pub collisions: u64,
}

/// A part of an episode's losses with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The finding: 911 to 919, or that of a diagnosis made while packets were lost.
    pub code: u16,
    /// Packets lost to it.
    pub lost: u64,
    /// One sentence.
    pub summary: String,
    /// How many gaps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gaps: u32,
    /// How long the gaps lasted together; none where no event bounds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<u64>,
}

/// Losses between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The second look: milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Packets lost since the one before.
    pub lost: u64,
}

/// Something that the kernel told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was received: milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What: `SA 0xc1000001 to 192.0.2.2 deleted`.
    pub what: String,
}

/// Something about the recording itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// When.
    pub at_ms: u64,
    /// The interface it is about; `None` where it is about the recording, and so about every interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// One sentence.
    pub what: String,
}
