//! Transmit errors split into the classes that the drivers distinguish, by the identities between the counters of a device.
//! Sources: `vti_tunnel_xmit()`, `vti6_tnl_xmit()`, `xfrmi_xmit()`, `iptunnel_xmit_stats()`, `dev_seq_printf_stats()`.

use crate::snapshot::{DeviceColumns, Driver, Statistics};

/// Transmit errors split into classes. `carrier` and `aborted` are none if the source does not distinguish them.
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
    /// From IFLA_STATS64, which has each counter separately.
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

    /// From a row of `/proc/net/dev`, whose carrier column is a sum, and the drivers that the row may belong to. On xfrm and vti6 aborted
    /// packets are not counted as dropped, so `aborted = errs - drop` splits the sum (if the network stack dropped none). On vti the sum
    /// cannot be split.
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
