//! What SAs and policies have in common, in the kernel's words (`linux/xfrm.h`): ids, marks, selectors, limits.

use super::default::is_default;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
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
    /// Whether a packet (or interface) with this mark matches: `(mark & m) == v`, as the policy lookup compares.
    pub const fn admits(self, mark: u32) -> bool {
        mark & self.mask == self.value
    }

    /// What becomes of a packet's mark where an SA sets this one: `xfrm_smark_get()`. 0/0 leaves it as it is.
    pub const fn put_on(self, mark: u32) -> u32 {
        (self.value & self.mask) | (mark & !self.mask)
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

    /// The prefix of all its addresses, ::/0 or 0.0.0.0/0.
    pub fn all(self) -> IpNet {
        match self {
            Family::Inet6 => IpNet::V6(Ipv6Net::default()),
            _ => IpNet::V4(Ipv4Net::default()),
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
    /// `kernel::Change::Iptfs`.
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
    /// AF_UNSPEC on most of strongSwan's SAs: then the addresses mean nothing.
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

impl Selector {
    /// That of all packets of a family.
    pub fn all(family: Family) -> Self {
        let (source, destination) = (family.all(), family.all());
        let (source_port, destination_port) = Default::default();
        Self { family, source, destination, protocol: 0, source_port, destination_port, ifindex: 0 }
    }
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
