//! Policies and their templates in the kernel's words (`struct xfrm_userpolicy_info`, `struct xfrm_user_tmpl`).
//! What a policy does to a packet is decided in the transmit model.

use super::default::is_default;
use super::short;
use super::xfrm::{Family, IfId, Lifetime, Mark, Mode, ReqId, Selector, Spi};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What a policy applies to: `dir`, with separate values for the per-socket policies that GETPOLICY also returns.
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

impl PolicyDirection {
    /// Whether it is a policy of one socket.
    pub const fn is_of_socket(self) -> bool {
        matches!(self, Self::SocketIn | Self::SocketOut)
    }
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

/// One policy (XFRM_MSG_NEWPOLICY).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// In, out, forward, or of a socket.
    pub direction: PolicyDirection,
    /// The lowest is looked up first.
    pub priority: u32,
    /// The kernel's index.
    pub index: u32,
    /// Which packets it matches.
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
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "short::list")]
    pub templates: Vec<Template>,
}

/// `struct xfrm_user_tmpl`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Outbound it must equal that of the SA; inbound 0 matches any SA.
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
