//! The one place that correlates: a [`State`] indexes a snapshot once, a [`Tunnel`] is one VTI with everything that belongs to its key.
//! It compares as the kernel compares, and decides nothing about faults.

#![deny(clippy::disallowed_methods)]

mod control;
mod state;

pub use control::Control;
pub use state::State;

use crate::snapshot::{Driver, IfId, Link, LinkKind, Observed, Policy, PolicyDirection, Sa};
use std::collections::BTreeSet;
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

/// What selects the policies and SAs of a VTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkOrIfId {
    /// vti, vti6: marks.
    Mark {
        /// i_key.
        input: u32,
        /// o_key.
        output: u32,
    },
    /// xfrm.
    IfId(IfId),
}

impl std::fmt::Display for MarkOrIfId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MarkOrIfId::Mark { input, output } if input == output => write!(f, "mark {output:#x}"),
            MarkOrIfId::Mark { input, output } => {
                write!(f, "output mark {output:#x}, input mark {input:#x}")
            }
            MarkOrIfId::IfId(if_id) => write!(f, "if_id {if_id}"),
        }
    }
}

impl<'a> Tunnel<'a> {
    /// The tunnel of a link, if the link is a VTI.
    pub fn new(state: &'a State<'a>, link: &'a Link) -> Option<Self> {
        let key = match &link.kind {
            LinkKind::Vti(keys) | LinkKind::Vti6(keys) => {
                MarkOrIfId::Mark { input: keys.input_mark, output: keys.output_mark }
            }
            LinkKind::Xfrm(device) => MarkOrIfId::IfId(device.if_id),
            _ => return None,
        };
        Some(Self { state, link, driver: link.driver()?, key })
    }

    /// The if_id comes with each packet instead of the device (xfrm only).
    pub const fn collects_metadata(&self) -> bool {
        matches!(&self.link.kind, LinkKind::Xfrm(device) if device.collect_metadata)
    }

    /// Whether any SA carries the interface's key, in either direction.
    pub fn has_sas(&self) -> Observed<bool> {
        let index = self.state.sas.as_ref().map_err(Clone::clone)?;
        let with_mark = |mark: u32| {
            index
                .by_mark
                .get(&mark)
                .into_iter()
                .flatten()
                .any(|a| a.mark.mask != 0 && a.mark.admits(mark))
        };
        Ok(match self.key {
            MarkOrIfId::IfId(if_id) => {
                index.by_if_id.get(&if_id).is_some_and(|list| !list.is_empty())
            }
            MarkOrIfId::Mark { input, output } => {
                with_mark(input) || with_mark(output) || !self.outbound_sas()?.is_empty()
            }
        })
    }

    /// The if_id that outbound policies must have: 0 for vti and vti6.
    pub const fn if_id(&self) -> IfId {
        match self.key {
            MarkOrIfId::Mark { .. } => IfId(0),
            MarkOrIfId::IfId(if_id) => if_id,
        }
    }

    /// The mark under which the device looks up a flow: o_key for vti and vti6, the packet's own for xfrm.
    pub const fn lookup_mark(&self, packet: u32) -> u32 {
        match self.key {
            MarkOrIfId::Mark { output, .. } => output,
            MarkOrIfId::IfId(_) => packet,
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

    /// Policies that carry the interface's key. For marks: those that admit the key and ask for at least one bit of it, since a policy
    /// without a mark belongs to everybody.
    pub fn own_policies(&self, direction: PolicyDirection) -> Observed<Vec<&'a Policy>> {
        match self.key {
            MarkOrIfId::IfId(if_id) => {
                // Any mark: a policy that also wants a packet mark is still this interface's.
                let index = self.state.policies.as_ref().map_err(Clone::clone)?;
                Ok(index.by_if_id.get(&(direction, if_id)).cloned().unwrap_or_default())
            }
            MarkOrIfId::Mark { input, output } => {
                let mark = if direction == PolicyDirection::Out { output } else { input };
                let all = self.state.policies(direction, IfId(0), mark, None, None)?;
                Ok(all.into_iter().filter(|p| p.mark.mask != 0 || mark == 0).collect())
            }
        }
    }

    /// Whether an SA carries the interface's inbound key, as `xfrm_input()` and the device's receive side compare it.
    pub fn admits_inbound(&self, sa: &Sa) -> bool {
        match self.key {
            MarkOrIfId::IfId(if_id) => sa.if_id == if_id,
            MarkOrIfId::Mark { input, .. } => input & sa.mark.mask == sa.mark.value,
        }
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

    /// SAs that go out to one of the peers with the interface's key.
    pub fn outbound_sas(&self) -> Observed<Vec<&'a Sa>> {
        let index = self.state.sas.as_ref().map_err(Clone::clone)?;
        let peers = self.peers()?;
        let mut found: Vec<_> = match self.key {
            MarkOrIfId::IfId(if_id) => {
                index.by_if_id.get(&if_id).into_iter().flatten().copied().collect()
            }
            MarkOrIfId::Mark { output, .. } => {
                let lists = peers.iter().filter_map(|peer| index.by_destination.get(peer));
                let own = |a: &&Sa| {
                    output & a.mark.mask == a.mark.value && (a.mark.mask != 0 || output == 0)
                };
                lists.flatten().copied().filter(own).collect()
            }
        };
        found.retain(|a| !a.is_larval() && peers.contains(&a.destination));
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
