//! The inbound SAs of a tunnel, for the diagnoses of the receive side: whose they are, and how their counters moved.

use crate::snapshot::{Missing, Observed, PolicyDirection, Sa, Snapshot};
use crate::tunnel::Tunnel;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// Inbound SAs from the tunnel's peers, told apart by mark and if_id.
pub(super) struct Inbound<'a> {
    /// With the interface's inbound mark or if_id.
    pub own: Vec<&'a Sa>,
    /// With another mark or if_id, and no other inbound policy wants them: perhaps meant for this interface.
    pub stray: Vec<&'a Sa>,
}

impl<'a> Inbound<'a> {
    /// The inbound SAs of a tunnel that has outbound ones, so that something must come in; none where it has not.
    pub fn of(tunnel: &Tunnel<'a>) -> Observed<Option<Self>> {
        let outbound = tunnel.outbound_sas()?;
        if outbound.is_empty() || !tunnel.link.admin_up || tunnel.link.link_netnsid.is_some() {
            return Ok(None);
        }
        let local: BTreeSet<IpAddr> = outbound.iter().map(|a| a.source).collect();
        // From anywhere: the peer may send from another address than this host sends to.
        let mut own = tunnel.sas_with_inbound_mark_or_if_id()?;
        let mut seen: HashSet<*const Sa> = own.iter().copied().map(std::ptr::from_ref).collect();
        let mut stray = Vec::new();
        for sa in tunnel.sas_from_peers(&local)? {
            if tunnel.admits_inbound(sa) {
                if !seen.contains(&std::ptr::from_ref(sa)) && tunnel.owns_inbound(sa)? {
                    seen.insert(std::ptr::from_ref(sa));
                    own.push(sa);
                }
            } else if !tunnel.state.is_wanted(PolicyDirection::In, sa)? {
                stray.push(sa);
            }
        }
        Ok(Some(Self { own, stray }))
    }

    /// The own inbound SA whose `counter` is highest, with its value and its rise over the interval (missing without one).
    pub fn worst(
        &self,
        earlier: Observed<&Snapshot>,
        counter: impl Fn(&Sa) -> u32,
    ) -> Option<(&'a Sa, u32, Result<u32, Missing>)> {
        let sa = self.own.iter().copied().max_by_key(|a| counter(a))?;
        let total = counter(sa);
        let before = || -> Observed<u32> {
            let list = earlier?.sas.as_ref().map_err(Clone::clone)?;
            let same = |a: &&Sa| a.spi == sa.spi && a.destination == sa.destination;
            Ok(list.iter().find(same).map_or(0, &counter))
        };
        (total > 0).then(|| (sa, total, before().map(|b| total.saturating_sub(b))))
    }
}
