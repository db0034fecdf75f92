//! The records of the journal. Fields are added, never renamed; a record of an unknown kind is skipped.

use crate::snapshot::recorded::{Episode, PathLoss, Remark};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// A recorder started: from here on counters are watched.
    Started {
        /// Milliseconds since the Unix epoch, here and below.
        at_ms: u64,
        /// Time since boot.
        uptime_ms: u64,
        /// `/proc/sys/kernel/random/boot_id`; empty where it could not be read.
        boot_id: String,
        /// The version of the program.
        tool_version: String,
        /// The packets that each VTI had lost before, by name.
        counters: BTreeMap<String, Counted>,
    },
    /// The same counters where the interfaces could not be read at the start, and were read later. Versions that do not know it skip it.
    Counters {
        /// When.
        at_ms: u64,
        /// As those of the start.
        counters: BTreeMap<String, Counted>,
    },
    /// It was stopped.
    Stopped {
        /// When.
        at_ms: u64,
    },
    /// Packets lost since the last such record, by interface, in episodes that have not ended.
    Losses {
        /// When they were counted.
        at_ms: u64,
        /// Interface and packets.
        of: BTreeMap<String, u64>,
        /// The same of packets that were refused on arrival. Versions that do not know it skip it.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        inbound: BTreeMap<String, u64>,
    },
    /// An episode that has ended. It replaces the earlier losses of its interface and direction.
    Episode(Episode),
    /// A remark on the recording, or a changed verdict.
    Remark(Remark),
    /// Packets lost on the way to each interface since its last such record; the first one of a recorder is empty. The sum of all is what
    /// was lost. Versions that do not know it skip it.
    PathLosses {
        /// The end of the span.
        at_ms: u64,
        /// Interface and counts.
        of: BTreeMap<String, PathLoss>,
    },
    /// What all records before this one sum up to, at the head of a new file. Versions that do not know it skip it.
    Totals {
        /// Losses of episodes that have ended.
        ended: Vec<Total>,
        /// Losses of episodes that have not, by interface.
        open: BTreeMap<String, u64>,
        /// The same of packets that were refused on arrival.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        inbound: BTreeMap<String, u64>,
    },
    /// A kind that a later version of the program writes.
    #[serde(other)]
    Unknown,
}

impl Record {
    /// When it was written, in milliseconds since 1970; none where it does not say.
    pub const fn at(&self) -> Option<u64> {
        match self {
            Record::Started { at_ms, .. }
            | Record::Counters { at_ms, .. }
            | Record::Stopped { at_ms }
            | Record::Losses { at_ms, .. }
            | Record::PathLosses { at_ms, .. }
            | Record::Remark(Remark { at_ms, .. })
            | Record::Episode(Episode { ended_ms: at_ms, .. }) => Some(*at_ms),
            Record::Totals { .. } | Record::Unknown => None,
        }
    }
}

/// The counters of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its ifindex.
    pub ifindex: u32,
    /// Packets lost since it was created.
    pub lost: u64,
    /// Packets that it refused on arrival since then; none in the records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
}

/// Packets that an interface lost for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// The interface.
    pub interface: String,
    /// The number of the cause.
    pub code: u16,
    /// Packets.
    pub lost: u64,
}
