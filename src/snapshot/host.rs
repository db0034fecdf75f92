//! The host: its names, its sysctls, and the counters that /proc shows as text.

use super::observed::{self, Missing, Observed, Reason, Source};
use crate::kernel::Release;
use serde::{Deserialize, Serialize};

/// Who and what the host is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `uname -n`.
    pub hostname: String,
    /// `uname -r`; empty where the input does not contain it (a pasted `/proc/net/dev`).
    pub kernel_release: String,
    /// VyOS's own version string, where this is VyOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vyos_version: Option<String>,
    /// Whether libreswan's daemon runs: its socket /run/pluto/pluto.ctl exists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pluto: bool,
}

impl Host {
    /// The kernel release, for behaviour that differs between kernels.
    pub fn release(&self) -> Release {
        Release::of(&self.kernel_release)
    }
}

/// Sysctls that change what the transmit and receive paths do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sysctls {
    /// `net.core.xfrm_larval_drop`: packets without an SA are dropped immediately (default) or held.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::LarvalDrop as u8 }>"
    )]
    pub xfrm_larval_drop: Observed<bool>,
    /// `net.core.xfrm_acq_expires`: life of a larval SA in seconds.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::AcqExpires as u8 }>"
    )]
    pub xfrm_acq_expires: Observed<u32>,
    /// `net.ipv4.conf.all.disable_xfrm`: ORed into the setting of every device.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::AllDisableXfrm as u8 }>"
    )]
    pub all_disable_xfrm: Observed<bool>,
    /// `net.ipv4.conf.all.disable_policy`: ORed into the setting of every device.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::AllDisablePolicy as u8 }>"
    )]
    pub all_disable_policy: Observed<bool>,
    /// `net.ipv4.conf.all.rp_filter`: the greater of it and the device's is used.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::RpFilter as u8 }>"
    )]
    pub all_rp_filter: Observed<u32>,
}

impl Sysctls {
    /// No sysctl read, all for the same reason.
    pub fn unread(reason: Reason, detail: &str) -> Self {
        let missing = |source| Missing::new(source, reason, detail);
        Self {
            xfrm_larval_drop: Err(missing(Source::LarvalDrop)),
            xfrm_acq_expires: Err(missing(Source::AcqExpires)),
            all_disable_xfrm: Err(missing(Source::AllDisableXfrm)),
            all_disable_policy: Err(missing(Source::AllDisablePolicy)),
            all_rp_filter: Err(missing(Source::RpFilter)),
        }
    }
}

impl Default for Sysctls {
    fn default() -> Self {
        Self::unread(Reason::NotInCapture, "")
    }
}

/// The counters of IP that are kept, by `nstat`'s names: what drops packets behind a tunnel without a word. `ip_error()`,
/// `ip_rcv_finish_core()`, `ip6_pkt_drop()` and `ip6_forward()` count them.
pub const IP_COUNTERS: &[&str] = &[
    "IpInAddrErrors",
    "IpExtInNoRoutes",
    "TcpExtIPReversePathFilter",
    "Ip6InAddrErrors",
    "Ip6InNoRoutes",
];

/// One counter that /proc shows as text, named as `nstat` names it: that of `/proc/net/xfrm_stat` (`XfrmOutNoStates`), or of IP
/// (`IpInAddrErrors`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelCounter {
    /// The kernel's name of the counter.
    pub name: String,
    /// Its value since the namespace was created.
    pub value: u64,
}

/// One row of `/proc/net/dev`: sums as the kernel's `dev_seq_printf_stats()` prints them, not single counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "named after the column; what each one sums up is documented at the struct"
)]
pub struct DeviceColumns {
    /// Interface name.
    pub name: String,
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errs: u64,
    /// rx_dropped + rx_missed_errors.
    pub rx_drop: u64,
    pub rx_fifo: u64,
    /// rx_length_errors + rx_over_errors + rx_crc_errors + rx_frame_errors.
    pub rx_frame: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errs: u64,
    pub tx_drop: u64,
    pub tx_fifo: u64,
    pub tx_colls: u64,
    /// tx_carrier_errors + tx_aborted_errors + tx_window_errors + tx_heartbeat_errors.
    pub tx_carrier: u64,
}
