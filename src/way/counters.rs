//! The counters that a packet increments: those of the device, by driver and kernel, and those of `/proc/net/xfrm_stat`. `site` says which
//! class of counters each site increments.
//! Sources: `vti_tunnel_xmit()`, `vti6_tnl_xmit()`, `xfrmi_xmit()`, `iptunnel_xmit_stats()`.

use crate::code::Moves;
use crate::kernel::{Change, Release};
use crate::snapshot::Driver;

/// A counter of the device (`struct rtnl_link_stats64`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum Counter {
    TxPackets,
    TxErrors,
    TxDropped,
    TxCarrierErrors,
    TxAbortedErrors,
    Collisions,
    RxPackets,
    RxErrors,
    RxDropped,
}

impl Counter {
    /// The kernel's name.
    pub const fn name(self) -> &'static str {
        match self {
            Counter::TxPackets => "tx_packets",
            Counter::TxErrors => "tx_errors",
            Counter::TxDropped => "tx_dropped",
            Counter::TxCarrierErrors => "tx_carrier_errors",
            Counter::TxAbortedErrors => "tx_aborted_errors",
            Counter::Collisions => "collisions",
            Counter::RxPackets => "rx_packets",
            Counter::RxErrors => "rx_errors",
            Counter::RxDropped => "rx_dropped",
        }
    }
}

/// A counter of `/proc/net/xfrm_stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the kernel's names, without Xfrm")]
pub enum XfrmStat {
    OutNoStates,
    OutBundleGenError,
    OutPolBlock,
    OutPolError,
    OutStateExpired,
    OutStateSeqError,
    /// [`Change::StateDirectionErrors`].
    OutStateDirError,
    InHdrError,
    InNoStates,
    InStateProtoError,
    InStateModeError,
    InStateSeqError,
    InStateExpired,
    InStateMismatch,
    InTmplMismatch,
    InNoPols,
    InPolBlock,
    /// [`Change::StateDirectionErrors`].
    InStateDirError,
    /// `XfrmAcquireError`, without In.
    AcquireError,
}

impl XfrmStat {
    /// The kernel's name.
    pub const fn name(self) -> &'static str {
        match self {
            XfrmStat::OutNoStates => "XfrmOutNoStates",
            XfrmStat::OutBundleGenError => "XfrmOutBundleGenError",
            XfrmStat::OutPolBlock => "XfrmOutPolBlock",
            XfrmStat::OutPolError => "XfrmOutPolError",
            XfrmStat::OutStateExpired => "XfrmOutStateExpired",
            XfrmStat::OutStateSeqError => "XfrmOutStateSeqError",
            XfrmStat::OutStateDirError => "XfrmOutStateDirError",
            XfrmStat::InHdrError => "XfrmInHdrError",
            XfrmStat::InNoStates => "XfrmInNoStates",
            XfrmStat::InStateProtoError => "XfrmInStateProtoError",
            XfrmStat::InStateModeError => "XfrmInStateModeError",
            XfrmStat::InStateSeqError => "XfrmInStateSeqError",
            XfrmStat::InStateExpired => "XfrmInStateExpired",
            XfrmStat::InStateMismatch => "XfrmInStateMismatch",
            XfrmStat::InTmplMismatch => "XfrmInTmplMismatch",
            XfrmStat::InNoPols => "XfrmInNoPols",
            XfrmStat::InPolBlock => "XfrmInPolBlock",
            XfrmStat::InStateDirError => "XfrmInStateDirError",
            XfrmStat::AcquireError => "XfrmAcquireError",
        }
    }
}

/// The device counters of a class, as far as this kernel shows them.
pub fn moved(moves: Moves, driver: Driver, kernel: Release) -> Vec<Counter> {
    use Counter::*;
    let mut counters = match moves {
        Moves::Sent | Moves::Held => vec![TxPackets],
        Moves::Nothing => vec![],
        Moves::Carrier => vec![TxErrors, TxCarrierErrors],
        Moves::ErrorsOnly => vec![TxErrors],
        Moves::Collisions => vec![TxErrors, Collisions],
        Moves::Aborted => vec![TxErrors, TxAbortedErrors],
    };
    let drops = matches!(moves, Moves::Carrier | Moves::ErrorsOnly | Moves::Collisions);
    if drops && driver != Driver::Vti {
        counters.push(TxDropped);
    }
    if !exports_errors(driver, kernel) {
        counters.retain(|c| matches!(c, TxPackets | TxDropped));
    }
    counters
}

/// Whether the kernel shows a device's error counters: of an xfrm interface older kernels export only packets and drops
/// (`xfrmi_get_stats64()`, [`Change::XfrmErrorCounters`]).
pub fn exports_errors(driver: Driver, kernel: Release) -> bool {
    driver != Driver::Xfrm || kernel.has(Change::XfrmErrorCounters) != Some(false)
}
