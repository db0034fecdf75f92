//! The flows to try on a tunnel, taken from the state: routed prefixes, selectors, addresses, link-local multicast.
//! A diagnosis sees only what these flows meet, so each has the reason why it was tried.

pub(super) use crate::snapshot::first_host;
use crate::snapshot::{
    Address, Driver, Family, Observed, Policy, PolicyDirection, PortMask, Route, RouteAnswer,
    RouteQuery, RouteType, Selector, is_link_local,
};
use crate::tunnel::Tunnel;
use crate::way::{Flow, Verdict};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a flow is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A route leads this prefix into the tunnel.
    Routed(IpNet),
    /// A route leads this prefix into the tunnel, and this host itself sends there, with the source that the kernel chooses.
    OwnPackets(IpNet),
    /// A host behind this one sends it into the tunnel: its device and network, `lan0 (10.66.0.0/24)`.
    Forwarded(String),
    /// An outbound policy of the tunnel matches it, although no route leads into the tunnel.
    Selector,
    /// The kernel or a routing daemon itself sends it on a device with IPv6.
    LinkLocal(&'static str),
    /// There is neither a route nor a selector: any packet.
    Any,
    /// The operator asked.
    Asked,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Routed(prefix) => write!(f, "routed prefix {prefix}"),
            Origin::OwnPackets(prefix) => write!(f, "this host's own packets to {prefix}"),
            Origin::Forwarded(network) => write!(f, "hosts behind {network}"),
            Origin::Selector => f.write_str("selector of the policy"),
            Origin::LinkLocal(what) => f.write_str(what),
            Origin::Any => f.write_str("any packet"),
            Origin::Asked => f.write_str("asked for"),
        }
    }
}

/// A flow and its fate.
pub(super) struct Trace {
    pub origin: Origin,
    pub flow: Flow,
    pub verdict: Verdict,
}

/// At most so many routes and selectors of one tunnel are tried.
const MOST_ROUTES: usize = 32;
const MOST_SELECTORS: usize = 8;
/// So many of this host's own packets.
const MOST_OWN: usize = 4;

/// The flows to try, with the reason for each.
pub(super) fn candidates(tunnel: &Tunnel<'_>) -> Vec<(Origin, Flow)> {
    let routes = routed(tunnel);
    // If the policies could not be read, every flow is undetermined, and the diagnosis must see that.
    let policies = tunnel.own_policies(PolicyDirection::Out).unwrap_or_default();
    let own: Vec<IpNet> = addresses(tunnel).iter().map(|a| a.prefix).collect();
    let mut flows = Vec::new();
    let own_packets = own_packets(tunnel, &routes);
    for (prefix, preferred) in routes.iter().take(MOST_ROUTES) {
        for destination in destinations_in(prefix, policies, &own) {
            let source = source_for(destination, *preferred, policies, &own);
            flows.push((Origin::Routed(*prefix), Flow::probe(source, destination)));
        }
    }
    let is_new = |(_, flow): &(Origin, Flow)| !flows.iter().any(|(_, other)| other == flow);
    let own_packets: Vec<_> = own_packets.into_iter().filter(is_new).collect();
    flows.extend(own_packets);
    if flows.is_empty() {
        let of_selectors = policies.iter().take(MOST_SELECTORS).filter_map(|p| of_selector(p));
        flows.extend(of_selectors.map(|flow| (Origin::Selector, flow)));
    }
    if flows.is_empty() {
        let source = own.first().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpNet::addr);
        let destination = match source {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        };
        flows.push((Origin::Any, Flow::probe(source, destination)));
    }
    flows.extend(link_local(tunnel));
    flows
}

/// What this host itself sends into a tunnel whose interface has no address: the kernel then takes the source from another device
/// (`inet_select_addr()`), and has said which.
fn own_packets(
    tunnel: &Tunnel<'_>,
    routes: &BTreeMap<IpNet, Option<IpAddr>>,
) -> Vec<(Origin, Flow)> {
    let Ok(vrf) = tunnel.state.vrf_of(tunnel.link.ifindex) else { return Vec::new() };
    let vrf = vrf.map(|link| link.ifindex);
    // The kernel was asked about one host of each prefix, and only where the interface has no address.
    if addresses(tunnel).iter().any(|own| own.prefix.addr().is_ipv4()) {
        return Vec::new();
    }
    let mut flows = Vec::new();
    for prefix in routes.keys().filter(|prefix| prefix.addr().is_ipv4()).take(MOST_OWN) {
        let is_asked =
            |query: &RouteQuery| query.source.is_none() && query.mark == 0 && query.vrf == vrf;
        let lookups = tunnel.state.lookups_within(prefix).unwrap_or_default();
        let sends =
            lookups.iter().filter(|lookup| is_asked(&lookup.query)).find_map(|lookup| match lookup
                .answer
            {
                RouteAnswer::Route { oif, source: Some(source), .. } => {
                    let is_here = oif == tunnel.link.ifindex;
                    is_here.then(|| Flow::probe(source, lookup.query.destination))
                }
                _ => None,
            });
        flows.extend(sends.map(|flow| (Origin::OwnPackets(*prefix), flow)));
    }
    flows
}

/// The prefixes that are routed into the tunnel, without the link-local ones that every IPv6 device has.
pub(super) fn routed_prefixes(tunnel: &Tunnel<'_>) -> Vec<IpNet> {
    routed(tunnel).into_keys().collect()
}

/// The prefixes of the interface's own addresses, for which the kernel itself adds routes, without the link-local ones.
pub(super) fn own_prefixes(tunnel: &Tunnel<'_>) -> Observed<Vec<IpNet>> {
    tunnel.state.addresses_of(tunnel.link.ifindex)?;
    Ok(addresses(tunnel).iter().map(|a| a.prefix.trunc()).collect())
}

/// The routed prefixes, each with the source that its route prefers.
fn routed(tunnel: &Tunnel<'_>) -> BTreeMap<IpNet, Option<IpAddr>> {
    let routes = tunnel.state.routes_through(tunnel.link.ifindex).unwrap_or_default();
    let carries = |r: &&Route| {
        let address = r.destination.addr();
        let link_local =
            matches!(address, IpAddr::V6(a) if a.is_unicast_link_local()) || address.is_multicast();
        r.route_type == RouteType::Unicast
            && !r.dead
            && !(link_local && r.destination.prefix_len() > 0)
    };
    routes.iter().filter(carries).map(|r| (r.destination, r.preferred_source)).collect()
}

/// The interface's own usable addresses.
fn addresses<'a>(tunnel: &Tunnel<'a>) -> Vec<&'a Address> {
    let all = tunnel.state.addresses_of(tunnel.link.ifindex).unwrap_or_default();
    all.iter().filter(|a| !is_link_local(a.prefix.addr())).collect()
}

/// Destinations that represent a routed prefix: one inside a selector, if there is one, and one outside all selectors, if the prefix is wider
/// than they are.
fn destinations_in(prefix: &IpNet, policies: &[&Policy], own: &[IpNet]) -> Vec<IpAddr> {
    let family = Family::of(prefix.addr());
    let selectors: Vec<IpNet> = policies
        .iter()
        .filter(|p| p.selector.family == family)
        .map(|p| p.selector.destination)
        .collect();
    let host = |net: IpNet| first_host(net, own);
    let inside = selectors.iter().filter_map(|s| narrower(prefix, s)).map(host).next();
    let covered = selectors.iter().any(|s| s.contains(prefix));
    let outside = (!covered).then(|| outside_of(prefix, &selectors, own)).flatten();
    [inside, outside].into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The narrower of two prefixes, if one contains the other.
pub(super) fn narrower(a: &IpNet, b: &IpNet) -> Option<IpNet> {
    if a.contains(b) { Some(*b) } else { b.contains(a).then_some(*a) }
}

/// An address of the prefix that no selector covers: the first or the last host, or the one after a selector. Not the interface's own
/// address, because packets to it never leave this host.
fn outside_of(prefix: &IpNet, selectors: &[IpNet], own: &[IpNet]) -> Option<IpAddr> {
    let behind = selectors.iter().filter(|s| prefix.contains(*s)).map(|s| successor(s.broadcast()));
    let candidates = [first_host(*prefix, own), last_host(*prefix)].into_iter().chain(behind);
    let is_unicast = |a: &IpAddr| !a.is_multicast() && !a.is_unspecified() && !a.is_loopback();
    candidates
        .filter(|a| is_unicast(a) && !own.iter().any(|o| o.addr() == *a))
        .find(|a| prefix.contains(a) && !selectors.iter().any(|s| s.contains(a)))
}

fn last_host(prefix: IpNet) -> IpAddr {
    match prefix {
        IpNet::V4(net) if net.prefix_len() < 31 => {
            IpAddr::V4(Ipv4Addr::from_bits(net.broadcast().to_bits().wrapping_sub(1)))
        }
        _ => prefix.broadcast(),
    }
}

fn successor(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits().wrapping_add(1))),
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits().wrapping_add(1))),
    }
}

/// The source of such a packet: the one that its route prefers, or the interface's own address. If only policies for other sources cover the
/// destination, a source of theirs: such packets are forwarded.
fn source_for(
    destination: IpAddr,
    preferred: Option<IpAddr>,
    policies: &[&Policy],
    own: &[IpNet],
) -> IpAddr {
    let family = Family::of(destination);
    let address =
        preferred.or_else(|| own.iter().map(IpNet::addr).find(|a| Family::of(*a) == family));
    let covers =
        |p: &&&Policy| p.selector.family == family && p.selector.destination.contains(&destination);
    let covering: Vec<IpNet> = policies.iter().filter(covers).map(|p| p.selector.source).collect();
    let any = match destination {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let forwarded = || covering.first().map(|source| first_host(*source, &[]));
    let fits = |a: &IpAddr| covering.is_empty() || covering.iter().any(|source| source.contains(a));
    address.filter(fits).or_else(forwarded).or(address).unwrap_or(any)
}

/// A flow that matches a policy's selector, including protocol and ports.
fn of_selector(policy: &Policy) -> Option<Flow> {
    let s = &policy.selector;
    let flow = within(s, first_host(s.source, &[]), first_host(s.destination, &[]));
    (s.family != Family::Unspec).then_some(flow)
}

/// A flow between two addresses, of a selector's protocol and ports.
pub(super) fn within(selector: &Selector, source: IpAddr, destination: IpAddr) -> Flow {
    let flow = Flow::probe(source, destination);
    let port = |want: PortMask, usual: u16| (usual & !want.mask) | want.port;
    Flow {
        protocol: if selector.protocol == 0 { flow.protocol } else { selector.protocol },
        source_port: port(selector.source_port, flow.source_port),
        destination_port: port(selector.destination_port, flow.destination_port),
        ..flow
    }
}

/// What the kernel itself sends on a device that is up and has IPv6. It sends listener reports if the device is in a group besides ff02::1:
/// that of an address, or those of routers. It sends router solicitations if the device has a link-local address, but not on ip_vti and
/// ip6_vti (ARPHRD_TUNNEL), and not if forwarding is on.
fn link_local(tunnel: &Tunnel<'_>) -> Vec<(Origin, Flow)> {
    let Some(ipv6) = tunnel.link.ipv6.as_ref().filter(|c| tunnel.link.admin_up && !c.disable_ipv6)
    else {
        return Vec::new();
    };
    let link_local = own_ipv6(tunnel, is_link_local);
    let source = link_local.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let unread = tunnel.state.snapshot.addresses.is_err();
    let reports = unread || ipv6.forwarding || own_ipv6(tunnel, |_| true).is_some();
    let group = |last: u16| IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, last));
    let report =
        (Origin::LinkLocal("multicast listener report"), Flow::icmpv6(source, group(0x16), 143));
    let solicits = (unread || link_local.is_some())
        && tunnel.driver == Driver::Xfrm
        && !ipv6.forwarding
        && ipv6.router_solicitations != 0;
    let solicitation =
        (Origin::LinkLocal("router solicitation"), Flow::icmpv6(source, group(2), 133));
    reports.then_some(report).into_iter().chain(solicits.then_some(solicitation)).collect()
}

fn own_ipv6(tunnel: &Tunnel<'_>, wanted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let own = tunnel.state.addresses_of(tunnel.link.ifindex).ok()?;
    own.iter().map(|a| a.prefix.addr()).find(|a| a.is_ipv6() && wanted(*a))
}
