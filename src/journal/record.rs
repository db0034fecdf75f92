//! What stands in the journal. Fields are added, never renamed; a record of a kind that is not known is passed over.

use crate::snapshot::recorded::{Episode, Remark};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// A recorder began: from here on counters are watched.
    Started {
        /// Milliseconds since the Unix epoch, here and below.
        at_ms: u64,
        /// Time since boot.
        uptime_ms: u64,
        /// `/proc/sys/kernel/random/boot_id`; empty where it could not be read.
        boot_id: String,
        /// The version of the program.
        tool_version: String,
        /// The packets that each VTI had lost until then, by name.
        counters: BTreeMap<String, Counted>,
    },
    /// It ended, as it was told.
    Stopped {
        /// When.
        at_ms: u64,
    },
    /// Packets lost since the last such record, by interface: of episodes that go on.
    Losses {
        /// When they were counted.
        at_ms: u64,
        /// Interface and packets.
        of: BTreeMap<String, u64>,
    },
    /// An episode that is over. It replaces the losses of its interface before it.
    Episode(Episode),
    /// Something about the recording, or a verdict that changed.
    Remark(Remark),
    /// A kind that a later version of the program writes.
    #[serde(other)]
    Unknown,
}

/// What the counters of an interface said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its ifindex.
    pub ifindex: u32,
    /// Packets lost since it was made.
    pub lost: u64,
}
