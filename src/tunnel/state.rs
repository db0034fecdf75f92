//! A snapshot with indices, so that the lookups of one tunnel do not depend on the number of tunnels. It compares as the kernel compares.

use super::{Tunnel, ownership};
use crate::snapshot::{
    Address, Family, IfId, Link, LinkKind, Missing, Neighbour, Observed, Policy, PolicyDirection,
    PolicyType, ReqId, Route, RouteAnswer, RouteQuery, Sa, Snapshot, Source,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

/// A snapshot with the indices that make one tunnel's lookups independent of the number of tunnels.
pub struct State<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    pub(super) policies: Observed<PolicyIndex<'a>>,
    pub(super) sas: Observed<SaIndex<'a>>,
    pub(super) routes: Observed<HashMap<u32, Vec<&'a Route>>>,
    pub(super) lookups: Observed<HashMap<&'a RouteQuery, &'a RouteAnswer>>,
    pub(super) links: Observed<HashMap<u32, &'a Link>>,
    pub(super) local: Observed<HashMap<IpAddr, Vec<&'a Address>>>,
    pub(super) addresses: Observed<HashMap<u32, Vec<&'a Address>>>,
    pub(super) neighbours: Observed<HashMap<(u32, IpAddr), &'a Neighbour>>,
}

/// Policies by direction and key, each list in the order of priority.
pub(super) struct PolicyIndex<'a> {
    pub(super) by_if_id: HashMap<(PolicyDirection, IfId), Vec<&'a Policy>>,
    /// Policies without an if_id, by mask and then by value, as `(mark & m) == v` needs them.
    pub(super) by_mark: HashMap<PolicyDirection, HashMap<u32, HashMap<u32, Vec<&'a Policy>>>>,
    /// What the templates of policies ask for, to tell whose SA one is.
    pub(super) wanted: HashMap<(PolicyDirection, IfId, ReqId, IpAddr), Vec<&'a Policy>>,
}

pub(super) struct SaIndex<'a> {
    pub(super) by_destination_and_reqid: HashMap<(IpAddr, ReqId), Vec<&'a Sa>>,
    pub(super) by_destination: HashMap<IpAddr, Vec<&'a Sa>>,
    pub(super) by_reqid: HashMap<ReqId, Vec<&'a Sa>>,
    pub(super) by_if_id: HashMap<IfId, Vec<&'a Sa>>,
    pub(super) by_mark: HashMap<u32, Vec<&'a Sa>>,
    pub(super) by_addresses: HashMap<(IpAddr, IpAddr), Vec<&'a Sa>>,
}

impl<'a> State<'a> {
    /// Indexes a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        fn seen<T>(value: &Observed<T>) -> Observed<&T> {
            value.as_ref().map_err(Clone::clone)
        }
        Self {
            snapshot,
            policies: seen(&snapshot.policies).map(|list| PolicyIndex::new(list)),
            sas: seen(&snapshot.sas).map(|list| SaIndex::new(list)),
            routes: seen(&snapshot.routes).map(|list| grouped(list.iter(), |r| r.oif)),
            lookups: seen(&snapshot.route_lookups)
                .map(|list| list.iter().map(|l| (&l.query, &l.answer)).collect()),
            links: seen(&snapshot.links).map(|list| list.iter().map(|l| (l.ifindex, l)).collect()),
            local: seen(&snapshot.addresses)
                .map(|list| grouped(list.iter(), |a| Some(a.prefix.addr()))),
            addresses: seen(&snapshot.addresses)
                .map(|list| grouped(list.iter(), |a| Some(a.ifindex))),
            neighbours: seen(&snapshot.neighbours)
                .map(|list| list.iter().map(|n| ((n.ifindex, n.address), n)).collect()),
        }
    }

    /// All VTIs of the snapshot, in the order of their ifindex.
    pub fn tunnels(&'a self) -> Observed<Vec<Tunnel<'a>>> {
        let links = self.snapshot.links.as_ref().map_err(Clone::clone)?;
        Ok(links.iter().filter_map(|link| Tunnel::new(self, link)).collect())
    }

    /// The VTIs that VyOS has configured, or binds a peer to, and that the kernel does not have; none where one of the two was not read.
    pub fn absent(&self) -> BTreeSet<&'a str> {
        let (Ok(links), Ok(configuration)) = (&self.snapshot.links, &self.snapshot.configuration)
        else {
            return BTreeSet::new();
        };
        let present: HashSet<&str> = links.iter().map(|link| link.name.as_str()).collect();
        let bound = configuration.peers.iter().filter(|peer| !peer.disabled);
        let bound = bound.filter_map(|peer| peer.bind.as_deref());
        let configured = configuration.interfaces.iter().map(|vti| vti.name.as_str());
        configured.chain(bound).filter(|name| !present.contains(name)).collect()
    }

    /// The link with this ifindex.
    pub fn link(&self, ifindex: u32) -> Observed<Option<&'a Link>> {
        Ok(self.links.as_ref().map_err(Clone::clone)?.get(&ifindex).copied())
    }

    /// The name of the link with this ifindex, or the number where it is not known.
    pub fn link_name(&self, ifindex: u32) -> String {
        self.link(ifindex)
            .ok()
            .flatten()
            .map_or_else(|| format!("interface {ifindex}"), |l| l.name.clone())
    }

    /// The VRF that `ifindex` belongs to or is, as its link; `l3mdev_master_ifindex_by_index()`.
    pub fn vrf_of(&self, ifindex: u32) -> Observed<Option<&'a Link>> {
        let is_vrf = |l: &&Link| matches!(l.kind, LinkKind::Vrf { .. });
        let Some(link) = self.link(ifindex)? else { return Ok(None) };
        if is_vrf(&link) {
            return Ok(Some(link));
        }
        Ok(link.master.map(|master| self.link(master)).transpose()?.flatten().filter(is_vrf))
    }

    /// The addresses of this host that equal `address`.
    pub fn local_addresses(&self, address: IpAddr) -> Observed<&[&'a Address]> {
        Ok(self.local.as_ref().map_err(Clone::clone)?.get(&address).map_or(&[], Vec::as_slice))
    }

    /// The policies of one direction, family and type that a flow with this if_id and mark can match, by priority, selectors not yet
    /// looked at: the first half of `xfrm_policy_match()`.
    pub fn policies(
        &self,
        direction: PolicyDirection,
        if_id: IfId,
        mark: u32,
        family: Option<Family>,
        policy_type: Option<PolicyType>,
    ) -> Observed<Vec<&'a Policy>> {
        let index = self.policies.as_ref().map_err(Clone::clone)?;
        let fits = |p: &&'a Policy| {
            p.mark.admits(mark)
                && family.is_none_or(|f| p.selector.family == f)
                && policy_type.is_none_or(|t| p.policy_type == t)
        };
        if if_id != IfId(0) {
            return Ok(index
                .by_if_id
                .get(&(direction, if_id))
                .into_iter()
                .flatten()
                .copied()
                .filter(fits)
                .collect());
        }
        let masks = index.by_mark.get(&direction).into_iter().flatten();
        let lists = masks.filter_map(|(mask, values)| values.get(&(mark & mask)));
        let mut found: Vec<_> = lists.flatten().copied().filter(fits).collect();
        found.sort_by_key(|p| (p.priority, p.index));
        Ok(found)
    }

    /// Whether the template of a policy of this direction asks for exactly this SA.
    pub fn is_wanted(&self, direction: PolicyDirection, sa: &Sa) -> Observed<bool> {
        let index = self.policies.as_ref().map_err(Clone::clone)?;
        let key = (direction, sa.if_id, sa.reqid, sa.destination);
        let selects = |p: &&Policy| p.templates.iter().any(|t| ownership::selects(p, t, sa));
        Ok(index.wanted.get(&key).into_iter().flatten().any(selects))
    }

    /// The SAs to `destination` with `reqid`: the chain that `xfrm_state_find()` walks.
    pub fn sas_to(&self, destination: IpAddr, reqid: ReqId) -> Observed<&[&'a Sa]> {
        let index = self.sas.as_ref().map_err(Clone::clone)?;
        Ok(index.by_destination_and_reqid.get(&(destination, reqid)).map_or(&[], Vec::as_slice))
    }

    /// SAs that share a destination, a reqid, an if_id or a mark with what is wanted: where to look for the one that nearly fits.
    /// Bounded, since a hub may have thousands to one peer.
    pub fn related_sas(
        &self,
        destination: IpAddr,
        reqid: ReqId,
        if_id: IfId,
        mark: u32,
    ) -> Observed<Vec<&'a Sa>> {
        const MOST: usize = 64;
        let index = self.sas.as_ref().map_err(Clone::clone)?;
        let mut seen = HashSet::new();
        let by_if_id = (if_id != IfId(0)).then(|| index.by_if_id.get(&if_id)).flatten();
        let by_reqid = (reqid != ReqId(0)).then(|| index.by_reqid.get(&reqid)).flatten();
        let by_mark = (mark != 0).then(|| index.by_mark.get(&mark)).flatten();
        let lists = [by_if_id, by_mark, by_reqid, index.by_destination.get(&destination)];
        let all = lists.into_iter().flatten().flat_map(|list| list.iter().take(MOST));
        Ok(all.copied().filter(|a| seen.insert(std::ptr::from_ref(*a))).collect())
    }

    /// The addresses of one interface.
    pub fn addresses_of(&self, ifindex: u32) -> Observed<&[&'a Address]> {
        let addresses = self.addresses.as_ref().map_err(Clone::clone)?;
        Ok(addresses.get(&ifindex).map_or(&[], Vec::as_slice))
    }

    /// The kernel's neighbour entry for an address on an interface.
    pub fn neighbour(&self, ifindex: u32, address: IpAddr) -> Observed<Option<&'a Neighbour>> {
        let neighbours = self.neighbours.as_ref().map_err(Clone::clone)?;
        Ok(neighbours.get(&(ifindex, address)).copied())
    }

    /// The kernel's answer to a route question.
    pub fn route(&self, query: &RouteQuery) -> Observed<&'a RouteAnswer> {
        let lookups = self.lookups.as_ref().map_err(Clone::clone)?;
        let what = || format!("the route to {} was not asked for", query.destination);
        lookups.get(query).copied().ok_or_else(|| {
            Missing::new(Source::RouteLookups, crate::snapshot::Reason::Skipped, what())
        })
    }

    /// The routes that leave through this link.
    pub fn routes_through(&self, ifindex: u32) -> Observed<&[&'a Route]> {
        Ok(self.routes.as_ref().map_err(Clone::clone)?.get(&ifindex).map_or(&[], Vec::as_slice))
    }
}

impl<'a> PolicyIndex<'a> {
    fn new(policies: &'a [Policy]) -> Self {
        let mut index =
            Self { by_if_id: HashMap::new(), by_mark: HashMap::new(), wanted: HashMap::new() };
        let mut ordered: Vec<&Policy> = policies.iter().collect();
        ordered.sort_by_key(|p| (p.priority, p.index));
        for policy in ordered {
            if policy.if_id == IfId(0) {
                let masks = index.by_mark.entry(policy.direction).or_default();
                masks
                    .entry(policy.mark.mask)
                    .or_default()
                    .entry(policy.mark.value)
                    .or_default()
                    .push(policy);
            } else {
                index.by_if_id.entry((policy.direction, policy.if_id)).or_default().push(policy);
            }
            for template in &policy.templates {
                let key = (policy.direction, policy.if_id, template.reqid, template.destination);
                index.wanted.entry(key).or_default().push(policy);
            }
        }
        index
    }
}

impl<'a> SaIndex<'a> {
    fn new(sas: &'a [Sa]) -> Self {
        Self {
            by_destination_and_reqid: grouped(sas.iter(), |a| Some((a.destination, a.reqid))),
            by_destination: grouped(sas.iter(), |a| Some(a.destination)),
            by_reqid: grouped(sas.iter(), |a| Some(a.reqid)),
            by_if_id: grouped(sas.iter(), |a| Some(a.if_id)),
            by_mark: grouped(sas.iter(), |a| Some(a.mark.value)),
            by_addresses: grouped(sas.iter(), |a| Some((a.source, a.destination))),
        }
    }
}

fn grouped<'a, T, K: Eq + std::hash::Hash>(
    list: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> Option<K>,
) -> HashMap<K, Vec<&'a T>> {
    let mut groups: HashMap<K, Vec<&'a T>> = HashMap::new();
    for item in list {
        if let Some(key) = key(item) {
            groups.entry(key).or_default().push(item);
        }
    }
    groups
}
