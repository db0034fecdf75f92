//! VyOS's copy of the counters of an interface, made when an operator cleared them.
//! The kernel's own counters cannot be cleared; VyOS subtracts this copy.

use super::observed::{self, Observed};
use serde::{Deserialize, Serialize};

/// The copy that `clear interfaces … counters` made for one interface. An interface without one was not cleared since boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// Interface name.
    pub name: String,
    /// The counters at that time.
    #[serde(with = "observed::field")]
    pub baseline: Observed<Baseline>,
}

/// The counters of an interface when they were cleared, by the names of `/sys/class/net/IF/statistics`. Of the counters of a VTI,
/// VyOS does not keep tx_aborted_errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct Baseline {
    /// Seconds since the Unix epoch.
    pub cleared_at: u64,
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
    pub tx_carrier_errors: u64,
    pub collisions: u64,
}
