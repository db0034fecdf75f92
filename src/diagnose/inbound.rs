//! The inbound SAs of a tunnel, for the diagnoses of the receive side: which tunnel they belong to, and how much their counters rose.

use crate::snapshot::{Missing, Observed, PolicyDirection, Sa, Snapshot};
use crate::tunnel::Tunnel;
use crate::units;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// Inbound SAs from the tunnel's peers, separated by mark and if_id.
pub(super) struct Inbound<'a> {
    /// With the interface's inbound mark or if_id.
    pub own: Vec<&'a Sa>,
    /// With another mark or if_id that no inbound policy wants: perhaps meant for this interface.
    pub stray: Vec<&'a Sa>,
}

impl<'a> Inbound<'a> {
    /// The inbound SAs of a tunnel that has outbound ones, so that packets from the peer are expected; none without outbound SAs.
    pub fn of(tunnel: &Tunnel<'a>) -> Observed<Option<Self>> {
        let outbound = tunnel.outbound_sas()?;
        if outbound.is_empty() || !tunnel.link.admin_up || tunnel.link.link_netnsid.is_some() {
            return Ok(None);
        }
        let local: BTreeSet<IpAddr> = outbound.iter().map(|a| a.source).collect();
        // From any address: the peer may send from another address than the one this host sends to.
        let mut own = tunnel.sas_with_inbound_mark_or_if_id()?;
        let mut seen: HashSet<*const Sa> = own.iter().copied().map(std::ptr::from_ref).collect();
        let (mut stray, mut wanted) = (Vec::new(), Vec::new());
        for sa in tunnel.sas_from_peers(&local)? {
            if tunnel.admits_inbound(sa) {
                if !seen.contains(&std::ptr::from_ref(sa)) && tunnel.owns_inbound(sa)? {
                    seen.insert(std::ptr::from_ref(sa));
                    own.push(sa);
                }
            } else if !tunnel.state.is_wanted(PolicyDirection::In, sa)? {
                stray.push(sa);
            } else {
                wanted.push(sa);
            }
        }
        // A policy that wants it may be as stray itself: one whose mark or if_id no interface has.
        if own.is_empty() && stray.is_empty() && !wanted.is_empty() {
            let others = tunnel.state.tunnels()?;
            let is_admitted = |sa: &&Sa| others.iter().any(|other| other.admits_inbound(sa));
            stray.extend(wanted.into_iter().filter(|sa| !is_admitted(sa)));
        }
        Ok(Some(Self { own, stray }))
    }

    /// The tunnel's inbound SA whose `counter` rose most between the two samples, or else is the highest, with that value and its rise (missing
    /// without an earlier sample).
    pub fn worst(
        &self,
        earlier: Observed<&Snapshot>,
        counter: impl Fn(&Sa) -> u32,
    ) -> Option<(&'a Sa, u32, Result<u32, Missing>)> {
        let before = list_of(earlier);
        let risen = |sa: &Sa| before.as_ref().map(|list| rise(list, sa, &counter));
        let sa = self.own.iter().copied().max_by_key(|a| (risen(a).unwrap_or(0), counter(a)))?;
        let total = counter(sa);
        (total > 0).then(|| (sa, total, risen(sa).map_err(Clone::clone)))
    }

    /// How many packets the statistics of the tunnel's inbound SAs counted as refused between the two samples; each of them is an error of the
    /// interface, too.
    pub fn refused(&self, earlier: Observed<&Snapshot>) -> Observed<u64> {
        let before = list_of(earlier)?;
        let of_one =
            |sa: &&Sa| REFUSALS.iter().map(|(_, of)| u64::from(rise(before, sa, of))).sum();
        Ok(units::sum(self.own.iter().map(of_one)))
    }
}

/// A statistic of an SA.
type Statistic = fn(&Sa) -> u32;

/// The statistics of an SA that count packets that it refused, as `ip -s xfrm state` names them.
pub(super) const REFUSALS: [(&str, Statistic); 3] = [
    ("replay-window", |sa| sa.replay_window_drops),
    ("replay", |sa| sa.replay_drops),
    ("failed", |sa| sa.integrity_failures),
];

fn list_of(snapshot: Observed<&Snapshot>) -> Observed<&[Sa]> {
    snapshot?.sas.as_deref().map_err(Clone::clone)
}

/// How much a counter of an SA rose since the list `before`; all of it where the SA is not in the list.
fn rise(before: &[Sa], sa: &Sa, counter: impl Fn(&Sa) -> u32) -> u32 {
    let same = |a: &&Sa| a.spi == sa.spi && a.destination == sa.destination;
    counter(sa).saturating_sub(before.iter().find(same).map_or(0, &counter))
}
