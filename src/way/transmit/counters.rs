//! Which counters each site moves, on which driver and kernel; and the identities that split an error count into classes.
//! Sources: `vti_tunnel_xmit()`, `vti6_tnl_xmit()`, `xfrmi_xmit()`, `iptunnel_xmit_stats()`, `dev_seq_printf_stats()`.

use crate::snapshot::{DeviceColumns, Driver, Statistics};
use crate::way::site::Site;

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
    /// 6.10 and later.
    OutStateDirError,
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
        }
    }
}

/// The classes of transmit errors that move different counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Success,
    Nothing,
    /// No transformation: the carrier counter.
    Carrier,
    /// The driver drops for another reason.
    Other,
    Collision,
    /// `dst_output()` failed: `iptunnel_xmit_stats()` with a negative length. Never counts as dropped.
    Aborted,
}

const fn class(site: &Site) -> Class {
    match site {
        Site::Sent { .. } | Site::Held(_) => Class::Success,
        Site::AdminDown | Site::TakenByPolicy { .. } | Site::DefaultBlock | Site::Undecided(_) => {
            Class::Nothing
        }
        Site::TooBig { .. } | Site::AddressConflict => Class::Other,
        Site::Loop { .. } => Class::Collision,
        Site::LimitReached { .. } | Site::SequenceOverflow { .. } => Class::Aborted,
        Site::NoPolicy { .. }
        | Site::XfrmDisabled
        | Site::PolicyBlock { .. }
        | Site::NoTemplate { .. }
        | Site::TemplateSource { .. }
        | Site::NoSa(_)
        | Site::SaDirection { .. }
        | Site::OuterRoute { .. }
        | Site::StateCheck { .. }
        | Site::TunnelEndpoint { .. } => Class::Carrier,
    }
}

/// The device counters that move (and that this kernel shows) when a packet ends at `site`.
pub fn moved(site: &Site, driver: Driver, kernel: Option<(u32, u32)>) -> Vec<Counter> {
    use Counter::*;
    let mut counters = match class(site) {
        Class::Success => vec![TxPackets],
        Class::Nothing => vec![],
        Class::Carrier => vec![TxErrors, TxCarrierErrors],
        Class::Other => vec![TxErrors],
        Class::Collision => vec![TxErrors, Collisions],
        Class::Aborted => vec![TxErrors, TxAbortedErrors],
    };
    let drops = matches!(class(site), Class::Carrier | Class::Other | Class::Collision);
    if drops && driver != Driver::Vti {
        counters.push(TxDropped);
    }
    if !exports_errors(driver, kernel) {
        counters.retain(|c| matches!(c, TxPackets | TxDropped));
    }
    counters
}

/// The counters of `/proc/net/xfrm_stat` that move when a packet ends at `site`.
pub fn xfrm_stats(site: &Site) -> &'static [XfrmStat] {
    match site {
        Site::NoSa(wanted) if wanted.spi_in_use => &[XfrmStat::OutPolError],
        Site::NoSa(_) => &[XfrmStat::OutNoStates],
        Site::OuterRoute { .. } => &[XfrmStat::OutBundleGenError],
        Site::PolicyBlock { index: Some(_) } => &[XfrmStat::OutPolBlock],
        Site::TemplateSource { .. } => &[XfrmStat::OutPolError],
        Site::SaDirection { .. } => &[XfrmStat::OutStateDirError, XfrmStat::OutPolError],
        Site::LimitReached { .. } => &[XfrmStat::OutStateExpired],
        Site::SequenceOverflow { .. } => &[XfrmStat::OutStateSeqError],
        _ => &[],
    }
}

/// Whether the kernel shows a device's error counters: xfrm interfaces before 5.11 export packets and drops only
/// (`xfrmi_get_stats64()`).
pub fn exports_errors(driver: Driver, kernel: Option<(u32, u32)>) -> bool {
    driver != Driver::Xfrm || kernel.is_none_or(|version| version >= (5, 11))
}

/// Transmit errors split into classes. `carrier` and `aborted` are none where the source cannot tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorClasses {
    /// tx_errors.
    pub errors: u64,
    /// tx_carrier_errors.
    pub carrier: Option<u64>,
    /// tx_aborted_errors.
    pub aborted: Option<u64>,
    /// carrier + aborted + window + heartbeat, the column of `/proc/net/dev`.
    pub column: u64,
    /// collisions.
    pub collisions: u64,
    /// What is left: packets too big, other ethertypes, and (vti6) address conflicts.
    pub rest: u64,
}

impl ErrorClasses {
    /// From IFLA_STATS64, where each counter stands for itself.
    pub const fn of_statistics(s: &Statistics) -> Self {
        let column = s
            .tx_carrier_errors
            .saturating_add(s.tx_aborted_errors)
            .saturating_add(s.tx_window_errors)
            .saturating_add(s.tx_heartbeat_errors);
        Self {
            errors: s.tx_errors,
            carrier: Some(s.tx_carrier_errors),
            aborted: Some(s.tx_aborted_errors),
            column,
            collisions: s.collisions,
            rest: s.tx_errors.saturating_sub(column).saturating_sub(s.collisions),
        }
    }

    /// From a row of `/proc/net/dev`, whose carrier column is a sum, and the drivers that it may be of. On xfrm and vti6 aborted packets
    /// do not count as dropped, so `aborted = errs - drop` splits the sum again (as far as the stack dropped none); on vti nothing does.
    pub fn of_columns(c: &DeviceColumns, drivers: &[Driver]) -> Self {
        let aborted = if c.tx_carrier == 0 {
            Some(0)
        } else if drivers.is_empty() || drivers.contains(&Driver::Vti) {
            None
        } else {
            c.tx_errs.checked_sub(c.tx_drop).filter(|a| *a <= c.tx_carrier)
        };
        Self {
            errors: c.tx_errs,
            carrier: aborted.map(|a| c.tx_carrier - a),
            aborted,
            column: c.tx_carrier,
            collisions: c.tx_colls,
            rest: c.tx_errs.saturating_sub(c.tx_carrier).saturating_sub(c.tx_colls),
        }
    }
}
