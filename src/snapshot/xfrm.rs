//! Security associations and policies in the kernel's words (`linux/xfrm.h`).
//! There is no field for key material here, and there must never be one.

use super::link::is_default;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Security parameter index, host byte order; shown as the tools show it, `0x` and eight digits. 0 on a larval SA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spi(pub u32);

impl fmt::Display for Spi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// Request id that ties templates and SAs together. Outbound it must be equal, 0 included (`xfrm_state_find()`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ReqId(pub u32);

impl fmt::Display for ReqId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// XFRMA_IF_ID; 0 where a policy or SA has none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct IfId(pub u32);

impl fmt::Display for IfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// XFRMA_MARK or XFRMA_SET_MARK: value and mask; 0/0 where a policy or SA has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The value under the mask.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
}

impl Mark {
    /// Whether a packet (or key) with this mark is let through: `(mark & m) == v`, as the policy lookup compares.
    pub const fn admits(self, mark: u32) -> bool {
        mark & self.mask == self.value
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}/{:#x}", self.value, self.mask)
    }
}

/// Writes a type as its text form, and reads it back by [`FromStr`].
macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}
serde_as_text!(Spi);
serde_as_text!(Mark);

fn hex(text: &str) -> Result<u32, String> {
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| format!("expected a number with 0x, have {text:?}"))?;
    u32::from_str_radix(digits, 16)
        .map_err(|_| format!("expected 32 bits in hexadecimal, have {text:?}"))
}

impl FromStr for Spi {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        hex(text).map(Spi)
    }
}

impl FromStr for Mark {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (value, mask) =
            text.split_once('/').ok_or_else(|| format!("expected value/mask, have {text:?}"))?;
        Ok(Mark { value: hex(value)?, mask: hex(mask)? })
    }
}

/// Address family of a selector, template or SA.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// AF_UNSPEC: any (the selector of an SA with XFRM_STATE_AF_UNSPEC).
    #[default]
    Unspec,
    /// AF_INET.
    Inet,
    /// AF_INET6.
    Inet6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::Inet,
            IpAddr::V6(_) => Family::Inet6,
        }
    }
}

/// XFRM_MODE_*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum Mode {
    Transport,
    Tunnel,
    RouteOptimization,
    InTrigger,
    Beet,
    /// 6.14 and later.
    Iptfs,
    /// A number that this program does not know.
    Other(u8),
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Transport => f.write_str("transport"),
            Mode::Tunnel => f.write_str("tunnel"),
            Mode::RouteOptimization => f.write_str("ro"),
            Mode::InTrigger => f.write_str("in_trigger"),
            Mode::Beet => f.write_str("beet"),
            Mode::Iptfs => f.write_str("iptfs"),
            Mode::Other(number) => write!(f, "mode {number}"),
        }
    }
}

/// `struct xfrm_selector`: which inner packets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Selector {
    /// AF_UNSPEC on most of strongSwan's SAs: then the addresses say nothing.
    pub family: Family,
    /// Source prefix.
    pub source: IpNet,
    /// Destination prefix.
    pub destination: IpNet,
    /// IP protocol; 0 for any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: u8,
    /// Source port (ICMP type) and its mask, host byte order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub source_port: PortMask,
    /// Destination port (ICMP code) and its mask, host byte order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub destination_port: PortMask,
    /// Output interface of the inner flow; 0 for any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ifindex: u32,
}

/// A port and the bits of it that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortMask {
    /// The port under the mask.
    pub port: u16,
    /// The bits that count; 0 for any port.
    pub mask: u16,
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.destination)?;
        if self.protocol != 0 {
            write!(f, " protocol {}", self.protocol)?;
        }
        for (name, port) in
            [("source port", self.source_port), ("destination port", self.destination_port)]
        {
            match port.mask {
                0 => {}
                u16::MAX => write!(f, " {name} {}", port.port)?,
                mask => write!(f, " {name} {:#x}/{mask:#x}", port.port)?,
            }
        }
        Ok(())
    }
}

/// `struct xfrm_lifetime_cfg`; none where the kernel says XFRM_INF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names; bytes, packets, seconds")]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_packets: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_packets: Option<u64>,
    /// Seconds from `add_time`; none where 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_add_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_add_seconds: Option<u64>,
    /// Seconds from `use_time`; none where 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_use_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_use_seconds: Option<u64>,
}

/// `struct xfrm_lifetime_cur`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// Bytes carried (SAs); always 0 on policies.
    pub bytes: u64,
    /// Packets carried (SAs); always 0 on policies.
    pub packets: u64,
    /// When it was added: seconds since the Unix epoch.
    pub add_time: u64,
    /// SA: first use; policy: last match. Seconds since the Unix epoch, 0 for never.
    pub use_time: u64,
}

/// One security association (XFRM_MSG_NEWSA).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityAssociation {
    /// Outer source address.
    pub source: IpAddr,
    /// Outer destination address.
    pub destination: IpAddr,
    /// 50 ESP, 51 AH, 108 IPComp.
    pub protocol: u8,
    /// 0 on a larval SA that an acquire made; one that `xfrm_alloc_spi()` made has its SPI already.
    pub spi: Spi,
    /// It has no algorithm yet: the dump carries no state, but this tells XFRM_STATE_ACQ from XFRM_STATE_VALID.
    #[serde(default, skip_serializing_if = "is_default")]
    pub larval: bool,
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
    /// XFRMA_SA_DIR, kernel 6.10 and later, where the key daemon sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
}

impl SecurityAssociation {
    /// Still under negotiation (XFRM_STATE_ACQ).
    pub const fn is_larval(&self) -> bool {
        self.larval || self.spi.0 == 0
    }

    /// XFRM_STATE_ESN: 64-bit sequence numbers.
    pub const fn uses_esn(&self) -> bool {
        self.flags & 128 != 0
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

/// What a policy applies to: `dir`, with the per-socket policies that GETPOLICY also returns told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum PolicyDirection {
    In,
    Out,
    Forward,
    /// A policy of one socket, inbound: never applies to a VTI.
    SocketIn,
    /// A policy of one socket, outbound: never applies to a VTI.
    SocketOut,
}

/// XFRM_POLICY_ALLOW or XFRM_POLICY_BLOCK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum Action {
    Allow,
    Block,
}

/// XFRM_POLICY_TYPE_*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum PolicyType {
    #[default]
    Main,
    Sub,
}

/// One security policy (XFRM_MSG_NEWPOLICY).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// In, out, forward, or of a socket.
    pub direction: PolicyDirection,
    /// Lower is looked at first.
    pub priority: u32,
    /// The kernel's index of it.
    pub index: u32,
    /// Which packets it is for.
    pub selector: Selector,
    /// What happens to them.
    pub action: Action,
    /// XFRMA_POLICY_TYPE.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy_type: PolicyType,
    /// XFRMA_MARK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mark: Mark,
    /// XFRMA_IF_ID.
    #[serde(default, skip_serializing_if = "is_default")]
    pub if_id: IfId,
    /// XFRM_POLICY_* flags.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u8,
    /// Added, and last matched.
    #[serde(default)]
    pub current: Lifetime,
    /// What a packet must be transformed with, outermost last; empty for a pass policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<Template>,
}

/// `struct xfrm_user_tmpl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Outer source; unspecified: taken from the route.
    pub source: IpAddr,
    /// Outer destination; unspecified in transport mode.
    pub destination: IpAddr,
    /// 50 ESP, 51 AH, 108 IPComp.
    pub protocol: u8,
    /// 0 for any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spi: Spi,
    /// Must equal the SA's outbound; 0 fits any SA inbound.
    pub reqid: ReqId,
    /// Tunnel, transport, …
    pub mode: Mode,
    /// Outer family.
    pub family: Family,
    /// The packet may go without it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub optional: bool,
}

/// XFRMA_USERPOLICY_DEFAULT: what happens to packets that no policy matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct DefaultPolicies {
    pub inbound: Action,
    pub forward: Action,
    pub outbound: Action,
}

/// XFRMA_SAD_CNT and XFRMA_SAD_HINFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct SadInfo {
    pub count: u32,
    pub hash_buckets: u32,
    pub hash_maximum: u32,
}

/// XFRMA_SPD_INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct SpdInfo {
    pub inbound: u32,
    pub outbound: u32,
    pub forward: u32,
    pub inbound_socket: u32,
    pub outbound_socket: u32,
    pub forward_socket: u32,
}
