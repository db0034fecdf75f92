//! What the report says of each inbound SA: how many of the peer's packets arrived, and how many were lost. Data of the JSON contract only.

use serde::Serialize;

/// One inbound SA of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InboundSa {
    /// `0x` and eight digits.
    pub spi: String,
    /// Outer source address.
    pub source: String,
    /// Outer destination address.
    pub destination: String,
    /// Size of the replay window in packets; none where the kernel keeps no state of it.
    pub replay_window: Option<u32>,
    /// Whether sequence numbers have 64 bits. Then packets that arrive too late are counted as failed.
    pub esn: bool,
    /// Since the SA was installed.
    pub over_life: Arrival,
    /// Between the two samples.
    pub interval: Arrival,
}

/// What became of the peer's packets over a span of time, or why that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Arrival {
    /// It is known.
    Measured(Arrived),
    /// It is not; the reason, for a person.
    Undetermined {
        /// The reason.
        undetermined: String,
    },
}

/// Numbers of packets; see `way::loss::Measure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Arrived {
    /// Sequence numbers up to the highest that arrived.
    pub sequence_numbers: u64,
    /// Decrypted.
    pub arrived: u64,
    /// Dropped, because they came too late for the replay window.
    pub late: u64,
    /// Dropped, because they failed the integrity check.
    pub failed: u64,
    /// Dropped, because they had arrived before. No loss.
    pub duplicates: u64,
    /// Never arrived.
    pub lost: u64,
    /// Not arrived yet: lost, or still on the way. So many more at most were lost.
    pub unsettled: u64,
    /// The length of the span.
    pub milliseconds: Option<u64>,
}
