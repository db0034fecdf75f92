//! The inbound SAs of a tunnel, for the diagnoses of the receive side: whose they are, and how their counters moved.

use super::Case;
use crate::snapshot::{Missing, Observed, PolicyDirection, SecurityAssociation};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Inbound SAs from the tunnel's peers, told apart by their key.
pub(super) struct Inbound<'a> {
    /// With the interface's inbound key.
    pub own: Vec<&'a SecurityAssociation>,
    /// With another key, and no other inbound policy wants them: perhaps meant for this interface.
    pub stray: Vec<&'a SecurityAssociation>,
}

impl<'a> Inbound<'a> {
    /// The inbound SAs of a tunnel that has outbound ones, so that something must come in; none where it has not.
    pub fn of(case: &Case<'a>) -> Observed<Option<Self>> {
        let tunnel = case.tunnel()?;
        let outbound = tunnel.outbound_associations()?;
        if outbound.is_empty() || !tunnel.link.admin_up || tunnel.link.link_netnsid.is_some() {
            return Ok(None);
        }
        let local: BTreeSet<IpAddr> = outbound.iter().map(|a| a.source).collect();
        // From anywhere: the peer may send from another address than this host sends to.
        let mut own = tunnel.associations_with_inbound_key()?;
        let mut stray = Vec::new();
        for association in tunnel.associations_from_peers(&local)? {
            if tunnel.admits_inbound(association) {
                if !own.iter().any(|a| std::ptr::eq(*a, association)) {
                    own.push(association);
                }
            } else if !tunnel.state.is_wanted(PolicyDirection::In, association)? {
                stray.push(association);
            }
        }
        Ok(Some(Self { own, stray }))
    }

    /// The own inbound SA whose `counter` is highest, with its value and its rise over the interval (missing without one).
    pub fn worst(
        &self,
        case: &Case<'_>,
        counter: impl Fn(&SecurityAssociation) -> u32,
    ) -> Option<(&'a SecurityAssociation, u32, Result<u32, Missing>)> {
        let association = self.own.iter().copied().max_by_key(|a| counter(a))?;
        let total = counter(association);
        let before = || -> Observed<u32> {
            let earlier = case.earlier.ok_or_else(Case::no_interval)?;
            let list = earlier.associations.as_ref().map_err(Clone::clone)?;
            let same = |a: &&SecurityAssociation| {
                a.spi == association.spi && a.destination == association.destination
            };
            Ok(list.iter().find(same).map_or(0, &counter))
        };
        (total > 0).then(|| (association, total, before().map(|b| total.saturating_sub(b))))
    }
}
