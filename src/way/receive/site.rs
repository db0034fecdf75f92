//! Where an encrypted packet's path can end in the kernel's receive path, and what follows from that: one exhaustive match, [`Site::effect`].

use crate::kernel::Release;
use crate::snapshot::{Driver, Family, Missing, Mode, Sa, Spi};
use crate::way::counters::{Counter, XfrmStat, exports_errors};
use crate::way::site::Mismatch;
use std::net::IpAddr;

/// A step of the walk, which may end it.
pub(super) type Walk<T> = crate::way::trail::Walk<T, Site>;

/// The kernel site where a received packet's path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// Decrypted, and let in by the policies: it goes on to a socket, or is forwarded.
    LetIn {
        /// The SA that decrypted it.
        spi: Spi,
        /// Which policies were asked for it.
        direction: Direction,
    },
    /// The outer destination is no address of this host: the packet is forwarded or dropped like any other.
    NotForThisHost {
        /// The outer destination.
        destination: IpAddr,
    },
    /// The encrypted packet itself is refused by a policy of direction in: by `vti_input()`, or, where it is in UDP, before the socket.
    OuterPolicy {
        /// It is refused as a UDP packet.
        in_udp: bool,
        /// Why.
        refusal: Refusal,
    },
    /// `ip6_tnl_rcv_ctl()`: the tunnel's local address is no usable address of its VRF, or its remote address is one (vti6).
    TunnelEndpoint {
        /// The address that is wrong.
        address: IpAddr,
        /// True: the remote address is one of this host. False: the local one is not.
        remote_is_local: bool,
    },
    /// No SA has the SPI, destination and mark.
    NoSa {
        /// The nearest SA with this SPI, and the fields in which it does not match.
        nearest: Option<(Spi, Vec<Mismatch>)>,
    },
    /// The SA is for the outbound direction (`kernel::Change::StateDirectionErrors`).
    SaDirection {
        /// Its SPI.
        spi: Spi,
    },
    /// The SPI is only reserved; the SA is still negotiated.
    LarvalSa {
        /// Its SPI.
        spi: Spi,
    },
    /// The SA and the packet differ in the encapsulation in UDP.
    Encapsulation {
        /// The SA's SPI.
        spi: Spi,
        /// The SA has it, and the packet came without.
        wanted: bool,
    },
    /// The SA's byte or packet limit is reached: this packet is dropped and the SA deleted.
    LimitReached {
        /// Its SPI.
        spi: Spi,
    },
    /// The SA is not in tunnel mode, and a vti or vti6 takes the packet (`xfrm_tunnel_check()`).
    NotTunnelMode {
        /// The SA's SPI.
        spi: Spi,
        /// Its mode.
        mode: Mode,
    },
    /// After decryption: what is inside does not go with the SA's mode.
    InnerMode {
        /// The SA's SPI.
        spi: Spi,
    },
    /// After decryption: the SA is not in tunnel mode, so that the IP packet inside is taken for one of an IPIP SA, which does not exist.
    InnerSa {
        /// The SA's SPI.
        spi: Spi,
        /// Whether the packet gives a number to look that SA up by: its IPv4 source, if that is not 0.
        has_number: bool,
    },
    /// Decrypted, then refused by `__xfrm_policy_check()`.
    Policy {
        /// The SA's SPI.
        spi: Spi,
        /// Which policies were asked.
        direction: Direction,
        /// Why.
        refusal: Refusal,
    },
    /// Let in by the policies of a vti or vti6, which takes the secpath away, and then refused like a packet that came in clear.
    AsClear {
        /// The SA's SPI.
        spi: Spi,
        /// Which policies were asked.
        direction: Direction,
        /// Why.
        refusal: Refusal,
    },
    /// Decrypted, but the interface takes no IPv6 (disable_ipv6).
    NoIpv6,
    /// Decrypted, but it is for another host, and this one does not forward.
    NotForwarded,
    /// Cannot be determined from the state that was read.
    Undecided(Missing),
}

impl From<Missing> for Site {
    fn from(missing: Missing) -> Self {
        Site::Undecided(missing)
    }
}

/// Which policies a received packet is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What ends at this host; on vti and vti6 everything.
    In,
    /// What is forwarded.
    Forward,
}

/// Why `__xfrm_policy_check()` refuses a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The SA's own selector does not match what was inside.
    Selector,
    /// A vti asks the policies of the family of the SA's selector, which is another than that of what was inside, and none matches.
    OtherFamily,
    /// No policy matches what an SA decrypted.
    NoPolicy {
        /// Policies have the interface's mark or if_id, but their selectors do not match.
        has_own: bool,
    },
    /// No policy matches, and the default is block.
    DefaultBlock,
    /// The policy that matches has action block.
    Blocks {
        /// Its index.
        index: u32,
    },
    /// The policy that matches has a template that the SA does not fulfil.
    Template {
        /// The policy's index.
        index: u32,
        /// The fields in which the SA differs; empty where there is no SA, because the packet came in clear.
        mismatches: Vec<Mismatch>,
    },
    /// The policy that matches has no template for the SA, so that it takes packets in clear only.
    NoTemplate {
        /// Its index.
        index: u32,
    },
}

impl Refusal {
    /// The counters of `/proc/net/xfrm_stat` that rise for it.
    pub const fn stat(&self) -> &'static [XfrmStat] {
        match self {
            Refusal::Selector => &[XfrmStat::InStateMismatch],
            Refusal::NoPolicy { .. } | Refusal::DefaultBlock | Refusal::OtherFamily => {
                &[XfrmStat::InNoPols]
            }
            Refusal::Blocks { .. } => &[XfrmStat::InPolBlock],
            Refusal::Template { .. } | Refusal::NoTemplate { .. } => &[XfrmStat::InTmplMismatch],
        }
    }
}

/// The class of a [`Site`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Handed on.
    LetIn,
    /// Dropped.
    Dropped,
    /// It is not received as ESP of this host.
    Elsewhere,
    /// The state that was read does not determine it.
    Undecided,
}

/// What the SA counts of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SaCounts {
    /// Nothing: it ends before the SA, or by its first checks.
    Nothing,
    /// `use_time` alone.
    Use,
    /// `packets`, `bytes`, and the highest sequence number.
    Packet,
}

/// The counters of the interface that rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// None.
    Nothing,
    /// `rx_packets`.
    Packet,
    /// `rx_errors` and `rx_dropped`.
    Refused,
    /// `rx_dropped`.
    Dropped,
}

/// The counters of the interface that rise, as far as this kernel shows them.
pub fn counted(moves: Moves, driver: Driver, kernel: Release) -> Vec<Counter> {
    match moves {
        Moves::Nothing => Vec::new(),
        Moves::Packet => vec![Counter::RxPackets],
        Moves::Refused if exports_errors(driver, kernel) => {
            vec![Counter::RxErrors, Counter::RxDropped]
        }
        Moves::Refused | Moves::Dropped => vec![Counter::RxDropped],
    }
}

/// What follows when a received packet ends at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What happens to the packet.
    pub outcome: Outcome,
    /// ifindex of the interface that takes it; none where none does, or none is known yet.
    pub device: Option<u32>,
    /// Which of the interface's counters rise.
    pub moves: Moves,
    /// What the SA counts.
    pub sa: SaCounts,
    /// Counters of `/proc/net/xfrm_stat` that rise, if the kernel has that file.
    pub xfrm_stats: &'static [XfrmStat],
    /// The kernel function and the condition.
    pub function: &'static str,
}

/// The interface that takes a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its ifindex.
    pub ifindex: u32,
    /// Its driver.
    pub driver: Driver,
}

impl Taken {
    const fn is_vti(self) -> bool {
        !matches!(self.driver, Driver::Xfrm)
    }
}

impl Site {
    /// What follows when a packet ends here, where `taken` is the interface that it came to; none if none took it.
    pub const fn effect(&self, taken: Option<Taken>) -> Effect {
        let is_vti = matches!(taken, Some(t) if t.is_vti());
        // A vti or vti6 is known from the beginning; an xfrm interface only by the SA.
        let by_vti = if is_vti { Moves::Refused } else { Moves::Nothing };
        let passed = if taken.is_some() { Moves::Packet } else { Moves::Nothing };
        let refused = if taken.is_some() { Moves::Refused } else { Moves::Nothing };
        let none: &[XfrmStat] = &[];
        let (outcome, moves, sa, xfrm_stats, function) = match self {
            Site::LetIn { .. } => {
                (Outcome::LetIn, passed, SaCounts::Packet, none, "__xfrm_policy_check() passes")
            }
            Site::NotForThisHost { .. } => {
                let function = "ip_route_input_slow(): the outer destination is not local";
                (Outcome::Elsewhere, Moves::Nothing, SaCounts::Nothing, none, function)
            }
            Site::OuterPolicy { in_udp, refusal } => {
                let function = if *in_udp {
                    "udp_queue_rcv_one_skb(): policy check of the UDP packet"
                } else {
                    "vti_input(): policy check of the ESP packet"
                };
                (Outcome::Dropped, Moves::Nothing, SaCounts::Nothing, refusal.stat(), function)
            }
            Site::TunnelEndpoint { .. } => {
                let function = "vti6_input_proto(): ip6_tnl_rcv_ctl()";
                (Outcome::Dropped, Moves::Dropped, SaCounts::Nothing, none, function)
            }
            Site::NoSa { .. } => {
                let stats: &[XfrmStat] = &[XfrmStat::InNoStates];
                let function = "xfrm_input(): no SA has the SPI";
                (Outcome::Dropped, by_vti, SaCounts::Nothing, stats, function)
            }
            Site::SaDirection { .. } => {
                let stats: &[XfrmStat] = &[XfrmStat::InStateDirError];
                let function = "xfrm_input(): the SA is outbound";
                (Outcome::Dropped, by_vti, SaCounts::Nothing, stats, function)
            }
            Site::LarvalSa { .. } => {
                let stats: &[XfrmStat] = &[XfrmStat::AcquireError];
                let function = "xfrm_input(): XFRM_STATE_ACQ";
                (Outcome::Dropped, refused, SaCounts::Nothing, stats, function)
            }
            Site::Encapsulation { .. } => {
                let stats: &[XfrmStat] = &[XfrmStat::InStateMismatch];
                let function = "xfrm_input(): encap_type";
                (Outcome::Dropped, refused, SaCounts::Nothing, stats, function)
            }
            Site::LimitReached { .. } => {
                let stats: &[XfrmStat] = &[XfrmStat::InStateExpired];
                let function = "xfrm_input(): xfrm_state_check_expire()";
                (Outcome::Dropped, refused, SaCounts::Use, stats, function)
            }
            Site::NotTunnelMode { .. } => {
                let stats: &[XfrmStat] = &[XfrmStat::InStateModeError];
                let function = "xfrm_input(): xfrm_tunnel_check()";
                (Outcome::Dropped, refused, SaCounts::Use, stats, function)
            }
            Site::InnerMode { .. } => {
                let stats: &[XfrmStat] = &[XfrmStat::InStateModeError];
                let function = "xfrm_input(): xfrm_inner_mode_input()";
                (Outcome::Dropped, refused, SaCounts::Packet, stats, function)
            }
            Site::InnerSa { has_number, .. } => {
                let stats: &[XfrmStat] =
                    if *has_number { &[XfrmStat::InNoStates] } else { &[XfrmStat::InHdrError] };
                let function = "xfrm_input(): no IPIP SA for the inner packet";
                (Outcome::Dropped, passed, SaCounts::Packet, stats, function)
            }
            Site::Policy { refusal, .. } if is_vti => {
                let function = "vti_rcv_cb(): xfrm_policy_check()";
                (Outcome::Dropped, Moves::Refused, SaCounts::Packet, refusal.stat(), function)
            }
            Site::Policy { refusal, direction, .. } => {
                let function = match direction {
                    Direction::In => "__xfrm_policy_check() before the socket",
                    Direction::Forward => "ip_forward(): __xfrm_policy_check()",
                };
                (Outcome::Dropped, passed, SaCounts::Packet, refusal.stat(), function)
            }
            Site::AsClear { refusal, direction, .. } => {
                let function = match direction {
                    Direction::In => "__xfrm_policy_check() before the socket, without the secpath",
                    Direction::Forward => "ip_forward(): __xfrm_policy_check() without the secpath",
                };
                (Outcome::Dropped, passed, SaCounts::Packet, refusal.stat(), function)
            }
            Site::NoIpv6 => {
                (Outcome::Dropped, passed, SaCounts::Packet, none, "ip6_rcv_core(): disable_ipv6")
            }
            Site::NotForwarded => {
                let function = "ip_route_input_slow(): forwarding is off";
                (Outcome::Dropped, passed, SaCounts::Packet, none, function)
            }
            Site::Undecided(_) => {
                let function = "cannot be determined from this input";
                (Outcome::Undecided, Moves::Nothing, SaCounts::Nothing, none, function)
            }
        };
        let device = match taken {
            Some(taken) => Some(taken.ifindex),
            None => None,
        };
        Effect { outcome, device, moves, sa, xfrm_stats, function }
    }
}

/// Whether the family of an SA's selector is another than that of the packet inside it.
pub(super) fn is_of_other_family(sa: &Sa, inner: Family) -> bool {
    sa.selector.family != Family::Unspec && sa.selector.family != inner
}
