//! The one place that correlates: a [`State`] indexes a snapshot once, a [`Tunnel`] is one VTI with everything that belongs to its key.
//! It compares as the kernel compares, and decides nothing about faults.

#![deny(clippy::disallowed_methods)]

mod control;
pub mod ownership;
mod state;

pub use control::Control;
pub use ownership::MarkOrIfId;
pub use state::State;

use crate::snapshot::{
    Direction, Driver, IfId, Link, LinkKind, Observed, Policy, PolicyDirection, Sa,
};
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// One VTI and the state it works in.
#[derive(Clone, Copy)]
pub struct Tunnel<'a> {
    /// The whole state.
    pub state: &'a State<'a>,
    /// The device.
    pub link: &'a Link,
    /// Its driver.
    pub driver: Driver,
    /// What selects its policies and SAs.
    pub key: MarkOrIfId,
}

impl<'a> Tunnel<'a> {
    /// The tunnel of a link, if the link is a VTI.
    pub fn new(state: &'a State<'a>, link: &'a Link) -> Option<Self> {
        let key = MarkOrIfId::of(&link.kind)?;
        Some(Self { state, link, driver: link.driver()?, key })
    }

    /// The if_id comes with each packet instead of the device (xfrm only).
    pub const fn collects_metadata(&self) -> bool {
        matches!(&self.link.kind, LinkKind::Xfrm(device) if device.collect_metadata)
    }

    /// Whether there is any SA of the interface, in either direction.
    pub fn has_sas(&self) -> Observed<bool> {
        let index = self.state.sas.as_ref().map_err(Clone::clone)?;
        let key = self.key;
        let is_marked = |direction| {
            let list = key.mark(direction).and_then(|mark| index.by_mark.get(&mark));
            let names = |a: &&Sa| a.mark.mask != 0 && key.names_sa(direction, a.if_id, a.mark);
            list.into_iter().flatten().any(names)
        };
        Ok(match key {
            MarkOrIfId::IfId(if_id) => {
                index.by_if_id.get(&if_id).is_some_and(|list| !list.is_empty())
            }
            MarkOrIfId::Mark { .. } => {
                is_marked(Direction::In)
                    || is_marked(Direction::Out)
                    || !self.outbound_sas()?.is_empty()
                    || !self.selected_sas(PolicyDirection::In)?.is_empty()
            }
        })
    }

    /// The if_id that outbound policies must have: 0 for vti and vti6.
    pub const fn if_id(&self) -> IfId {
        self.key.if_id()
    }

    /// The mark under which the device looks up a flow: o_key for vti and vti6, the packet's own for xfrm.
    pub const fn lookup_mark(&self, packet: u32) -> u32 {
        match self.key.mark(Direction::Out) {
            Some(own) => own,
            None => packet,
        }
    }

    /// The VRF that the outer route is looked up in: that of the device for vti and vti6 (`flowi_oif` is the device), that of
    /// IFLA_XFRM_LINK for xfrm.
    pub fn outer_vrf(&self) -> Observed<Option<&'a Link>> {
        match &self.link.kind {
            LinkKind::Xfrm(device) if device.link == 0 => Ok(None),
            LinkKind::Xfrm(device) => self.state.vrf_of(device.link),
            _ => self.state.vrf_of(self.link.ifindex),
        }
    }

    /// The interface's own policies of a direction, by priority.
    pub fn own_policies(&self, direction: PolicyDirection) -> Observed<Vec<&'a Policy>> {
        let mut found = match self.key {
            MarkOrIfId::IfId(if_id) => {
                let index = self.state.policies.as_ref().map_err(Clone::clone)?;
                index.by_if_id.get(&(direction, if_id)).cloned().unwrap_or_default()
            }
            MarkOrIfId::Mark { input, output } => {
                let mark = if direction == PolicyDirection::Out { output } else { input };
                self.state.policies(direction, IfId(0), mark, None, None)?
            }
        };
        found.retain(|p| self.key.owns_policy(direction, p.if_id, p.mark));
        Ok(found)
    }

    /// The SAs that a template of the interface's own policies selects, larval ones left out.
    fn selected_sas(&self, direction: PolicyDirection) -> Observed<Vec<&'a Sa>> {
        let mut found = Vec::new();
        for policy in self.own_policies(direction)? {
            for template in &policy.templates {
                let chain = self.state.sas_to(template.destination, template.reqid)?;
                let selected = |a: &&Sa| !a.is_larval() && ownership::selects(policy, template, a);
                found.extend(chain.iter().copied().filter(selected));
            }
        }
        Ok(found)
    }

    /// Whether the interface may receive through an SA, as `xfrm_input()` and the device's receive side compare it.
    pub fn admits_inbound(&self, sa: &Sa) -> bool {
        self.key.admits_sa(Direction::In, sa.if_id, sa.mark)
    }

    /// Whether an inbound SA is the interface's: it carries its mark or if_id, or has no mark and is asked for by a template of the
    /// interface's own policies, or by nobody's.
    pub fn owns_inbound(&self, sa: &Sa) -> Observed<bool> {
        let named = self.key.names_sa(Direction::In, sa.if_id, sa.mark);
        if named || !self.admits_inbound(sa) {
            return Ok(named);
        }
        let selected = self.selected_sas(PolicyDirection::In)?;
        Ok(selected.iter().any(|a| std::ptr::eq(*a, sa))
            || !self.state.is_wanted(PolicyDirection::In, sa)?)
    }

    /// The remote addresses that the interface's configuration, outbound policies and their templates name, sorted.
    pub fn peers(&self) -> Observed<BTreeSet<IpAddr>> {
        let templates =
            self.own_policies(PolicyDirection::Out)?.into_iter().flat_map(|p| &p.templates);
        let configured = match &self.link.kind {
            LinkKind::Vti(keys) | LinkKind::Vti6(keys) => Some(keys.remote),
            _ => None,
        };
        let named = templates.map(|t| t.destination).chain(configured);
        Ok(named.filter(|a| !a.is_unspecified()).collect())
    }

    /// The SAs that the interface sends with: those to one of its peers that carry its mark or if_id, and those that a template of its own
    /// policies selects.
    pub fn outbound_sas(&self) -> Observed<Vec<&'a Sa>> {
        let index = self.state.sas.as_ref().map_err(Clone::clone)?;
        let peers = self.peers()?;
        let mut found: Vec<&'a Sa> = match self.key {
            MarkOrIfId::IfId(if_id) => {
                let list = index.by_if_id.get(&if_id).into_iter().flatten().copied();
                list.filter(|a| peers.contains(&a.destination)).collect()
            }
            MarkOrIfId::Mark { .. } => {
                let lists = peers.iter().filter_map(|peer| index.by_destination.get(peer));
                lists.flatten().copied().collect()
            }
        };
        found.retain(|a| !a.is_larval() && self.key.names_sa(Direction::Out, a.if_id, a.mark));
        let mut seen: HashSet<*const Sa> = found.iter().copied().map(std::ptr::from_ref).collect();
        let selected = self.selected_sas(PolicyDirection::Out)?;
        found.extend(selected.into_iter().filter(|a| seen.insert(std::ptr::from_ref(*a))));
        Ok(found)
    }

    /// SAs that come in from one of the peers to one of `local`, whatever their key.
    pub fn sas_from_peers(&self, local: &BTreeSet<IpAddr>) -> Observed<Vec<&'a Sa>> {
        let index = self.state.sas.as_ref().map_err(Clone::clone)?;
        let from = self.peers()?;
        let pairs = local.iter().flat_map(|to| from.iter().map(|from| (*from, *to)));
        let lists = pairs.filter_map(|pair| index.by_addresses.get(&pair));
        Ok(lists.flatten().copied().filter(|a| !a.is_larval()).collect())
    }

    /// SAs to this host that carry the interface's inbound key, from wherever they come.
    pub fn sas_with_inbound_mark_or_if_id(&self) -> Observed<Vec<&'a Sa>> {
        let index = self.state.sas.as_ref().map_err(Clone::clone)?;
        let list = match self.key {
            MarkOrIfId::IfId(if_id) => index.by_if_id.get(&if_id),
            MarkOrIfId::Mark { input: 0, .. } => None,
            MarkOrIfId::Mark { input, .. } => index.by_mark.get(&input),
        };
        let mut found = Vec::new();
        for sa in list.into_iter().flatten().copied() {
            let is_inbound = !self.state.local_addresses(sa.destination)?.is_empty();
            if is_inbound && !sa.is_larval() && self.admits_inbound(sa) {
                found.push(sa);
            }
        }
        Ok(found)
    }
}
