//! The counters of an interface over the spans of time that a report shows. Data of the JSON contract only.

use serde::Serialize;

/// Counters of an interface over one span of time: IFLA_STATS64, or what `/proc/net/dev` lets one conclude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct Counters {
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub tx_errors: u64,
    /// None where the source cannot tell it from the aborted errors (`/proc/net/dev`) or the kernel does not export it.
    pub tx_carrier_errors: Option<u64>,
    /// None as for `tx_carrier_errors`.
    pub tx_aborted_errors: Option<u64>,
    /// The carrier column of `/proc/net/dev`: carrier + aborted + window + heartbeat.
    pub tx_carrier_column: u64,
    pub tx_dropped: u64,
    pub collisions: u64,
    /// tx_errors - carrier column - collisions: packets too big, and ethertypes other than IP.
    pub tx_too_big_or_other: u64,
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    /// The length of the span; none for "since boot".
    pub milliseconds: Option<u64>,
}

/// Counters of an interface since an operator of VyOS cleared them: those of IFLA_STATS64 of which VyOS keeps what they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct ClearedCounters {
    /// When they were cleared, as RFC 3339.
    pub cleared_at: Option<String>,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub tx_errors: u64,
    /// None where the kernel does not export it.
    pub tx_carrier_errors: Option<u64>,
    pub tx_dropped: u64,
    pub collisions: u64,
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
}

/// The three spans of time that counters are shown for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CounterSpans {
    /// Since the interface was created.
    pub since_boot: Option<Counters>,
    /// Since `clear interfaces … counters` on VyOS.
    pub since_cleared: Option<ClearedCounters>,
    /// Between the two snapshots.
    pub interval: Option<Counters>,
}
