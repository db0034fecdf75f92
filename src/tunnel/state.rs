//! A snapshot with its index, so that the cost of one tunnel's lookups does not depend on the number of tunnels. It compares as the kernel
//! compares.

use super::charon::CharonIndex;
use super::order::{Group, Order};
use super::ownership::MarkOrIfId;
use super::policies::PolicyIndex;
use crate::kernel::Release;
use crate::snapshot::{
    Address, Family, IfId, Link, LinkKind, Missing, Neighbour, Observed, Policy, PolicyDirection,
    PolicyType, Reason, ReqId, Route, RouteAnswer, RouteLookup, RouteQuery, Sa, Snapshot, Source,
    Spi, is_global, rank,
};
use ipnet::IpNet;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// Answer to a route question: its interface does not exist (`ip_route_output_key_hash_rcu()`).
const ENODEV: i32 = 19;

/// A snapshot, borrowed or owned, with the index that makes one tunnel's lookups independent of the number of tunnels. The index holds
/// positions, no references: a state that owns its snapshot can be kept.
pub struct State<'a> {
    /// What was read.
    pub snapshot: Cow<'a, Snapshot>,
    /// The kernel's release, kept here because each step of each packet needs it.
    pub kernel: Release,
    policies: PolicyIndex,
    sas: SaIndex,
    pub(super) charon: CharonIndex,
    routes: Order,
    tables: Order,
    lookups: Order,
    links: Order,
    /// The vti and vti6 devices that are up, by their addresses.
    vtis: Order,
    /// The xfrm interfaces that are up, by their if_id.
    xfrm_interfaces: Order,
    /// The links that are no VTIs.
    outside: Order,
    local: Order,
    /// The addresses that are of more than one link.
    global: Order,
    addresses: Order,
    neighbours: Order,
}

struct SaIndex {
    by_destination: Order,
    by_destination_and_reqid: Order,
    by_destination_and_spi: Order,
    by_reqid: Order,
    by_if_id: Order,
    by_mark: Order,
    by_addresses: Order,
}

type Question = ((bool, u128), Option<(bool, u128)>, u32, Option<u32>);

fn question(query: &RouteQuery) -> Question {
    (rank(query.destination), query.source.map(rank), query.mark, query.vrf)
}

impl State<'static> {
    /// Indexes a snapshot and owns it.
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
        fn links<'l, K: Ord>(
            snapshot: &'l Snapshot,
            is_one: impl Fn(&Link) -> bool,
            key: impl Fn(&'l Link) -> K,
        ) -> Order {
            let links = snapshot.links.as_ref();
            links.map(|list| Order::among(list, is_one, key)).unwrap_or_default()
        }
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
            vtis: links(
                &snapshot,
                |link| link.admin_up && addresses_of_vti(link).is_some(),
                addresses_of_vti,
            ),
            xfrm_interfaces: links(
                &snapshot,
                |link| link.admin_up && if_id_of(link).is_some(),
                if_id_of,
            ),
            outside: links(&snapshot, |link| link.driver().is_none(), |link| link.ifindex),
            local: order(&snapshot.addresses, |address| rank(address.prefix.addr())),
            global: snapshot.addresses.as_ref().map_or_else(
                |_| Order::default(),
                |list| {
                    Order::among(list, |a| is_global(a.prefix.addr()), |a| rank(a.prefix.addr()))
                },
            ),
            addresses: order(&snapshot.addresses, |address| address.ifindex),
            neighbours: order(&snapshot.neighbours, |n| (n.ifindex, rank(n.address))),
            kernel: snapshot.host.release(),
            snapshot,
        }
    }

    /// The VTIs that VyOS has configured, or binds a peer to, but that the kernel does not have; empty if one of the two was not read.
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

    /// The vti and vti6 devices that are up and have exactly these addresses.
    pub fn vtis(&self, local: IpAddr, remote: IpAddr) -> Observed<Group<'_, Link>> {
        let (list, wanted) = (read(&self.snapshot.links)?, Some((rank(local), rank(remote))));
        Ok(self.vtis.find(list, |link| addresses_of_vti(link).cmp(&wanted)))
    }

    /// The vti6 devices that are up.
    pub fn vti6s(&self) -> Observed<Group<'_, Link>> {
        let list = read(&self.snapshot.links)?;
        let is_ipv6 = |link: &Link| addresses_of_vti(link).map(|((is_ipv6, _), _)| is_ipv6);
        Ok(self.vtis.find(list, |link| is_ipv6(link).cmp(&Some(true))))
    }

    /// The xfrm interfaces that are up and have this if_id; that of one with collect_metadata is 0.
    pub fn xfrm_interfaces(&self, if_id: IfId) -> Observed<Group<'_, Link>> {
        let (list, wanted) = (read(&self.snapshot.links)?, Some(if_id));
        Ok(self.xfrm_interfaces.find(list, |link| if_id_of(link).cmp(&wanted)))
    }

    /// The links that are no VTIs.
    pub fn outside_links(&self) -> Observed<Group<'_, Link>> {
        let list = read(&self.snapshot.links)?;
        Ok(self.outside.find(list, |_| Ordering::Equal))
    }

    /// The name of the link with this ifindex, or its number if the name is unknown.
    pub fn link_name(&self, ifindex: u32) -> String {
        self.link(ifindex)
            .ok()
            .flatten()
            .map_or_else(|| format!("interface {ifindex}"), |l| l.name.clone())
    }

    /// The link of the VRF that `ifindex` belongs to or is; `l3mdev_master_ifindex_by_index()`.
    pub fn vrf_of(&self, ifindex: u32) -> Observed<Option<&Link>> {
        let is_vrf = |l: &&Link| matches!(l.kind, LinkKind::Vrf { .. });
        let Some(link) = self.link(ifindex)? else { return Ok(None) };
        if is_vrf(&link) {
            return Ok(Some(link));
        }
        Ok(link.master.map(|master| self.link(master)).transpose()?.flatten().filter(is_vrf))
    }

    /// Whether the host forwards packets of this family that come by the link with this ifindex: a VRF decides for its ports.
    pub fn forwards(&self, ifindex: u32, family: Family) -> Observed<bool> {
        let link = self.vrf_of(ifindex)?.or(self.link(ifindex)?);
        Ok(link.is_some_and(|link| match family {
            Family::Inet6 => link.ipv6.as_ref().is_some_and(|c| c.forwarding),
            _ => link.ipv4.as_ref().is_some_and(|c| c.forwarding),
        }))
    }

    /// The addresses of this host that equal `address`.
    pub fn local_addresses(&self, address: IpAddr) -> Observed<Group<'_, Address>> {
        let list = read(&self.snapshot.addresses)?;
        Ok(self.local.find(list, |own| rank(own.prefix.addr()).cmp(&rank(address))))
    }

    /// The addresses of this host within a prefix that another host can send to: none of one link or of this host alone, of which each
    /// interface has one.
    pub fn global_addresses_in(&self, prefix: &IpNet) -> Observed<Group<'_, Address>> {
        let (list, place) = (read(&self.snapshot.addresses)?, place_in(prefix));
        Ok(self.global.find(list, |own| place(own.prefix.addr())))
    }

    /// The policies of one direction, family and type that a flow with this if_id and mark can match, by priority, without comparing selectors:
    /// the first half of `xfrm_policy_match()`.
    pub fn policies(
        &self,
        direction: PolicyDirection,
        if_id: IfId,
        mark: u32,
        family: Option<Family>,
        policy_type: Option<PolicyType>,
    ) -> Observed<Vec<&Policy>> {
        let list = read(&self.snapshot.policies)?;
        Ok(self.policies.matching(list, direction, if_id, mark, family, policy_type))
    }

    /// Whether any policy is of the sub type; false if policies were not read (the lookup of the main ones reports that).
    pub fn has_sub_policies(&self) -> bool {
        self.policies.has_sub
    }

    /// Whether the selector of any policy names a device; false if policies were not read (the lookup reports that).
    pub fn has_device_policies(&self) -> bool {
        self.policies.has_device
    }

    /// The policies of a VTI that are its own, by priority.
    pub(super) fn own_policies(
        &self,
        mark_or_if_id: MarkOrIfId,
        direction: PolicyDirection,
    ) -> Observed<Vec<&Policy>> {
        Ok(self.policies.own(read(&self.snapshot.policies)?, mark_or_if_id, direction))
    }

    /// Whether the template of a policy of this direction selects this SA.
    pub fn is_wanted(&self, direction: PolicyDirection, sa: &Sa) -> Observed<bool> {
        Ok(self.policies.is_wanted(read(&self.snapshot.policies)?, direction, sa))
    }

    /// The SAs to `destination` with `reqid`: the chain that `xfrm_state_find()` walks.
    pub fn sas_to(&self, destination: IpAddr, reqid: ReqId) -> Observed<Group<'_, Sa>> {
        let (list, wanted) = (read(&self.snapshot.sas)?, (rank(destination), reqid));
        let order = &self.sas.by_destination_and_reqid;
        Ok(order.find(list, |sa| (rank(sa.destination), sa.reqid).cmp(&wanted)))
    }

    /// The SAs to `destination`.
    pub fn sas_to_address(&self, destination: IpAddr) -> Observed<Group<'_, Sa>> {
        let list = read(&self.snapshot.sas)?;
        Ok(self.sas.by_destination.find(list, |sa| rank(sa.destination).cmp(&rank(destination))))
    }

    /// The SAs to `destination` with this SPI: the chain that `xfrm_state_lookup()` walks.
    pub fn sas_with_spi(&self, destination: IpAddr, spi: Spi) -> Observed<Group<'_, Sa>> {
        let (list, wanted) = (read(&self.snapshot.sas)?, (rank(destination), spi));
        let order = &self.sas.by_destination_and_spi;
        Ok(order.find(list, |sa| (rank(sa.destination), sa.spi).cmp(&wanted)))
    }

    /// The SA to `destination` with this SPI.
    pub fn sa_with_spi(&self, destination: IpAddr, spi: Spi) -> Observed<Option<&Sa>> {
        Ok(self.sas_with_spi(destination, spi)?.iter().next())
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

    /// SAs with the wanted destination, reqid, if_id or mark: the candidates for the nearest SA. Bounded, because a hub may have thousands of
    /// SAs to one peer.
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
        // Most questions differ in the destination.
        let same = |lookup: &RouteLookup| {
            let asked = &lookup.query;
            rank(asked.destination).cmp(&to).then_with(|| question(asked).cmp(&wanted))
        };
        let found = self.lookups.find(list, same).iter().last();
        let what = || format!("the kernel was not asked for the route to {}", query.destination);
        let missing = |reason, detail| Missing::new(Source::RouteLookups, reason, detail);
        match found.map(|lookup| &lookup.answer) {
            // The VRF existed when the links were read. That it is gone now says nothing about the route.
            Some(RouteAnswer::Error { errno: ENODEV }) if query.vrf.is_some() => {
                Err(missing(Reason::Vanished, "the VRF is gone".to_owned()))
            }
            Some(answer) => Ok(answer),
            None => Err(missing(Reason::Skipped, what())),
        }
    }

    /// The route questions about a host of this prefix, with the kernel's answers.
    pub fn lookups_within(&self, prefix: &IpNet) -> Observed<Group<'_, RouteLookup>> {
        let (list, place) = (read(&self.snapshot.route_lookups)?, place_in(prefix));
        Ok(self.lookups.find(list, |lookup| place(lookup.query.destination)))
    }

    /// The device that the kernel's answer to a route question leads out of; none where there is no route.
    pub fn route_device(&self, query: &RouteQuery) -> Observed<Option<&Link>> {
        match self.route(query)? {
            RouteAnswer::Route { oif, .. } => self.link(*oif),
            RouteAnswer::Error { .. } => Ok(None),
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

/// Whether an address is before, in or behind a prefix, by [`rank`].
fn place_in(prefix: &IpNet) -> impl Fn(IpAddr) -> Ordering {
    let (first, last) = (rank(prefix.network()), rank(prefix.broadcast()));
    move |address| match rank(address) {
        address if address < first => Ordering::Less,
        address if address > last => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// The addresses of a vti or vti6 device.
fn addresses_of_vti(link: &Link) -> Option<((bool, u128), (bool, u128))> {
    match &link.kind {
        LinkKind::Vti(device) | LinkKind::Vti6(device) => {
            Some((rank(device.local), rank(device.remote)))
        }
        _ => None,
    }
}

/// The if_id of an xfrm interface.
const fn if_id_of(link: &Link) -> Option<IfId> {
    match &link.kind {
        LinkKind::Xfrm(device) => Some(device.if_id),
        _ => None,
    }
}

fn read<T>(list: &Observed<Vec<T>>) -> Observed<&[T]> {
    list.as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

impl SaIndex {
    fn new(sas: &[Sa]) -> Self {
        Self {
            by_destination: Order::by(sas, |sa| rank(sa.destination)),
            by_destination_and_reqid: Order::by(sas, |sa| (rank(sa.destination), sa.reqid)),
            by_destination_and_spi: Order::by(sas, |sa| (rank(sa.destination), sa.spi)),
            by_reqid: Order::by(sas, |sa| sa.reqid),
            by_if_id: Order::by(sas, |sa| sa.if_id),
            by_mark: Order::by(sas, |sa| sa.mark.value),
            by_addresses: Order::by(sas, |sa| (rank(sa.source), rank(sa.destination))),
        }
    }
}
