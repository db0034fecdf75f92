//! Which SAs and policies each VTI has, kept up to date by the kernel's messages. It counts what could carry a packet, compared as the
//! kernel compares keys; whether a certain packet is carried is the transmit model's question, not asked here.

use crate::snapshot::notification::Notification;
use crate::snapshot::{
    Address, Direction, IfId, Link, LinkKind, Mark, Observed, Policy, PolicyDirection, ReqId,
    RouteQuery, Sa, Snapshot, Spi,
};
use crate::tunnel::MarkOrIfId;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// SAs, outbound policies and local addresses of the host, and how many of the first two each VTI has.
pub struct Tracker {
    vtis: BTreeMap<u32, Vti>,
    sas: BTreeMap<SaId, KnownSa>,
    /// By policy index and whether it is a sub policy.
    policies: BTreeMap<(u32, bool), Selecting>,
    /// Peers of all VTIs, and some that were.
    peers: BTreeSet<IpAddr>,
    /// Address and interface.
    local: BTreeSet<(IpAddr, u32)>,
    /// VRF devices, and the master of each link that has one.
    vrfs: BTreeSet<u32>,
    masters: BTreeMap<u32, u32>,
}

/// What one VTI has.
struct Vti {
    mark_or_if_id: MarkOrIfId,
    remote: Option<IpAddr>,
    /// Of the link that its outer routes are looked up from.
    outer_vrf: Option<u32>,
    state: Readiness,
    peers: BTreeMap<IpAddr, Peer>,
}

/// A peer of a VTI, as its last SA had it.
struct Peer {
    /// How the outer route is asked for.
    query: RouteQuery,
    reqid: ReqId,
}

/// How many SAs and policies a VTI could send with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Outbound SAs with its mark or if_id.
    pub sas: usize,
    /// Outbound policies with its mark or if_id.
    pub policies: usize,
}

impl Readiness {
    /// It has both.
    pub const fn is_ready(self) -> bool {
        self.sas > 0 && self.policies > 0
    }
}

/// What a notification changed for one VTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The VTI.
    pub ifindex: u32,
    /// What it has now.
    pub readiness: Readiness,
}

/// At most so many peers of one VTI are kept: a remote-access interface has many.
const MOST_PEERS: usize = 8;

type SaId = (IpAddr, u8, Spi);

struct KnownSa {
    source: IpAddr,
    reqid: ReqId,
    set_mark: Mark,
    selecting: Selecting,
}

/// What ties an SA or a policy to an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Selecting {
    if_id: IfId,
    mark: Mark,
}

impl Tracker {
    /// The state of a snapshot.
    ///
    /// # Errors
    /// What is missing of SAs, policies, links and addresses: without them nothing can be followed.
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

    /// What the VTI has; none for a link that is no VTI.
    pub fn readiness(&self, ifindex: u32) -> Option<Readiness> {
        self.vtis.get(&ifindex).map(|vti| vti.state)
    }

    /// The questions for the outer routes of the VTIs whose peers `concerns` picks.
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

    /// Takes a change in. Gives the VTIs it matters to, each with what it has now.
    pub fn apply(&mut self, change: &Notification) -> Vec<Effect> {
        match change {
            Notification::SaAdded(sa) => self.add_sa(sa),
            Notification::SaDeleted(gone) | Notification::SaExpired(gone) => {
                match self.sas.remove(&id(gone)) {
                    Some(gone_now) => self.count(gone_now.selecting, Some(gone.destination), |s| {
                        s.sas = s.sas.saturating_sub(1);
                    }),
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
                Some(gone) => self.count(gone, None, |s| s.policies = s.policies.saturating_sub(1)),
                None => Vec::new(),
            },
            Notification::PoliciesFlushed => {
                self.policies.clear();
                self.recount()
            }
            Notification::LinkChanged(link) => self.add_link(link).into_iter().collect(),
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

    fn add_sa(&mut self, sa: &Sa) -> Vec<Effect> {
        let to = sa.destination;
        let is_outbound = match sa.direction {
            Some(direction) => direction == Direction::Out,
            None => self.local.range((to, 0)..=(to, u32::MAX)).next().is_none(),
        };
        if sa.is_larval() || !is_outbound {
            return Vec::new();
        }
        let selecting = Selecting { if_id: sa.if_id, mark: sa.mark };
        let Sa { source, reqid, set_mark, .. } = *sa;
        let kept = KnownSa { source, reqid, set_mark, selecting };
        for vti in self.vtis.values_mut().filter(|vti| vti.has_sa(selecting, to)) {
            vti.remember(to, &kept);
            self.peers.insert(to);
        }
        if self.sas.insert(id(sa), kept).is_some() {
            return Vec::new();
        }
        let effects = self.count(selecting, Some(to), |state| state.sas += 1);
        if effects.is_empty() { self.missed_by(sa) } else { effects }
    }

    /// The VTIs without an SA that had one like this but for a mark or if_id, which no VTI has: it is there in place of theirs.
    fn missed_by(&self, sa: &Sa) -> Vec<Effect> {
        let is_like = |peer: &Peer| peer.reqid == sa.reqid && peer.query.source == Some(sa.source);
        let misses =
            |vti: &Vti| vti.state.sas == 0 && vti.peers.get(&sa.destination).is_some_and(is_like);
        let missing = self.vtis.iter().filter(|(_, vti)| misses(vti));
        missing.map(|(ifindex, vti)| Effect { ifindex: *ifindex, readiness: vti.state }).collect()
    }

    fn add_policy(&mut self, policy: &Policy) -> Vec<Effect> {
        if policy.direction != PolicyDirection::Out {
            return Vec::new();
        }
        let selecting = Selecting { if_id: policy.if_id, mark: policy.mark };
        // A policy without a mark belongs to everybody, not to the VTI.
        if self.policies.insert(index(policy), selecting).is_some() {
            return Vec::new();
        }
        self.count(selecting, None, |state| state.policies += 1)
    }

    /// A link that is new, or changed; the effect where it is a new VTI, or one with another mark or if_id.
    fn add_link(&mut self, link: &Link) -> Option<Effect> {
        let mark_or_if_id = MarkOrIfId::of(&link.kind)?;
        let remote = match &link.kind {
            LinkKind::Vti(keys) | LinkKind::Vti6(keys) => {
                Some(keys.remote).filter(|remote| !remote.is_unspecified())
            }
            _ => None,
        };
        if link.is_fallback_device() {
            return None;
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
            return None;
        }
        let mut vti = Vti {
            mark_or_if_id,
            remote,
            outer_vrf,
            state: Readiness::default(),
            peers: BTreeMap::new(),
        };
        vti.count(&self.sas, &self.policies);
        let readiness = vti.state;
        self.peers.extend(vti.peers.keys());
        self.vtis.insert(link.ifindex, vti);
        Some(Effect { ifindex: link.ifindex, readiness })
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

    /// Changes the counts of the VTIs that select what changed.
    fn count(
        &mut self,
        selecting: Selecting,
        destination: Option<IpAddr>,
        change: impl Fn(&mut Readiness),
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (ifindex, vti) in &mut self.vtis {
            let is_of = match destination {
                Some(destination) => vti.has_sa(selecting, destination),
                None => vti.has_policy(selecting),
            };
            if is_of {
                change(&mut vti.state);
                effects.push(Effect { ifindex: *ifindex, readiness: vti.state });
            }
        }
        effects
    }

    /// Counts all anew, after a flush.
    fn recount(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (ifindex, vti) in &mut self.vtis {
            let before = vti.state;
            vti.count(&self.sas, &self.policies);
            if vti.state != before {
                effects.push(Effect { ifindex: *ifindex, readiness: vti.state });
            }
        }
        effects
    }
}

impl Vti {
    fn has_sa(&self, selecting: Selecting, destination: IpAddr) -> bool {
        let Selecting { if_id, mark } = selecting;
        self.mark_or_if_id.admits_sa(Direction::Out, if_id, mark)
            && self.remote.is_none_or(|remote| remote == destination)
    }

    fn has_policy(&self, selecting: Selecting) -> bool {
        self.mark_or_if_id.owns_policy(PolicyDirection::Out, selecting.if_id, selecting.mark)
    }

    fn count(
        &mut self,
        sas: &BTreeMap<SaId, KnownSa>,
        policies: &BTreeMap<(u32, bool), Selecting>,
    ) {
        let mut state = Readiness::default();
        for ((destination, ..), sa) in sas {
            if self.has_sa(sa.selecting, *destination) {
                state.sas += 1;
                self.remember(*destination, sa);
            }
        }
        state.policies = policies.values().filter(|policy| self.has_policy(**policy)).count();
        self.state = state;
    }

    /// Keeps how the kernel is asked for the outer route to `peer`, also for when its SA is gone.
    fn remember(&mut self, peer: IpAddr, sa: &KnownSa) {
        if self.peers.len() >= MOST_PEERS && !self.peers.contains_key(&peer) {
            self.peers.pop_first();
        }
        let flow_mark = self.mark_or_if_id.mark(Direction::Out).unwrap_or(0);
        let KnownSa { source, reqid, set_mark, .. } = *sa;
        let query =
            Snapshot::outer_query_between(source, peer, set_mark, self.outer_vrf, flow_mark);
        self.peers.insert(peer, Peer { query, reqid });
    }
}

fn id(sa: &Sa) -> SaId {
    (sa.destination, sa.protocol, sa.spi)
}

fn index(policy: &Policy) -> (u32, bool) {
    (policy.index, policy.policy_type == crate::snapshot::PolicyType::Sub)
}
