//! What attribution looks at: a sample, its tunnels, the packet filter made ready, and which of the tunnels packets are routed into.

use super::answers::{Answers, vrf_of};
use super::attribution::{Rank, route_rank};
use crate::snapshot::filter::Ruleset;
use crate::snapshot::{Observed, Snapshot, is_link_local};
use crate::tunnel::{State, Tunnel};
use crate::way::around::filter::Filter;
use std::cell::OnceCell;
use std::net::IpAddr;

/// A sample for attribution.
pub struct Scene<'s> {
    pub(super) state: &'s State<'s>,
    pub(super) tunnels: Vec<Tunnel<'s>>,
    /// The sample at the start of the run, for the counters of SAs.
    pub(super) before: &'s Snapshot,
    answers: &'s Answers,
    filter: OnceCell<Option<Filter<'s>>>,
}

impl<'s> Scene<'s> {
    /// That of a sample.
    pub fn new(state: &'s State<'s>, before: &'s Snapshot, answers: &'s Answers) -> Observed<Self> {
        let tunnels = state.tunnels()?;
        Ok(Self { state, tunnels, before, answers, filter: OnceCell::new() })
    }

    /// The packet filter with its rules; none where they were not read.
    pub(super) fn filter(&self) -> Option<(&Filter<'s>, &'s Ruleset)> {
        let ruleset = self.state.snapshot.filter.as_ref().ok()?;
        let filter = self.filter.get_or_init(|| Some(Filter::new(ruleset))).as_ref()?;
        Some((filter, ruleset))
    }

    /// Whether an address is one of this host.
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback()
            || self.state.local_addresses(address).is_ok_and(|own| !own.is_empty())
    }

    /// The interfaces that packets to a destination are routed into, of those that came in by this device or are of this host; several where
    /// their routes are equal. Packets with a mark may go another way: an alert does not have it.
    pub(super) fn towards(&self, destination: IpAddr, input: Option<u32>) -> Vec<&Tunnel<'s>> {
        if !is_routed(destination) || self.is_own(destination) {
            return Vec::new();
        }
        let up = self.tunnels.iter().filter(|tunnel| tunnel.link.admin_up);
        let ranked: Vec<(Rank, &Tunnel<'s>)> =
            up.filter_map(|tunnel| Some((route_rank(tunnel, destination)?, tunnel))).collect();
        let best = match self.answers.device(destination, vrf_of(self.state, input)) {
            Some(device) => {
                let is_it = |(_, t): &&(Rank, &Tunnel<'_>)| Some(t.link.ifindex) == device;
                ranked.iter().find(is_it).map(|(rank, _)| *rank)
            }
            None => {
                let best = ranked.iter().map(|(rank, _)| *rank).max();
                best.filter(|(length, _)| !self.is_connected(destination, *length))
            }
        };
        ranked.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, t)| t).collect()
    }

    /// Whether a network of this host's, of another device than a VTI, is nearer to a destination than a route of this length.
    fn is_connected(&self, destination: IpAddr, length: u8) -> bool {
        let is_outside = |ifindex: u32| {
            let link = self.state.link(ifindex).ok().flatten();
            link.is_some_and(|link| link.driver().is_none())
        };
        self.state.snapshot.addresses.iter().flatten().any(|address| {
            address.prefix.prefix_len() > length
                && address.prefix.contains(&destination)
                && is_outside(address.ifindex)
        })
    }
}

/// Whether packets to an address may leave the link.
const fn is_routed(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(a) if a.is_broadcast());
    !(address.is_multicast()
        || is_broadcast
        || is_link_local(address)
        || address.is_loopback()
        || address.is_unspecified())
}
