//! SAs in the kernel's words (`struct xfrm_usersa_info` and the attributes behind it).
//! There is no field for key material, and there must never be one.

use super::algorithm::Algorithm;
use super::default::is_default;
use super::xfrm::{Family, IfId, Lifetime, Limits, Mark, Mode, ReqId, Selector, Spi};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One SA (XFRM_MSG_NEWSA).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sa {
    /// Outer source address.
    pub source: IpAddr,
    /// Outer destination address.
    pub destination: IpAddr,
    /// 50 ESP, 51 AH, 108 IPComp.
    pub protocol: u8,
    /// 0 on a larval SA that an acquire made; one that `xfrm_alloc_spi()` made has its SPI already.
    pub spi: Spi,
    /// It has no algorithm yet: the dump carries no state, but this distinguishes XFRM_STATE_ACQ from XFRM_STATE_VALID.
    #[serde(default, skip_serializing_if = "is_default")]
    pub larval: bool,
    /// Its algorithms, without keys; empty also where they were not read (texts, captures of older versions).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<Algorithm>,
    /// Ties it to a template.
    pub reqid: ReqId,
    /// Tunnel, transport, …
    pub mode: Mode,
    /// Outer family.
    pub family: Family,
    /// Which inner packets it takes.
    pub selector: Selector,
    /// XFRMA_MARK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mark: Mark,
    /// XFRMA_SET_MARK and its mask: the mark of the outer packet's route lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub set_mark: Mark,
    /// XFRMA_IF_ID.
    #[serde(default, skip_serializing_if = "is_default")]
    pub if_id: IfId,
    /// Soft and hard limits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// Use so far.
    #[serde(default)]
    pub current: Lifetime,
    /// Sequence numbers: XFRMA_REPLAY_ESN_VAL or XFRMA_REPLAY_VAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayState>,
    /// `stats.replay_window`: packets left of the replay window.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replay_window_drops: u32,
    /// `stats.replay`: packets seen before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replay_drops: u32,
    /// `stats.integrity_failed`: packets whose integrity check failed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub integrity_failures: u32,
    /// XFRM_STATE_* flags.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u8,
    /// XFRMA_SA_EXTRA_FLAGS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub extra_flags: u32,
    /// XFRMA_ENCAP: ESP in UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encapsulation: Option<Encapsulation>,
    /// XFRMA_OFFLOAD_DEV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offload: Option<Offload>,
    /// XFRMA_LASTUSED: seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<u64>,
    /// XFRMA_SA_DIR, where the kernel has it (`kernel::Change::SaDirection`) and the key daemon sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// XFRMA_SA_PCPU: the one CPU whose packets use it outbound; none for all (`kernel::Change::PerCpuSas`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Its limits, use and drops are unknown, and 0 here: a text without them (`ip xfrm state` without `-s`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub uncounted: bool,
}

/// The flag of an SA whose packets the device takes whole: encryption, sequence numbers and counters (`linux/xfrm.h`).
const XFRM_OFFLOAD_PACKET: u8 = 4;

/// The flag of an SA with 64-bit sequence numbers (`linux/xfrm.h`).
const XFRM_STATE_ESN: u8 = 128;

impl Sa {
    /// Still under negotiation (XFRM_STATE_ACQ).
    pub const fn is_larval(&self) -> bool {
        self.larval || self.spi.0 == 0
    }

    /// XFRM_STATE_ESN: 64-bit sequence numbers.
    pub const fn uses_esn(&self) -> bool {
        self.flags & XFRM_STATE_ESN != 0
    }

    /// XFRM_OFFLOAD_PACKET: the device has the sequence numbers and counters.
    pub fn is_offloaded_whole(&self) -> bool {
        self.offload.is_some_and(|offload| offload.flags & XFRM_OFFLOAD_PACKET != 0)
    }
}

/// Sequence numbers of an SA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayState {
    /// Last outbound sequence number, 64 bits with ESN, else 32.
    pub outbound: u64,
    /// Highest inbound sequence number, 64 bits with ESN, else 32.
    pub inbound: u64,
    /// Size of the replay window in packets; 0 for no replay check.
    pub window: u32,
    /// Of the numbers in the window, those that have not arrived: the zeros of the bitmap. None before the first packet, and in captures of
    /// versions that did not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<u32>,
    /// How many numbers the oldest of these is behind the highest; none where all have arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_unseen: Option<u32>,
}

/// `struct xfrm_encap_tmpl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names, host byte order")]
pub struct Encapsulation {
    pub encap_type: u16,
    pub source_port: u16,
    pub destination_port: u16,
}

/// `struct xfrm_user_offload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct Offload {
    pub ifindex: u32,
    pub flags: u8,
}

/// XFRM_SA_DIR_*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum Direction {
    In,
    Out,
}

/// XFRMA_SAD_CNT and XFRMA_SAD_HINFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct SadInfo {
    pub count: u32,
    pub hash_buckets: u32,
    pub hash_maximum: u32,
}
