//! The one place that correlates: a [`State`] indexes a snapshot once, a [`Tunnel`] is one VTI with everything that belongs to its mark or if_id.
//! It compares as the kernel compares, and decides nothing about faults.

#![deny(clippy::disallowed_methods)]

mod charon;
mod control;
mod order;
pub mod ownership;
mod policies;
mod state;
mod unsettled;

pub use control::Control;
pub use order::Group;
pub use ownership::MarkOrIfId;
pub use state::State;

use crate::snapshot::{
    Direction, Driver, IfId, Link, LinkKind, Observed, Policy, PolicyDirection, Sa,
};
use ownership::Asked;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// One VTI with its state. Results that are needed repeatedly are computed once.
pub struct Tunnel<'a> {
    /// The whole state.
    pub state: &'a State<'a>,
    /// The device.
    pub link: &'a Link,
    /// Its driver.
    pub driver: Driver,
    /// What selects its policies and SAs.
    pub mark_or_if_id: MarkOrIfId,
    own: OwnPolicies<'a>,
    peers: OnceCell<Observed<BTreeSet<IpAddr>>>,
    outbound: OnceCell<Observed<Vec<&'a Sa>>>,
}

/// The policies of a VTI; each direction is looked up when it is first needed.
#[derive(Default)]
struct OwnPolicies<'a> {
    outbound: OnceCell<Observed<Vec<&'a Policy>>>,
    inbound: OnceCell<Observed<Vec<&'a Policy>>>,
    forward: OnceCell<Observed<Vec<&'a Policy>>>,
}

impl State<'_> {
    /// All VTIs of the snapshot, in the order of their ifindex.
    pub fn tunnels(&self) -> Observed<Vec<Tunnel<'_>>> {
        let links = self.snapshot.links.as_ref().map_err(Clone::clone)?;
        Ok(links.iter().filter_map(|link| Tunnel::new(self, link)).collect())
    }
}

impl<'a> Tunnel<'a> {
    /// The tunnel of a link, if the link is a VTI.
    pub fn new(state: &'a State<'a>, link: &'a Link) -> Option<Self> {
        let mark_or_if_id = MarkOrIfId::of(&link.kind)?;
        let (own, peers, outbound) = Default::default();
        Some(Self { state, link, driver: link.driver()?, mark_or_if_id, own, peers, outbound })
    }

    /// Whether each packet brings its own if_id (collect_metadata, xfrm only).
    pub const fn collects_metadata(&self) -> bool {
        matches!(&self.link.kind, LinkKind::Xfrm(device) if device.collect_metadata)
    }

    /// Whether there is any SA of the interface, in either direction.
    pub fn has_sas(&self) -> Observed<bool> {
        let mark_or_if_id = self.mark_or_if_id;
        let is_marked = |direction| -> Observed<bool> {
            let Some(mark) = mark_or_if_id.mark(direction) else { return Ok(false) };
            let names =
                |a: &Sa| a.mark.mask != 0 && mark_or_if_id.names_sa(direction, a.if_id, a.mark);
            Ok(self.state.sas_with_mark(mark)?.iter().any(names))
        };
        Ok(match mark_or_if_id {
            MarkOrIfId::IfId(if_id) => !self.state.sas_with_if_id(if_id)?.is_empty(),
            MarkOrIfId::Mark { .. } => {
                is_marked(Direction::In)?
                    || is_marked(Direction::Out)?
                    || !self.outbound_sas()?.is_empty()
                    || !self.selected_sas(PolicyDirection::In)?.is_empty()
            }
        })
    }

    /// The if_id that outbound policies must have: 0 for vti and vti6.
    pub const fn if_id(&self) -> IfId {
        self.mark_or_if_id.if_id()
    }

    /// The mark with which the device looks up a flow: o_key for vti and vti6, the packet's own mark for xfrm.
    pub const fn lookup_mark(&self, packet: u32) -> u32 {
        match self.mark_or_if_id.mark(Direction::Out) {
            Some(own) => own,
            None => packet,
        }
    }

    /// The VRF in which the outer route is looked up: for vti and vti6 that of the device (`flowi_oif` is the device), for xfrm that of
    /// IFLA_XFRM_LINK.
    pub fn outer_vrf(&self) -> Observed<Option<&'a Link>> {
        match &self.link.kind {
            LinkKind::Xfrm(device) if device.link == 0 => Ok(None),
            LinkKind::Xfrm(device) => self.state.vrf_of(device.link),
            _ => self.state.vrf_of(self.link.ifindex),
        }
    }

    /// The interface's own policies of a direction, by priority. A socket's policy belongs to no interface.
    pub fn own_policies(&self, direction: PolicyDirection) -> Observed<&[&'a Policy]> {
        let found = match direction {
            PolicyDirection::Out => &self.own.outbound,
            PolicyDirection::In => &self.own.inbound,
            PolicyDirection::Forward => &self.own.forward,
            PolicyDirection::SocketIn | PolicyDirection::SocketOut => return Ok(&[]),
        };
        let found =
            found.get_or_init(|| self.state.own_policies(self.mark_or_if_id, direction)).as_ref();
        found.map(Vec::as_slice).map_err(Clone::clone)
    }

    /// How many policies and SAs its diagnosis goes through, and how many pairs of both: some may be those of other interfaces, too, which have the
    /// same mark and addresses.
    pub fn weight(&self) -> usize {
        let own = |direction| self.own_policies(direction).unwrap_or_default();
        let [out, inbound] = [PolicyDirection::Out, PolicyDirection::In].map(own);
        // As `selected_sas()` goes through them.
        let selected = [out, inbound].into_iter().flat_map(asked).map(|asked| {
            self.state.sas_to(asked.destination, asked.reqid).map_or(0, |chain| chain.len())
        });
        let sas = match (self.mark_or_if_id, &self.link.kind) {
            (MarkOrIfId::IfId(if_id), _) => self.state.sas_with_if_id(if_id).map_or(0, |g| g.len()),
            (MarkOrIfId::Mark { input, .. }, LinkKind::Vti(device) | LinkKind::Vti6(device)) => {
                let peers = || self.peers().into_iter().flatten();
                let to = |peer: &IpAddr| self.state.sas_to_address(*peer).map_or(0, |g| g.len());
                let from = |peer: &IpAddr| {
                    self.state.sas_between(*peer, device.local).map_or(0, |g| g.len())
                };
                // Without a mark `owns_inbound()` compares each with each.
                let each = if input == 0 { inbound.len().max(1) } else { 1 };
                let all = peers().map(|peer| to(peer).saturating_add(from(peer) * each));
                all.fold(0, usize::saturating_add)
            }
            _ => 0,
        };
        [out.len(), inbound.len()].into_iter().chain(selected).fold(sas, usize::saturating_add)
    }

    /// The SAs that a template of the interface's own policies selects, without larval ones.
    fn selected_sas(&self, direction: PolicyDirection) -> Observed<Vec<&'a Sa>> {
        let mut found = Vec::new();
        for asked in asked(self.own_policies(direction)?) {
            let chain = self.state.sas_to(asked.destination, asked.reqid)?;
            found.extend(chain.iter().filter(|sa| !sa.is_larval() && asked.selects(sa)));
        }
        Ok(found)
    }

    /// Whether the interface accepts packets from an SA, as `xfrm_input()` and the device's receive side compare it.
    pub fn admits_inbound(&self, sa: &Sa) -> bool {
        self.mark_or_if_id.admits_sa(Direction::In, sa.if_id, sa.mark)
    }

    /// Whether an inbound SA belongs to the interface: it has the interface's mark or if_id; or it has no mark, and a template of the interface's
    /// own policies selects it, or no template of any policy does.
    pub fn owns_inbound(&self, sa: &Sa) -> Observed<bool> {
        let named = self.mark_or_if_id.names_sa(Direction::In, sa.if_id, sa.mark);
        if named || !self.admits_inbound(sa) {
            return Ok(named);
        }
        let own = self.own_policies(PolicyDirection::In)?;
        let asks = |p: &&Policy| p.templates.iter().any(|t| Asked::of(p, t).selects(sa));
        Ok(own.iter().any(asks) || !self.state.is_wanted(PolicyDirection::In, sa)?)
    }

    /// The only address that a vti takes packets from, which need not be the source of the SA; none if it takes those of any, and of an xfrm
    /// interface, which is known by the SA alone.
    pub fn remote(&self) -> Option<IpAddr> {
        match &self.link.kind {
            LinkKind::Vti(keys) | LinkKind::Vti6(keys) => Some(keys.remote),
            _ => None,
        }
        .filter(|remote| !remote.is_unspecified())
    }

    /// The remote addresses in the interface's configuration and in the templates of its outbound policies, sorted.
    pub fn peers(&self) -> Observed<&BTreeSet<IpAddr>> {
        self.peers.get_or_init(|| self.find_peers()).as_ref().map_err(Clone::clone)
    }

    fn find_peers(&self) -> Observed<BTreeSet<IpAddr>> {
        let templates = self.own_policies(PolicyDirection::Out)?.iter().flat_map(|p| &p.templates);
        let named = templates.map(|t| t.destination).chain(self.remote());
        Ok(named.filter(|a| !a.is_unspecified()).collect())
    }

    /// The SAs that the interface uses to send: those to one of its peers that have its mark or if_id, and those that a template of its own
    /// policies selects.
    pub fn outbound_sas(&self) -> Observed<&[&'a Sa]> {
        let found = self.outbound.get_or_init(|| self.find_outbound_sas());
        found.as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    fn find_outbound_sas(&self) -> Observed<Vec<&'a Sa>> {
        let (state, mark_or_if_id, peers) = (self.state, self.mark_or_if_id, self.peers()?);
        let own =
            |a: &&Sa| !a.is_larval() && mark_or_if_id.names_sa(Direction::Out, a.if_id, a.mark);
        let mut found: Vec<&'a Sa> = match mark_or_if_id {
            MarkOrIfId::IfId(if_id) => {
                let list = state.sas_with_if_id(if_id)?;
                list.iter().filter(|a| peers.contains(&a.destination)).filter(own).collect()
            }
            MarkOrIfId::Mark { .. } => {
                let mut found = Vec::new();
                for peer in peers {
                    found.extend(state.sas_to_address(*peer)?.iter().filter(own));
                }
                found
            }
        };
        // Those that are not in the list yet; two templates may select the same SA.
        let is_found = |a: &Sa| own(&a) && peers.contains(&a.destination);
        let mut seen = HashSet::new();
        let selected = self.selected_sas(PolicyDirection::Out)?;
        let more =
            selected.into_iter().filter(|a| !is_found(a) && seen.insert(std::ptr::from_ref(*a)));
        found.extend(more);
        Ok(found)
    }

    /// Inbound SAs from one of the peers to one of `local`, with any mark or if_id.
    pub fn sas_from_peers(&self, local: &BTreeSet<IpAddr>) -> Observed<Vec<&'a Sa>> {
        let from = self.peers()?;
        let mut found = Vec::new();
        for to in local {
            for from in from {
                let list = self.state.sas_between(*from, *to)?;
                found.extend(list.iter().filter(|a| !a.is_larval()));
            }
        }
        Ok(found)
    }

    /// SAs to this host that have the interface's inbound mark or if_id, from any source.
    pub fn sas_with_inbound_mark_or_if_id(&self) -> Observed<Vec<&'a Sa>> {
        let list = match self.mark_or_if_id {
            MarkOrIfId::IfId(if_id) => self.state.sas_with_if_id(if_id)?,
            MarkOrIfId::Mark { input: 0, .. } => return Ok(Vec::new()),
            MarkOrIfId::Mark { input, .. } => self.state.sas_with_mark(input)?,
        };
        let mut found = Vec::new();
        for sa in list {
            let is_inbound = !self.state.local_addresses(sa.destination)?.is_empty();
            if is_inbound && !sa.is_larval() && self.admits_inbound(sa) {
                found.push(sa);
            }
        }
        Ok(found)
    }
}

/// What the templates of these policies require. Many policies may require the same SA.
fn asked(policies: &[&Policy]) -> BTreeSet<Asked> {
    policies.iter().flat_map(|p| p.templates.iter().map(|t| Asked::of(p, t))).collect()
}
