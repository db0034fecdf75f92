//! A dropped packet, its attribution, and the rank of an interface for it: what both directions need.

use super::packet::Packet;
use super::place::Place;
use crate::code::Code;
use crate::snapshot::{Route, RouteType};
use crate::tunnel::Tunnel;
use std::cmp::Reverse;
use std::net::IpAddr;

/// Where a dropped packet was dropped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The interface; several if it may be any of them; none if it is unknown.
    pub interfaces: Vec<String>,
    /// The cause; several if it may be any of them.
    pub codes: Vec<Code>,
    /// The model's site; or, if there is not exactly one interface and one cause, the reason for that.
    pub why: String,
    /// The rule of the packet filter that dropped it, where exactly one can be it.
    pub rule: Option<String>,
    /// A newer sample of the kernel's state would lead to the same result.
    pub is_settled: bool,
}

impl Attribution {
    /// One interface and one cause.
    pub fn is_attributed(&self) -> bool {
        matches!((self.interfaces.as_slice(), self.codes.as_slice()), ([_], [_]))
    }

    /// Undetermined, for this reason.
    pub(super) fn open(interfaces: Vec<String>, why: impl Into<String>) -> Self {
        Self { interfaces, codes: Vec::new(), why: why.into(), rule: None, is_settled: false }
    }

    /// No finding is about what dropped it: these words say it.
    pub(super) fn in_words(interfaces: Vec<String>, why: impl Into<String>) -> Self {
        Self { is_settled: true, ..Self::open(interfaces, why) }
    }

    /// The same cause for all possible interfaces.
    pub(super) fn of(tunnels: &[&Tunnel<'_>], code: Code, why: impl Into<String>) -> Self {
        let interfaces = names(tunnels);
        let is_settled = interfaces.len() == 1;
        Self { interfaces, codes: vec![code], why: why.into(), rule: None, is_settled }
    }
}

/// The names of interfaces.
pub(super) fn names(tunnels: &[&Tunnel<'_>]) -> Vec<String> {
    tunnels.iter().map(|t| t.link.name.clone()).collect()
}

/// A dropped packet as the alert has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dropped {
    /// Where.
    pub place: Place,
    /// Its headers.
    pub packet: Packet,
    /// The ethertype.
    pub protocol: u16,
    /// ifindex of the device that received it.
    pub input: Option<u32>,
}

/// The rank of an interface for a destination: the longest prefix, then the lowest metric.
pub(super) type Rank = (u8, Reverse<u32>);

/// The rank by routes alone.
pub(super) fn route_rank(tunnel: &Tunnel<'_>, destination: IpAddr) -> Option<Rank> {
    let routes = tunnel.state.routes_through(tunnel.link.ifindex).unwrap_or_default();
    let leads = |r: &&Route| {
        !r.dead && r.route_type == RouteType::Unicast && r.destination.contains(&destination)
    };
    routes.iter().filter(leads).map(|r| (r.destination.prefix_len(), Reverse(r.metric))).max()
}
