//! What becomes of one packet, and where in the kernel: the model's answer.

use crate::report::Step;
use crate::snapshot::{Driver, Missing, Spi};
use crate::way::transmit::counters::{Counter, XfrmStat};
use std::net::IpAddr;

/// The model's answer for one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where the path ends.
    pub site: Site,
    /// Counters of the device that this kernel moves for the packet (and shows).
    pub counters: Vec<Counter>,
    /// Counters of `/proc/net/xfrm_stat` that move, where the kernel has that file.
    pub xfrm_stats: Vec<XfrmStat>,
    /// The steps taken, with what was compared at each.
    pub trail: Vec<Step>,
}

/// The class of a [`Site`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Encrypted and handed on.
    Sent,
    /// Dropped by the tunnel device or in its name.
    Dropped,
    /// Queued until an SA comes, counted as sent.
    Held,
    /// Another policy takes (or refuses) the packet before the device sees it.
    Elsewhere,
    /// The packet does not reach the device at all.
    NotSent,
    /// The state that was read does not decide it.
    Undecided,
}

/// The kernel site where a packet's path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// Encrypted by the SA and sent out of `oif`.
    Sent {
        /// SPI of the outermost SA.
        spi: Spi,
        /// ifindex of the outer device.
        oif: u32,
    },
    /// The device is administratively down: nothing is routed into it, nothing counted.
    AdminDown,
    /// A policy without the interface's key takes the packet in the first lookup (`ip_route_output_flow()`, `__xfrm_route_forward()`).
    TakenByPolicy {
        /// Index of that policy.
        index: u32,
        /// It has templates: the packet leaves encrypted by it, or is dropped for want of its SA.
        encrypts: bool,
    },
    /// The default OUT policy is block and no policy matches in the first lookup: the sender gets EPERM.
    DefaultBlock,
    /// No OUT policy matches (V3, X3).
    NoPolicy {
        /// Some policy has the key, but its selector is another one.
        has_own: bool,
    },
    /// disable_xfrm: no lookup is made at all (vti, vti6).
    XfrmDisabled,
    /// The matching policy, or the default, is block.
    PolicyBlock {
        /// Index of the policy; none for the default.
        index: Option<u32>,
    },
    /// The matching policy has no template, or only optional ones without an SA.
    NoTemplate {
        /// Index of the policy.
        index: u32,
    },
    /// A template without a source, and no route to take one from.
    TemplateSource {
        /// errno of the lookup.
        errno: i32,
    },
    /// No usable SA for a template.
    NoSa(Box<Wanted>),
    /// The SA found is for inbound use (6.10 and later).
    SaDirection {
        /// Its SPI.
        spi: Spi,
    },
    /// No SA, and `xfrm_larval_drop=0`: queued, counted as sent, dropped later (vti, vti6 from 5.9).
    Held(Box<Wanted>),
    /// The route lookup for the encrypted packet fails.
    OuterRoute {
        /// Outer source.
        source: IpAddr,
        /// Outer destination.
        destination: IpAddr,
        /// errno of the lookup.
        errno: i32,
        /// The VRF looked in.
        vrf: Option<u32>,
    },
    /// `vti_state_check()` refuses the SA.
    StateCheck {
        /// The SA's SPI.
        spi: Spi,
        /// Which comparison.
        reason: StateCheck,
    },
    /// `ip6_tnl_xmit_ctl()`: the SA's source is not an address of this host, or its destination is one (vti6).
    TunnelEndpoint {
        /// The SA's SPI.
        spi: Spi,
        /// Its source or destination, whichever is wrong.
        address: IpAddr,
        /// True: the destination is ours. False: the source is not.
        remote_is_local: bool,
    },
    /// `vti6_addr_conflict()`: the inner source is the tunnel's remote address (vti6).
    AddressConflict,
    /// The encrypted packet would leave through the same device.
    Loop {
        /// Outer destination.
        destination: IpAddr,
    },
    /// The inner packet does not fit, and must not be fragmented.
    TooBig {
        /// Bytes of the largest packet that may fit.
        most: u32,
        /// Bytes of the outer path.
        path: u32,
    },
    /// The SA's byte or packet limit is reached: `xfrm_state_check_expire()` in the encryption stage.
    LimitReached {
        /// Its SPI.
        spi: Spi,
        /// No other SA can take over.
        only: bool,
    },
    /// The SA has used up its 32-bit sequence numbers: `xfrm_replay_overflow()`.
    SequenceOverflow {
        /// Its SPI.
        spi: Spi,
    },
    /// Not decided by what was read.
    Undecided(Missing),
}

/// A failed comparison of `vti_state_check()` or `vti6_state_check()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateCheck {
    /// The SA is not in tunnel mode.
    Mode,
    /// The SA's outer family is not the device's.
    Family,
    /// The SA's destination is not the device's remote.
    Remote,
    /// The SA's source is not the device's local.
    Local,
}

/// What `xfrm_state_find()` was asked for, and what came nearest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Index of the policy.
    pub policy: u32,
    /// What the template asks for, in words.
    pub text: String,
    /// Outer destination wanted.
    pub destination: IpAddr,
    /// An acquire is under way: a larval SA stands for it.
    pub larval: bool,
    /// The template names an SPI that an SA which does not fit has: -EEXIST instead of -EAGAIN, so never held.
    pub spi_in_use: bool,
    /// The SA that comes nearest, and the fields in which it does not fit.
    pub nearest: Option<Nearest>,
}

/// An SA that does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Its SPI.
    pub spi: Spi,
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// What does not fit; never empty.
    pub mismatches: Vec<Mismatch>,
}

/// One field of an SA against what the template wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The kernel's word: mark, if_id, reqid, mode, …
    pub field: &'static str,
    /// The SA's value.
    pub have: String,
    /// The wanted value.
    pub want: String,
}

impl Site {
    /// The class of the site.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Site::Sent { .. } => Outcome::Sent,
            Site::AdminDown => Outcome::NotSent,
            Site::TakenByPolicy { .. } | Site::DefaultBlock => Outcome::Elsewhere,
            Site::Held(_) => Outcome::Held,
            Site::Undecided(_) => Outcome::Undecided,
            _ => Outcome::Dropped,
        }
    }

    /// The kernel function and the condition, as far as the driver has a name of its own for it.
    pub fn kernel(&self, driver: Driver) -> String {
        let (xmit, check) = match driver {
            Driver::Vti => ("vti_xmit", "vti_state_check()"),
            Driver::Vti6 => ("vti6_xmit", "vti6_state_check()"),
            Driver::Xfrm => ("xfrmi_xmit2", "x == NULL"),
        };
        match self {
            Site::Sent { .. } => format!("{xmit}: dst_output()"),
            Site::AdminDown => "device is down".into(),
            Site::TakenByPolicy { .. } => {
                "xfrm_lookup() of the routed packet, before the device".into()
            }
            Site::DefaultBlock => {
                "xfrm_lookup() of the routed packet: policy_default[OUT] is block, -EPERM".into()
            }
            Site::NoPolicy { .. } | Site::NoTemplate { .. } => {
                format!("{xmit}: {check}, the lookup gives the plain route")
            }
            Site::XfrmDisabled => format!("{xmit}: {check}, DST_NOXFRM skips the lookup"),
            Site::PolicyBlock { .. } => format!("{xmit}: xfrm_lookup() = -EPERM"),
            Site::TemplateSource { errno } => {
                format!("{xmit}: xfrm_tmpl_resolve_one() = {}", errno_name(*errno))
            }
            Site::NoSa(_) => format!("{xmit}: xfrm_lookup() = -EREMOTE (no SA)"),
            Site::SaDirection { .. } => {
                format!("{xmit}: xfrm_tmpl_resolve_one() = -EINVAL (direction)")
            }
            Site::Held(_) => "xdst_queue_output(): queued".into(),
            Site::OuterRoute { errno, .. } => {
                format!("{xmit}: xfrm_bundle_create() = {}", errno_name(*errno))
            }
            Site::StateCheck { .. } => format!("{xmit}: {check}"),
            Site::TunnelEndpoint { .. } => "vti6_xmit: ip6_tnl_xmit_ctl()".into(),
            Site::AddressConflict => "vti6_tnl_xmit: vti6_addr_conflict()".into(),
            Site::Loop { .. } => format!("{xmit}: tdev == dev"),
            Site::TooBig { .. } => format!("{xmit}: skb->len > mtu"),
            Site::LimitReached { .. } => "xfrm_output_one: xfrm_state_check_expire()".into(),
            Site::SequenceOverflow { .. } => "xfrm_output_one: xfrm_replay_overflow()".into(),
            Site::Undecided(_) => "not decided".into(),
        }
    }

    /// What a sender gets back for a unicast packet, as a noun.
    pub const fn sender(&self) -> Option<&'static str> {
        match self {
            Site::TooBig { .. } => {
                Some("ICMP fragmentation needed (IPv4) or packet too big (IPv6)")
            }
            Site::DefaultBlock => Some("EPERM if it is this host"),
            Site::NoPolicy { .. }
            | Site::NoTemplate { .. }
            | Site::XfrmDisabled
            | Site::PolicyBlock { .. }
            | Site::TemplateSource { .. }
            | Site::NoSa(_)
            | Site::SaDirection { .. }
            | Site::OuterRoute { .. }
            | Site::StateCheck { .. }
            | Site::TunnelEndpoint { .. } => {
                Some("ICMP host unreachable (rate-limited; none for multicast)")
            }
            Site::Loop { .. }
            | Site::AddressConflict
            | Site::LimitReached { .. }
            | Site::SequenceOverflow { .. }
            | Site::Held(_) => Some("no answer"),
            _ => None,
        }
    }
}

/// `-ENETUNREACH` and its like, as the kernel writes them.
pub fn errno_name(errno: i32) -> String {
    match errno {
        1 => "-EPERM".into(),
        11 => "-EAGAIN".into(),
        13 => "-EACCES".into(),
        22 => "-EINVAL".into(),
        66 => "-EREMOTE".into(),
        99 => "-EADDRNOTAVAIL".into(),
        101 => "-ENETUNREACH".into(),
        105 => "-ENOBUFS".into(),
        113 => "-EHOSTUNREACH".into(),
        other => format!("-{other}"),
    }
}
