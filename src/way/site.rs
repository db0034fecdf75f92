//! Where a packet's path can end in the kernel, and what follows from that: one exhaustive match, [`Site::effect`].

use super::counters::XfrmStat;
use crate::code::Moves;
use crate::snapshot::{Driver, Missing, Spi};
use std::fmt;
use std::net::IpAddr;

/// The class of a [`Site`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Encrypted and handed on.
    Sent,
    /// Dropped by the tunnel device, or later on its behalf.
    Dropped,
    /// Queued until an SA comes, counted as sent.
    Held,
    /// Another policy encrypts or blocks the packet before it reaches the device.
    Elsewhere,
    /// The packet does not reach the device at all.
    NotSent,
    /// The state that was read does not determine it.
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
    /// The device is administratively down: nothing is routed into it, and nothing is counted.
    AdminDown,
    /// A policy without the interface's mark or if_id matches the packet in the first lookup (`ip_route_output_flow()`, `__xfrm_route_forward()`).
    TakenByPolicy {
        /// Index of that policy.
        index: u32,
        /// It has templates: the packet is sent encrypted by its SA, or is dropped if there is none.
        encrypts: bool,
    },
    /// The default OUT policy is block and no policy matches in the first lookup: the sender gets EPERM.
    DefaultBlock,
    /// No OUT policy matches (V3, X3).
    NoPolicy {
        /// A policy has the interface's mark or if_id, but its selector does not match.
        has_own: bool,
    },
    /// disable_xfrm: no policy is looked up (vti, vti6).
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
    /// The template has no source, and no route provides one.
    TemplateSource {
        /// errno of the lookup.
        errno: i32,
    },
    /// No usable SA for a template.
    NoSa(Box<Wanted>),
    /// The SA found is for the inbound direction (`kernel::Change::StateDirectionErrors`).
    SaDirection {
        /// Its SPI.
        spi: Spi,
    },
    /// No SA, and `xfrm_larval_drop=0`: queued, counted as sent, dropped later (vti, vti6; `kernel::Change::HoldQueueOfVti`).
    Held(Box<Wanted>),
    /// The route lookup for the encrypted packet fails.
    OuterRoute {
        /// Outer source.
        source: IpAddr,
        /// Outer destination.
        destination: IpAddr,
        /// errno of the lookup.
        errno: i32,
        /// The VRF of the lookup.
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
        /// Its source or its destination: the one that is wrong.
        address: IpAddr,
        /// True: the destination is an address of this host. False: the source is not.
        remote_is_local: bool,
    },
    /// `vti6_addr_conflict()`: the inner source is the tunnel's remote address (vti6).
    AddressConflict,
    /// The encrypted packet would leave through the same device.
    Loop {
        /// Outer destination.
        destination: IpAddr,
    },
    /// The inner packet is too big and must not be fragmented.
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
    /// Cannot be determined from the state that was read.
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

/// What `xfrm_state_find()` was asked for, and the nearest SA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Index of the policy.
    pub policy: u32,
    /// What the template asks for, in words.
    pub text: String,
    /// Outer destination wanted.
    pub destination: IpAddr,
    /// An acquire was sent: there is a larval SA.
    pub larval: bool,
    /// An SA that does not match has the SPI of the template: -EEXIST instead of -EAGAIN, so the packet is never queued.
    pub spi_in_use: bool,
    /// The nearest SA, and the fields in which it does not match.
    pub nearest: Option<Nearest>,
}

/// An SA that does not match, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Its SPI.
    pub spi: Spi,
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// What does not match; never empty.
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

/// What follows when a packet ends at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What happens to the packet.
    pub outcome: Outcome,
    /// The class of device counters that rise.
    pub moves: Moves,
    /// Counters of `/proc/net/xfrm_stat` that rise, if the kernel has that file.
    pub xfrm_stats: &'static [XfrmStat],
    /// What the sender of a unicast packet gets back, as a noun; none if that does not depend on this host.
    pub answer: Option<&'static str>,
    /// The kernel function and the condition.
    pub function: Function,
}

/// A kernel function and a condition in it, with the driver's own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    driver: Driver,
    text: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// It has no name that depends on the driver.
    Whole(&'static str),
    /// In the driver's transmit function.
    Xmit(&'static str),
    /// The driver's check of what the lookup returned, and the reason.
    Check(&'static str),
    /// In the driver's transmit function: a call and its error.
    Error(&'static str, i32),
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (xmit, check) = match self.driver {
            Driver::Vti => ("vti_xmit", "vti_state_check()"),
            Driver::Vti6 => ("vti6_xmit", "vti6_state_check()"),
            Driver::Xfrm => ("xfrmi_xmit2", "x == NULL"),
        };
        match self.text {
            Text::Whole(text) => f.write_str(text),
            Text::Xmit(condition) => write!(f, "{xmit}: {condition}"),
            Text::Check(why) => write!(f, "{xmit}: {check}{why}"),
            Text::Error(call, errno) => write!(f, "{xmit}: {call} = {}", errno_name(errno)),
        }
    }
}

/// What `dst_link_failure()` sends, and which senders get nothing.
const UNREACHABLE: Option<&str> = Some("ICMP host unreachable (rate-limited; none for multicast)");
const NO_ANSWER: Option<&str> = Some("no answer");

impl Site {
    /// What follows when a packet ends here, on a device of `driver`.
    pub const fn effect(&self, driver: Driver) -> Effect {
        use Outcome::{Dropped, Elsewhere, Held, NotSent, Sent, Undecided};
        const PLAIN: Text = Text::Check(", the lookup returns the route without an SA");
        let (outcome, moves, xfrm_stats, answer, text): (_, _, &[XfrmStat], _, _) = match self {
            Site::Sent { .. } => (Sent, Moves::Sent, &[], None, Text::Xmit("dst_output()")),
            Site::AdminDown => (NotSent, Moves::Nothing, &[], None, Text::Whole("device is down")),
            Site::TakenByPolicy { .. } => {
                let text = Text::Whole("xfrm_lookup() of the routed packet, before the device");
                (Elsewhere, Moves::Nothing, &[], None, text)
            }
            Site::DefaultBlock => {
                let text = Text::Whole(
                    "xfrm_lookup() of the routed packet: policy_default[OUT] is block, -EPERM",
                );
                (Elsewhere, Moves::Nothing, &[], Some("EPERM, if this host is the sender"), text)
            }
            Site::NoPolicy { .. } => (Dropped, Moves::Carrier, &[], UNREACHABLE, PLAIN),
            Site::XfrmDisabled => {
                let text = Text::Check(", DST_NOXFRM skips the lookup");
                (Dropped, Moves::Carrier, &[], UNREACHABLE, text)
            }
            Site::PolicyBlock { index } => {
                let text = Text::Xmit("xfrm_lookup() = -EPERM");
                // The default policy has no counter of its own.
                let xfrm_stats: &[XfrmStat] =
                    if index.is_some() { &[XfrmStat::OutPolBlock] } else { &[] };
                (Dropped, Moves::Carrier, xfrm_stats, UNREACHABLE, text)
            }
            Site::NoTemplate { .. } => (Dropped, Moves::Carrier, &[], UNREACHABLE, PLAIN),
            Site::TemplateSource { errno } => {
                let text = Text::Error("xfrm_tmpl_resolve_one()", *errno);
                (Dropped, Moves::Carrier, &[XfrmStat::OutPolError], UNREACHABLE, text)
            }
            Site::NoSa(wanted) => {
                let text = Text::Xmit("xfrm_lookup() = -EREMOTE (no SA)");
                // -EEXIST instead of -EAGAIN counts elsewhere.
                let xfrm_stats: &[XfrmStat] = if wanted.spi_in_use {
                    &[XfrmStat::OutPolError]
                } else {
                    &[XfrmStat::OutNoStates]
                };
                (Dropped, Moves::Carrier, xfrm_stats, UNREACHABLE, text)
            }
            Site::SaDirection { .. } => {
                let text = Text::Xmit("xfrm_tmpl_resolve_one() = -EINVAL (direction)");
                let xfrm_stats = &[XfrmStat::OutStateDirError, XfrmStat::OutPolError];
                (Dropped, Moves::Carrier, xfrm_stats, UNREACHABLE, text)
            }
            Site::Held(_) => {
                let text = Text::Whole("xdst_queue_output(): queued");
                (Held, Moves::Held, &[], NO_ANSWER, text)
            }
            Site::OuterRoute { errno, .. } => {
                let text = Text::Error("xfrm_bundle_create()", *errno);
                (Dropped, Moves::Carrier, &[XfrmStat::OutBundleGenError], UNREACHABLE, text)
            }
            Site::StateCheck { .. } => (Dropped, Moves::Carrier, &[], UNREACHABLE, Text::Check("")),
            Site::TunnelEndpoint { .. } => {
                let text = Text::Whole("vti6_xmit: ip6_tnl_xmit_ctl()");
                (Dropped, Moves::Carrier, &[], UNREACHABLE, text)
            }
            Site::AddressConflict => {
                let text = Text::Whole("vti6_tnl_xmit: vti6_addr_conflict()");
                (Dropped, Moves::ErrorsOnly, &[], NO_ANSWER, text)
            }
            Site::Loop { .. } => {
                (Dropped, Moves::Collisions, &[], NO_ANSWER, Text::Xmit("tdev == dev"))
            }
            Site::TooBig { .. } => {
                let answer = Some("ICMP fragmentation needed (IPv4) or packet too big (IPv6)");
                (Dropped, Moves::ErrorsOnly, &[], answer, Text::Xmit("skb->len > mtu"))
            }
            Site::LimitReached { .. } => {
                let text = Text::Whole("xfrm_output_one: xfrm_state_check_expire()");
                (Dropped, Moves::Aborted, &[XfrmStat::OutStateExpired], NO_ANSWER, text)
            }
            Site::SequenceOverflow { .. } => {
                let text = Text::Whole("xfrm_output_one: xfrm_replay_overflow()");
                (Dropped, Moves::Aborted, &[XfrmStat::OutStateSeqError], NO_ANSWER, text)
            }
            Site::Undecided(_) => (
                Undecided,
                Moves::Nothing,
                &[],
                None,
                Text::Whole("cannot be determined from this input"),
            ),
        };
        Effect { outcome, moves, xfrm_stats, answer, function: Function { driver, text } }
    }
}

/// `-ENETUNREACH` and other errors, as the kernel writes them.
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
