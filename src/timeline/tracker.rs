//! Which SAs and policies each VTI has, kept up to date by the kernel's messages. It counts what could carry a packet: the marks and if_ids are
//! compared as the kernel does. Whether a certain packet is sent is decided by the transmit model, not here.

use super::tracked::{Effect, KnownSa, Peer, Readiness, SaId, Selecting, Vti};
use crate::snapshot::notification::Notification;
use crate::snapshot::{
    Address, Direction, Link, LinkKind, Observed, Policy, PolicyDirection, RouteQuery, Sa, Snapshot,
};
use crate::tunnel::MarkOrIfId;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// SAs, policies and local addresses of the host, and how many of the first two each VTI has in each direction.
pub struct Tracker {
    vtis: BTreeMap<u32, Vti>,
    sas: BTreeMap<SaId, KnownSa>,
    /// By policy index and whether it is a sub policy.
    policies: BTreeMap<(u32, bool), (Direction, Selecting)>,
    /// Peers of all VTIs, including some former ones.
    peers: BTreeSet<IpAddr>,
    /// Address and interface.
    local: BTreeSet<(IpAddr, u32)>,
    /// VRF devices, and the master of each link that has one.
    vrfs: BTreeSet<u32>,
    masters: BTreeMap<u32, u32>,
}

const BOTH: [Direction; 2] = [Direction::Out, Direction::In];

impl Tracker {
    /// The state of a snapshot.
    ///
    /// # Errors
    /// SAs, policies, links or addresses could not be read: all of them are needed.
    pub fn new(snapshot: &Snapshot) -> Observed<Self> {
        let mut tracker = Self {
            vtis: BTreeMap::new(),
            sas: BTreeMap::new(),
            policies: BTreeMap::new(),
            peers: BTreeSet::new(),
            local: BTreeSet::new(),
            vrfs: BTreeSet::new(),
            masters: BTreeMap::new(),
        };
        for address in snapshot.addresses.as_ref().map_err(Clone::clone)? {
            tracker.local.insert((address.prefix.addr(), address.ifindex));
        }
        for sa in snapshot.sas.as_ref().map_err(Clone::clone)? {
            tracker.add_sa(sa);
        }
        for policy in snapshot.policies.as_ref().map_err(Clone::clone)? {
            tracker.add_policy(policy);
        }
        let links = snapshot.links.as_ref().map_err(Clone::clone)?;
        for link in links {
            tracker.add_master(link);
        }
        for link in links {
            tracker.add_link(link);
        }
        Ok(tracker)
    }

    /// What the VTI has to send, or to receive; none if the link is no VTI.
    pub fn readiness(&self, ifindex: u32, direction: Direction) -> Option<Readiness> {
        self.vtis.get(&ifindex).map(|vti| vti.state(direction))
    }

    /// The questions for the outer routes to the peers that `concerns` selects, each with its VTIs.
    pub fn outer_queries(
        &self,
        concerns: impl Fn(IpAddr) -> bool,
    ) -> BTreeMap<RouteQuery, BTreeSet<u32>> {
        let mut queries: BTreeMap<RouteQuery, BTreeSet<u32>> = BTreeMap::new();
        for (ifindex, vti) in &self.vtis {
            for peer in vti.peers.values().filter(|peer| concerns(peer.query.destination)) {
                queries.entry(peer.query.clone()).or_default().insert(*ifindex);
            }
        }
        queries
    }

    /// Whether the address of a peer is in `prefix`.
    pub fn has_peer_in(&self, prefix: &IpNet) -> bool {
        self.peers.range(prefix.network()..=prefix.broadcast()).next().is_some()
    }

    /// The VTIs with such a peer.
    pub fn with_peer_in(&self, prefix: &IpNet) -> BTreeSet<u32> {
        let has = |vti: &Vti| vti.peers.keys().any(|peer| prefix.contains(peer));
        self.vtis.iter().filter(|(_, vti)| has(vti)).map(|(ifindex, _)| *ifindex).collect()
    }

    /// Applies a change. Returns the VTIs that it concerns, each with what it has now.
    pub fn apply(&mut self, change: &Notification) -> Vec<Effect> {
        match change {
            Notification::SaAdded(sa) | Notification::SaUpdated(sa) => self.add_sa(sa),
            Notification::SaDeleted(gone) | Notification::SaExpired(gone) => {
                match self.sas.remove(&id(gone)) {
                    Some(known) => {
                        let peer = known.peer(gone.destination);
                        self.count(known.direction, known.selecting, Some(peer), |s| {
                            s.sas = s.sas.saturating_sub(1);
                        })
                    }
                    None => Vec::new(),
                }
            }
            Notification::SasFlushed(protocol) => {
                let all = matches!(protocol, 0 | 255);
                self.sas.retain(|(_, of, _), _| !all && of != protocol);
                self.recount()
            }
            Notification::PolicyAdded(policy) => self.add_policy(policy),
            Notification::PolicyDeleted(policy) => match self.policies.remove(&index(policy)) {
                Some((direction, gone)) => self.count(direction, gone, None, |s| {
                    s.policies = s.policies.saturating_sub(1);
                }),
                None => Vec::new(),
            },
            Notification::PoliciesFlushed => {
                self.policies.clear();
                self.recount()
            }
            Notification::LinkChanged(link) => self.add_link(link),
            Notification::LinkDeleted { ifindex, .. } => {
                self.vtis.remove(ifindex);
                Vec::new()
            }
            Notification::AddressAdded(Address { ifindex, prefix, .. }) => {
                self.local.insert((prefix.addr(), *ifindex));
                Vec::new()
            }
            Notification::AddressDeleted(Address { ifindex, prefix, .. }) => {
                self.local.remove(&(prefix.addr(), *ifindex));
                Vec::new()
            }
            Notification::RouteAdded(_) | Notification::RouteDeleted(_) => Vec::new(),
        }
    }

    /// The direction of an SA: kernels that do not know it leave it to the destination, an address of this host or not.
    fn direction(&self, sa: &Sa) -> Direction {
        let to = sa.destination;
        sa.direction.unwrap_or_else(|| {
            let is_local = self.local.range((to, 0)..=(to, u32::MAX)).next().is_some();
            if is_local { Direction::In } else { Direction::Out }
        })
    }

    /// The VTIs that take what a known inbound SA decrypts; none of an outbound SA.
    pub(super) fn receivers(&self, sa: &SaId) -> Vec<u32> {
        let known = self.sas.get(sa).filter(|sa| sa.direction == Direction::In);
        let Some(known) = known else { return Vec::new() };
        let takes = |vti: &Vti| vti.has_sa(known.direction, known.selecting, known.source);
        self.vtis.iter().filter(|(_, vti)| takes(vti)).map(|(ifindex, _)| *ifindex).collect()
    }

    fn add_sa(&mut self, sa: &Sa) -> Vec<Effect> {
        let (to, direction) = (sa.destination, self.direction(sa));
        if sa.is_larval() {
            return Vec::new();
        }
        let selecting = Selecting { if_id: sa.if_id, mark: sa.mark };
        let Sa { source, reqid, set_mark, .. } = *sa;
        let kept = KnownSa { direction, source, reqid, set_mark, selecting };
        let peer = kept.peer(to);
        if direction == Direction::Out {
            let is_of = |vti: &&mut Vti| vti.has_sa(direction, selecting, peer);
            for vti in self.vtis.values_mut().filter(is_of) {
                vti.remember(to, &kept);
                self.peers.insert(to);
            }
        }
        if self.sas.insert(id(sa), kept).is_some() {
            return Vec::new();
        }
        let effects = self.count(direction, selecting, Some(peer), |state| state.sas += 1);
        let is_missed = effects.is_empty() && direction == Direction::Out;
        if is_missed { self.missed_by(sa) } else { effects }
    }

    /// The VTIs without an SA whose last SA was like this one except for the mark or if_id. This SA, which belongs to no VTI, replaced theirs.
    fn missed_by(&self, sa: &Sa) -> Vec<Effect> {
        let is_like = |peer: &Peer| peer.reqid == sa.reqid && peer.query.source == Some(sa.source);
        let misses =
            |vti: &Vti| vti.out.sas == 0 && vti.peers.get(&sa.destination).is_some_and(is_like);
        let missing = self.vtis.iter().filter(|(_, vti)| misses(vti));
        missing.map(|(ifindex, vti)| vti.effect(*ifindex, Direction::Out)).collect()
    }

    fn add_policy(&mut self, policy: &Policy) -> Vec<Effect> {
        let direction = match policy.direction {
            PolicyDirection::Out => Direction::Out,
            PolicyDirection::In => Direction::In,
            _ => return Vec::new(),
        };
        let selecting = Selecting { if_id: policy.if_id, mark: policy.mark };
        // A policy without a mark belongs to all interfaces, not to the VTI.
        if self.policies.insert(index(policy), (direction, selecting)).is_some() {
            return Vec::new();
        }
        self.count(direction, selecting, None, |state| state.policies += 1)
    }

    /// A new or changed link; the effects if it is a new VTI, or a VTI with another mark or if_id.
    fn add_link(&mut self, link: &Link) -> Vec<Effect> {
        let Some(mark_or_if_id) = MarkOrIfId::of(&link.kind) else { return Vec::new() };
        let remote = match &link.kind {
            LinkKind::Vti(keys) | LinkKind::Vti6(keys) => {
                Some(keys.remote).filter(|remote| !remote.is_unspecified())
            }
            _ => None,
        };
        if link.is_fallback_device() {
            return Vec::new();
        }
        self.add_master(link);
        let from = match &link.kind {
            LinkKind::Xfrm(device) => device.link,
            _ => link.ifindex,
        };
        let outer_vrf = self.masters.get(&from).copied().filter(|m| self.vrfs.contains(m));
        let known = self.vtis.get(&link.ifindex);
        if known.is_some_and(|v| {
            v.mark_or_if_id == mark_or_if_id && v.remote == remote && v.outer_vrf == outer_vrf
        }) {
            return Vec::new();
        }
        let mut vti = Vti {
            mark_or_if_id,
            remote,
            outer_vrf,
            out: Readiness::default(),
            inbound: Readiness::default(),
            peers: BTreeMap::new(),
        };
        vti.count(&self.sas, &self.policies);
        let effects = BOTH.map(|direction| vti.effect(link.ifindex, direction));
        self.peers.extend(vti.peers.keys());
        self.vtis.insert(link.ifindex, vti);
        effects.to_vec()
    }

    fn add_master(&mut self, link: &Link) {
        if matches!(link.kind, LinkKind::Vrf { .. }) {
            self.vrfs.insert(link.ifindex);
        }
        match link.master {
            Some(master) => self.masters.insert(link.ifindex, master),
            None => self.masters.remove(&link.ifindex),
        };
    }

    /// Changes the counts of the VTIs to which the changed SA (of this peer) or policy belongs.
    fn count(
        &mut self,
        direction: Direction,
        selecting: Selecting,
        peer: Option<IpAddr>,
        change: impl Fn(&mut Readiness),
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (ifindex, vti) in &mut self.vtis {
            let is_of = match peer {
                Some(peer) => vti.has_sa(direction, selecting, peer),
                None => vti.has_policy(direction, selecting),
            };
            if is_of {
                change(match direction {
                    Direction::Out => &mut vti.out,
                    Direction::In => &mut vti.inbound,
                });
                effects.push(vti.effect(*ifindex, direction));
            }
        }
        effects
    }

    /// Counts everything again, after a flush.
    fn recount(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (ifindex, vti) in &mut self.vtis {
            let before = BOTH.map(|direction| vti.effect(*ifindex, direction));
            vti.count(&self.sas, &self.policies);
            let after = BOTH.map(|direction| vti.effect(*ifindex, direction));
            effects.extend(after.into_iter().filter(|effect| !before.contains(effect)));
        }
        effects
    }
}

pub(super) fn id(sa: &Sa) -> SaId {
    (sa.destination, sa.protocol, sa.spi)
}

fn index(policy: &Policy) -> (u32, bool) {
    (policy.index, policy.policy_type == crate::snapshot::PolicyType::Sub)
}
