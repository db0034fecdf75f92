//! VTIs that carry one direction each between the two samples: what goes out by one comes back by another.

use super::counted::Counted;
use super::flows;
use crate::snapshot::{Observed, PolicyDirection, Snapshot};
use crate::tunnel::Tunnel;

/// Fewer packets than this between two samples prove nothing.
pub(super) const ENOUGH: u64 = 10;
/// The packets of the two directions of a flow differ in number, but not by more than this: TCP acknowledges every second segment, or fewer.
const MOST_TIMES: u64 = 8;

/// A VTI on which packets passed in one direction only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OneWay {
    pub ifindex: u32,
    pub sent: u64,
    pub received: u64,
}

impl OneWay {
    /// Of these counters; none where packets passed in both directions, or too few.
    pub fn of(ifindex: u32, counted: &Counted) -> Observed<Option<Self>> {
        let interval = counted.interval.as_ref().map_err(Clone::clone)?;
        let (sent, received) = (interval.tx_packets, interval.rx_packets);
        let is_one = matches!((sent, received), (ENOUGH.., 0) | (0, ENOUGH..));
        Ok(is_one.then_some(Self { ifindex, sent, received }))
    }

    const fn packets(&self) -> u64 {
        self.sent.saturating_add(self.received)
    }

    /// Whether the other one can carry what belongs to this one's packets.
    const fn may_belong_to(&self, other: &Self) -> bool {
        let (one, two) = (self.packets(), other.packets());
        (self.sent == 0) != (other.sent == 0)
            && one <= two.saturating_mul(MOST_TIMES)
            && two <= one.saturating_mul(MOST_TIMES)
    }
}

/// All of them.
pub(super) fn one_way(now: &Snapshot, earlier: &Snapshot) -> Vec<OneWay> {
    let links = now.links.iter().flatten().filter(|link| link.driver().is_some());
    let counted = links.map(|link| (link, Counted::of_link(now, Some(earlier), link)));
    counted.filter_map(|(link, counted)| OneWay::of(link.ifindex, &counted).ok()?).collect()
}

/// The other tunnel that carries the other direction of a tunnel's packets.
pub(super) struct Partner<'a> {
    pub tunnel: Tunnel<'a>,
    /// This tunnel.
    pub own: OneWay,
    /// The other one.
    pub other: OneWay,
    /// Whether there is no third that may be it.
    pub is_only: bool,
}

/// The other tunnel, where there is one whose policies let in (or out) what this one's routes lead out (or its policies let in). `all` are the
/// VTIs of the host with packets in one direction only.
pub(super) fn partner<'a>(
    tunnel: &Tunnel<'a>,
    counted: &Counted,
    all: &[OneWay],
) -> Observed<Option<Partner<'a>>> {
    let Some(own) = OneWay::of(tunnel.link.ifindex, counted)? else { return Ok(None) };
    let mut found: Vec<Partner<'a>> = Vec::new();
    for other in all.iter().filter(|other| own.may_belong_to(other)) {
        let link = tunnel.state.link(other.ifindex)?;
        let Some(partner) = link.and_then(|link| Tunnel::new(tunnel.state, link)) else { continue };
        let (sender, receiver) = if own.sent > 0 { (tunnel, &partner) } else { (&partner, tunnel) };
        if lets_in(receiver, sender)? {
            found.push(Partner { tunnel: partner, own, other: *other, is_only: true });
        }
    }
    let is_only = found.len() == 1;
    found.sort_by_key(|partner| partner.other.packets().abs_diff(own.packets()));
    Ok(found.into_iter().next().map(|partner| Partner { is_only, ..partner }))
}

/// Whether a tunnel's inbound policies cover packets from a network that is routed into another one.
fn lets_in(receiver: &Tunnel<'_>, sender: &Tunnel<'_>) -> Observed<bool> {
    let own = flows::own_prefixes(sender)?;
    let policies = receiver.own_policies(PolicyDirection::In)?;
    let prefixes = flows::routed_prefixes(sender);
    let mut behind = prefixes.iter().filter(|prefix| !own.contains(prefix));
    Ok(behind.any(|prefix| policies.iter().any(|p| p.selector.source.contains(prefix))))
}
