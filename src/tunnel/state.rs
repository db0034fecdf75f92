//! A snapshot with its index, so that the lookups of one tunnel do not depend on the number of tunnels. It compares as the kernel compares.

use super::charon::CharonIndex;
use super::order::{Group, Order};
use super::ownership::{Asked, MarkOrIfId};
use crate::kernel::Release;
use crate::snapshot::{
    Address, Family, IfId, Link, LinkKind, Missing, Neighbour, Observed, Policy, PolicyDirection,
    PolicyType, Reason, ReqId, Route, RouteAnswer, RouteLookup, RouteQuery, Sa, Snapshot, Source,
    rank,
};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// Of a route question: the interface that it names does not exist (`ip_route_output_key_hash_rcu()`).
const ENODEV: i32 = 19;

/// A snapshot, borrowed or owned, with the index that makes one tunnel's lookups independent of the number of tunnels. The index holds
/// positions, no references: a state that owns its snapshot can be kept.
pub struct State<'a> {
    /// What was read.
    pub snapshot: Cow<'a, Snapshot>,
    /// The kernel that it was read from; every packet asks what that does.
    pub kernel: Release,
    policies: PolicyIndex,
    sas: SaIndex,
    pub(super) charon: CharonIndex,
    routes: Order,
    tables: Order,
    lookups: Order,
    links: Order,
    local: Order,
    addresses: Order,
    neighbours: Order,
}

/// Policies in the order of their priority.
struct PolicyIndex {
    by_if_id: Order,
    /// Policies without an if_id by mask and value, as `(mark & m) == v` needs them.
    by_mark: Order,
    /// The masks of policies without an if_id.
    masks: BTreeSet<(PolicyDirection, u32)>,
    /// Whether there is one of the sub type: hardly anybody has them, and each lookup asks for them first.
    has_sub: bool,
    /// What the templates of policies ask for, to tell whose SA one is; sorted, each once. Few look for it, so it is made when one does.
    asked: OnceCell<Vec<(PolicyDirection, Asked)>>,
}

struct SaIndex {
    by_destination: Order,
    by_destination_and_reqid: Order,
    by_reqid: Order,
    by_if_id: Order,
    by_mark: Order,
    by_addresses: Order,
}

type PolicyRank = (u32, u32);

type Question = ((bool, u128), Option<(bool, u128)>, u32, Option<u32>);

fn question(query: &RouteQuery) -> Question {
    (rank(query.destination), query.source.map(rank), query.mark, query.vrf)
}

const fn policy_rank(policy: &Policy) -> PolicyRank {
    (policy.priority, policy.index)
}

const fn policy_if_id(policy: &Policy) -> (PolicyDirection, IfId) {
    (policy.direction, policy.if_id)
}

const fn policy_mark(policy: &Policy) -> (PolicyDirection, IfId, u32, u32) {
    (policy.direction, policy.if_id, policy.mark.mask, policy.mark.value)
}

impl State<'static> {
    /// Indexes a snapshot, and keeps it.
    pub fn owning(snapshot: Snapshot) -> Self {
        Self::index(Cow::Owned(snapshot))
    }
}

impl<'a> State<'a> {
    /// Indexes a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self::index(Cow::Borrowed(snapshot))
    }

    fn index(snapshot: Cow<'a, Snapshot>) -> Self {
        fn order<T, K: Ord>(list: &Observed<Vec<T>>, key: impl Fn(&T) -> K) -> Order {
            list.as_ref().map(|list| Order::by(list, key)).unwrap_or_default()
        }
        Self {
            policies: PolicyIndex::new(snapshot.policies.as_ref().map_or(&[], Vec::as_slice)),
            sas: SaIndex::new(snapshot.sas.as_ref().map_or(&[], Vec::as_slice)),
            charon: CharonIndex::new(&snapshot),
            routes: order(&snapshot.routes, |route| route.oif),
            tables: order(&snapshot.routes, |route| route.table),
            lookups: order(&snapshot.route_lookups, |lookup| question(&lookup.query)),
            links: order(&snapshot.links, |link| link.ifindex),
            local: order(&snapshot.addresses, |address| rank(address.prefix.addr())),
            addresses: order(&snapshot.addresses, |address| address.ifindex),
            neighbours: order(&snapshot.neighbours, |n| (n.ifindex, rank(n.address))),
            kernel: snapshot.host.release(),
            snapshot,
        }
    }

    /// The VTIs that VyOS has configured, or binds a peer to, and that the kernel does not have; none where one of the two was not read.
    pub fn absent(&self) -> BTreeSet<&str> {
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
    pub fn link(&self, ifindex: u32) -> Observed<Option<&Link>> {
        let list = read(&self.snapshot.links)?;
        Ok(self.links.find(list, |link| link.ifindex.cmp(&ifindex)).iter().last())
    }

    /// The name of the link with this ifindex, or the number where it is not known.
    pub fn link_name(&self, ifindex: u32) -> String {
        self.link(ifindex)
            .ok()
            .flatten()
            .map_or_else(|| format!("interface {ifindex}"), |l| l.name.clone())
    }

    /// The VRF that `ifindex` belongs to or is, as its link; `l3mdev_master_ifindex_by_index()`.
    pub fn vrf_of(&self, ifindex: u32) -> Observed<Option<&Link>> {
        let is_vrf = |l: &&Link| matches!(l.kind, LinkKind::Vrf { .. });
        let Some(link) = self.link(ifindex)? else { return Ok(None) };
        if is_vrf(&link) {
            return Ok(Some(link));
        }
        Ok(link.master.map(|master| self.link(master)).transpose()?.flatten().filter(is_vrf))
    }

    /// The addresses of this host that equal `address`.
    pub fn local_addresses(&self, address: IpAddr) -> Observed<Group<'_, Address>> {
        let list = read(&self.snapshot.addresses)?;
        Ok(self.local.find(list, |own| rank(own.prefix.addr()).cmp(&rank(address))))
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
    ) -> Observed<Vec<&Policy>> {
        let list = read(&self.snapshot.policies)?;
        let fits = |p: &&Policy| {
            p.mark.admits(mark)
                && family.is_none_or(|f| p.selector.family == f)
                && policy_type.is_none_or(|t| p.policy_type == t)
        };
        if if_id != IfId(0) {
            return Ok(self.policies_of(list, direction, if_id).iter().filter(fits).collect());
        }
        let masks = self.policies.masks.range((direction, 0)..=(direction, u32::MAX));
        let groups = masks.map(|(_, mask)| {
            let wanted = (direction, IfId(0), *mask, mark & mask);
            self.policies.by_mark.find(list, |policy| policy_mark(policy).cmp(&wanted))
        });
        let mut found: Vec<&Policy> = groups.flatten().filter(fits).collect();
        found.sort_by_key(|policy| policy_rank(policy));
        Ok(found)
    }

    /// Whether any policy is of the sub type; not where they were not read, which the lookup of the main ones says.
    pub fn has_sub_policies(&self) -> bool {
        self.policies.has_sub
    }

    fn policies_of<'l>(
        &'l self,
        list: &'l [Policy],
        direction: PolicyDirection,
        if_id: IfId,
    ) -> Group<'l, Policy> {
        let wanted = (direction, if_id);
        self.policies.by_if_id.find(list, |policy| policy_if_id(policy).cmp(&wanted))
    }

    /// The policies of a VTI that are its own, by priority.
    pub(super) fn own_policies(
        &self,
        key: MarkOrIfId,
        direction: PolicyDirection,
    ) -> Observed<Vec<&Policy>> {
        let list = read(&self.snapshot.policies)?;
        let mut found = match key {
            MarkOrIfId::IfId(if_id) => self.policies_of(list, direction, if_id).iter().collect(),
            MarkOrIfId::Mark { input, output } => {
                let mark = if direction == PolicyDirection::Out { output } else { input };
                self.policies(direction, IfId(0), mark, None, None)?
            }
        };
        found.retain(|p| key.owns_policy(direction, p.if_id, p.mark));
        Ok(found)
    }

    /// Whether the template of a policy of this direction asks for exactly this SA.
    pub fn is_wanted(&self, direction: PolicyDirection, sa: &Sa) -> Observed<bool> {
        let asked = self.policies.asked(read(&self.snapshot.policies)?);
        let of = |(direction, asked): &(PolicyDirection, Asked)| {
            (*direction, asked.reqid, asked.destination)
        };
        let wanted = (direction, sa.reqid, sa.destination);
        let start = asked.partition_point(|entry| of(entry) < wanted);
        let mut alike = asked.iter().skip(start).take_while(|entry| of(entry) == wanted);
        Ok(alike.any(|(_, asked)| asked.selects(sa)))
    }

    /// The SAs to `destination` with `reqid`: the chain that `xfrm_state_find()` walks.
    pub fn sas_to(&self, destination: IpAddr, reqid: ReqId) -> Observed<Group<'_, Sa>> {
        let (list, wanted) = (read(&self.snapshot.sas)?, (rank(destination), reqid));
        let order = &self.sas.by_destination_and_reqid;
        Ok(order.find(list, |sa| (rank(sa.destination), sa.reqid).cmp(&wanted)))
    }

    /// The SAs to `destination`.
    pub(super) fn sas_to_address(&self, destination: IpAddr) -> Observed<Group<'_, Sa>> {
        let list = read(&self.snapshot.sas)?;
        Ok(self.sas.by_destination.find(list, |sa| rank(sa.destination).cmp(&rank(destination))))
    }

    /// The SAs with this if_id.
    pub(super) fn sas_with_if_id(&self, if_id: IfId) -> Observed<Group<'_, Sa>> {
        Ok(self.sas.by_if_id.find(read(&self.snapshot.sas)?, |sa| sa.if_id.cmp(&if_id)))
    }

    /// The SAs with this mark.
    pub(super) fn sas_with_mark(&self, mark: u32) -> Observed<Group<'_, Sa>> {
        Ok(self.sas.by_mark.find(read(&self.snapshot.sas)?, |sa| sa.mark.value.cmp(&mark)))
    }

    /// The SAs between two addresses.
    pub fn sas_between(&self, source: IpAddr, destination: IpAddr) -> Observed<Group<'_, Sa>> {
        let (list, wanted) = (read(&self.snapshot.sas)?, (rank(source), rank(destination)));
        let between = |sa: &Sa| (rank(sa.source), rank(sa.destination));
        Ok(self.sas.by_addresses.find(list, |sa| between(sa).cmp(&wanted)))
    }

    /// SAs that share a destination, a reqid, an if_id or a mark with what is wanted: where to look for the one that nearly fits.
    /// Bounded, since a hub may have thousands to one peer.
    pub fn related_sas(
        &self,
        destination: IpAddr,
        reqid: ReqId,
        if_id: IfId,
        mark: u32,
    ) -> Observed<Vec<&Sa>> {
        const MOST: usize = 64;
        let list = read(&self.snapshot.sas)?;
        let with_reqid = || self.sas.by_reqid.find(list, |sa| sa.reqid.cmp(&reqid));
        let groups = [
            if if_id == IfId(0) { Group::default() } else { self.sas_with_if_id(if_id)? },
            if mark == 0 { Group::default() } else { self.sas_with_mark(mark)? },
            if reqid == ReqId(0) { Group::default() } else { with_reqid() },
            self.sas_to_address(destination)?,
        ];
        let mut seen = HashSet::new();
        let all = groups.into_iter().flat_map(|group| group.iter().take(MOST));
        Ok(all.filter(|a| seen.insert(std::ptr::from_ref(*a))).collect())
    }

    /// The addresses of one interface.
    pub fn addresses_of(&self, ifindex: u32) -> Observed<Group<'_, Address>> {
        let list = read(&self.snapshot.addresses)?;
        Ok(self.addresses.find(list, |address| address.ifindex.cmp(&ifindex)))
    }

    /// The kernel's neighbour entry for an address on an interface.
    pub fn neighbour(&self, ifindex: u32, address: IpAddr) -> Observed<Option<&Neighbour>> {
        let (list, wanted) = (read(&self.snapshot.neighbours)?, (ifindex, rank(address)));
        let found = self.neighbours.find(list, |n| (n.ifindex, rank(n.address)).cmp(&wanted));
        Ok(found.iter().last())
    }

    /// The kernel's answer to a route question.
    pub fn route(&self, query: &RouteQuery) -> Observed<&RouteAnswer> {
        let (list, wanted) = (read(&self.snapshot.route_lookups)?, question(query));
        let to = rank(query.destination);
        // Most differ by the destination.
        let same = |lookup: &RouteLookup| {
            let asked = &lookup.query;
            rank(asked.destination).cmp(&to).then_with(|| question(asked).cmp(&wanted))
        };
        let found = self.lookups.find(list, same).iter().last();
        let what = || format!("the route to {} was not asked for", query.destination);
        let missing = |reason, detail| Missing::new(Source::RouteLookups, reason, detail);
        match found.map(|lookup| &lookup.answer) {
            // The VRF was there when the links were read: that it has gone says nothing of the route.
            Some(RouteAnswer::Error { errno: ENODEV }) if query.vrf.is_some() => {
                Err(missing(Reason::Vanished, "the VRF is gone".to_owned()))
            }
            Some(answer) => Ok(answer),
            None => Err(missing(Reason::Skipped, what())),
        }
    }

    /// The routes that leave through this link.
    pub fn routes_through(&self, ifindex: u32) -> Observed<Group<'_, Route>> {
        let list = read(&self.snapshot.routes)?;
        Ok(self.routes.find(list, |route| route.oif.cmp(&Some(ifindex))))
    }

    /// The routes of a table.
    pub fn routes_of_table(&self, table: u32) -> Observed<Group<'_, Route>> {
        let list = read(&self.snapshot.routes)?;
        Ok(self.tables.find(list, |route| route.table.cmp(&table)))
    }
}

fn read<T>(list: &Observed<Vec<T>>) -> Observed<&[T]> {
    list.as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

impl PolicyIndex {
    fn new(policies: &[Policy]) -> Self {
        let unbound = policies.iter().filter(|policy| policy.if_id == IfId(0));
        Self {
            by_if_id: Order::by(policies, |p| (policy_if_id(p), policy_rank(p))),
            by_mark: Order::among(
                policies,
                |p| p.if_id == IfId(0),
                |p| (policy_mark(p), policy_rank(p)),
            ),
            has_sub: policies.iter().any(|policy| policy.policy_type == PolicyType::Sub),
            masks: unbound.map(|policy| (policy.direction, policy.mark.mask)).collect(),
            asked: OnceCell::new(),
        }
    }

    /// See [`PolicyIndex::asked`].
    fn asked(&self, policies: &[Policy]) -> &[(PolicyDirection, Asked)] {
        self.asked.get_or_init(|| {
            let all = policies.iter().flat_map(|policy| {
                let of = |template| (policy.direction, Asked::of(policy, template));
                policy.templates.iter().map(of)
            });
            let mut asked: Vec<_> = all.collect();
            asked.sort_unstable();
            asked.dedup();
            asked
        })
    }
}

impl SaIndex {
    fn new(sas: &[Sa]) -> Self {
        Self {
            by_destination: Order::by(sas, |sa| rank(sa.destination)),
            by_destination_and_reqid: Order::by(sas, |sa| (rank(sa.destination), sa.reqid)),
            by_reqid: Order::by(sas, |sa| sa.reqid),
            by_if_id: Order::by(sas, |sa| sa.if_id),
            by_mark: Order::by(sas, |sa| sa.mark.value),
            by_addresses: Order::by(sas, |sa| (rank(sa.source), rank(sa.destination))),
        }
    }
}
