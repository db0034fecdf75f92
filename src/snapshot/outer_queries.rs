//! The questions about routes that the transmit path of a given state needs: `collect` asks the kernel beforehand.

use super::{
    IpTunnel, Link, LinkKind, Mark, Mode, Observed, PolicyDirection, RouteQuery, RouteType, Sa,
    Snapshot, Template,
};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first host of a prefix that is not this interface itself. For the default route an address of the Internet.
pub fn first_host(prefix: IpNet, own: &[IpNet]) -> IpAddr {
    if prefix.prefix_len() == 0 {
        return match prefix {
            IpNet::V4(_) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
            IpNet::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        };
    }
    let mut hosts = prefix.hosts().take(1 + own.len());
    hosts.find(|h| !own.iter().any(|o| o.addr() == *h)).unwrap_or(prefix.addr())
}

impl Snapshot {
    /// The VRF that `ifindex` belongs to (or is): the kernel's `l3mdev_master_ifindex_by_index()`.
    pub fn vrf_of(&self, ifindex: u32) -> Observed<Option<u32>> {
        let links = self.links.as_ref().map_err(Clone::clone)?;
        let at = |index| links.iter().find(|l| l.ifindex == index);
        let is_vrf =
            |index: &u32| at(*index).is_some_and(|l| matches!(l.kind, LinkKind::Vrf { .. }));
        Ok(Some(ifindex).filter(is_vrf).or_else(|| at(ifindex)?.master.filter(is_vrf)))
    }

    /// The question that `xfrm_bundle_create()` asks for an SA: its addresses, in the VRF of the device that the flow leaves through, and
    /// `xfrm_smark_get()` of the flow's mark, which counts only where the SA has an output mark.
    pub fn outer_query(sa: &Sa, vrf: Option<u32>, flow_mark: u32) -> RouteQuery {
        let Sa { source, destination, set_mark, .. } = sa;
        Self::outer_query_between(*source, *destination, *set_mark, vrf, flow_mark)
    }

    /// The same for an SA of which only the addresses and the mark of the outer packet are known.
    pub fn outer_query_between(
        source: IpAddr,
        destination: IpAddr,
        set_mark: Mark,
        vrf: Option<u32>,
        flow_mark: u32,
    ) -> RouteQuery {
        let mark = if set_mark == Mark::default() { 0 } else { set_mark.put_on(flow_mark) };
        let source = Some(source).filter(|a| !a.is_unspecified());
        RouteQuery { destination, source, mark, vrf }
    }

    /// The question that `xfrm_get_saddr()` asks for a tunnel template without a source.
    pub fn template_source_query(template: &Template, vrf: Option<u32>) -> RouteQuery {
        RouteQuery { destination: template.destination, source: None, mark: 0, vrf }
    }

    /// The question that `ip_tunnel_xmit()`, `ipip6_tunnel_xmit()` and `ip6_tnl_xmit()` ask for the remote address; none where each packet has
    /// its own. They look in the device that the tunnel is bound to, and not in the VRF that it belongs to.
    pub fn ip_tunnel_query(device: &IpTunnel) -> Option<RouteQuery> {
        if device.remote.is_unspecified() || device.collect_metadata {
            return None;
        }
        let source = Some(device.local).filter(|a| !a.is_unspecified());
        let vrf = Some(device.link).filter(|link| *link != 0);
        Some(RouteQuery { destination: device.remote, source, mark: device.fwmark, vrf })
    }

    /// Every question about an outer route that the transmit model may ask of this state: for each SA to another host and each template
    /// without a source, in each VRF in which a VTI or an IP tunnel looks them up; and for the configured remote address of each.
    pub fn outer_queries(&self) -> BTreeSet<RouteQuery> {
        let (Ok(links), mut queries) = (&self.links, BTreeSet::new()) else {
            return BTreeSet::new();
        };
        let masters: BTreeMap<u32, Option<u32>> =
            links.iter().map(|l| (l.ifindex, l.master)).collect();
        let is_vrf = |l: &&Link| matches!(l.kind, LinkKind::Vrf { .. });
        let vrfs: BTreeSet<u32> = links.iter().filter(is_vrf).map(|l| l.ifindex).collect();
        let vrf_of = |index: u32| {
            let master = masters.get(&index).copied().flatten();
            Some(index).filter(|i| vrfs.contains(i)).or(master.filter(|m| vrfs.contains(m)))
        };
        // The VRF in which a VTI looks up routes, and the mark of its flows.
        let mut domains = BTreeSet::new();
        for link in links {
            match &link.kind {
                LinkKind::Vti(keys) | LinkKind::Vti6(keys) => {
                    let vrf = vrf_of(link.ifindex);
                    domains.insert((vrf, keys.output_mark));
                    if !keys.remote.is_unspecified() {
                        let source = Some(keys.local).filter(|a| !a.is_unspecified());
                        queries.insert(RouteQuery {
                            destination: keys.remote,
                            source,
                            mark: 0,
                            vrf,
                        });
                    }
                }
                LinkKind::Xfrm(device) => {
                    domains.insert((vrf_of(device.link), 0));
                }
                LinkKind::IpTunnel(device) => {
                    if let Some(query) = Self::ip_tunnel_query(device) {
                        domains.insert((vrf_of(device.link), device.fwmark));
                        queries.insert(query);
                    }
                }
                _ => {}
            }
        }
        let looked_in: BTreeSet<Option<u32>> = domains.iter().map(|(vrf, _)| *vrf).collect();
        let here: BTreeSet<IpAddr> =
            self.addresses.iter().flatten().map(|a| a.prefix.addr()).collect();
        let outbound = |a: &&Sa| !a.is_larval() && !here.contains(&a.destination);
        for sa in self.sas.iter().flatten().filter(outbound) {
            let Mark { value, mask } = sa.set_mark;
            let same_for_any_flow = mask == u32::MAX || (value == 0 && mask == 0);
            if same_for_any_flow {
                queries.extend(looked_in.iter().map(|vrf| Self::outer_query(sa, *vrf, 0)));
            } else {
                queries
                    .extend(domains.iter().map(|(vrf, mark)| Self::outer_query(sa, *vrf, *mark)));
            }
        }
        let out = self.policies.iter().flatten().filter(|p| p.direction == PolicyDirection::Out);
        let open = out
            .flat_map(|p| &p.templates)
            .filter(|t| t.mode != Mode::Transport && t.source.is_unspecified());
        for template in open {
            queries.extend(looked_in.iter().map(|vrf| Self::template_source_query(template, *vrf)));
        }
        self.marked_queries(&mut queries);
        self.inside_queries(&mut queries);
        self.peer_queries(&mut queries);
        queries
    }

    /// The question which source the kernel gives this host's own packets into a prefix.
    pub fn inside_query(prefix: IpNet, vrf: Option<u32>) -> RouteQuery {
        RouteQuery { destination: first_host(prefix, &[]), source: None, mark: 0, vrf }
    }

    /// These questions for the prefixes that are routed into VTIs without an address.
    fn inside_queries(&self, queries: &mut BTreeSet<RouteQuery>) {
        let most = queries.len().saturating_add(MOST_INSIDE);
        let has_address: BTreeSet<(u32, bool)> = self
            .addresses
            .iter()
            .flatten()
            .map(|a| (a.ifindex, a.prefix.addr().is_ipv4()))
            .collect();
        let vtis: BTreeSet<u32> = self
            .links
            .iter()
            .flatten()
            .filter(|l| l.driver().is_some() && l.admin_up)
            .map(|l| l.ifindex)
            .collect();
        for route in self.routes.iter().flatten() {
            let Some(oif) = route.oif.filter(|oif| vtis.contains(oif)) else { continue };
            let (address, is_v4) = (route.destination.addr(), route.destination.addr().is_ipv4());
            // Every device with IPv6 has an address of its own for its link, and one of these routes.
            let is_asked =
                is_v4 && !address.is_multicast() && route.route_type == RouteType::Unicast;
            if !is_asked || has_address.contains(&(oif, is_v4)) || queries.len() >= most {
                continue;
            }
            let vrf = self.vrf_of(oif).ok().flatten();
            queries.insert(Self::inside_query(route.destination, vrf));
        }
    }

    /// The question how charon's own packets go to a connection's peer.
    pub fn peer_query(remote: IpAddr) -> RouteQuery {
        RouteQuery { destination: remote, source: None, mark: 0, vrf: None }
    }

    /// These questions for the connections that have no SA: the others have questions of their SAs.
    fn peer_queries(&self, queries: &mut BTreeSet<RouteQuery>) {
        let connections = self.ike.iter().flat_map(|ike| &ike.connections);
        let remotes = connections.flat_map(|c| &c.remote_addresses).filter_map(|a| a.parse().ok());
        let to: BTreeSet<IpAddr> = self.sas.iter().flatten().map(|sa| sa.destination).collect();
        let open =
            remotes.filter(|remote: &IpAddr| !to.contains(remote) && !remote.is_unspecified());
        queries.extend(open.take(MOST_MARKED).map(Self::peer_query));
    }

    /// Where packets with the marks of routing rules go: ESP of each outbound SA, and one packet to each network that this host is connected to.
    fn marked_queries(&self, queries: &mut BTreeSet<RouteQuery>) {
        let on_marks = self.rules.iter().flatten().filter(|rule| rule.is_on_a_mark());
        let marks: BTreeSet<u32> =
            on_marks.map(|rule| rule.fwmark.value).take(MOST_MARKS).collect();
        if marks.is_empty() {
            return;
        }
        let addresses = || self.addresses.iter().flatten();
        let here: BTreeSet<IpAddr> = addresses().map(|a| a.prefix.addr()).collect();
        let outbound = |a: &&Sa| !a.is_larval() && !here.contains(&a.destination);
        for mark in marks {
            for sa in self.sas.iter().flatten().filter(outbound).take(MOST_MARKED) {
                let (destination, source) = (sa.destination, Some(sa.source));
                queries.insert(RouteQuery { destination, source, mark, vrf: None });
            }
            for address in addresses().take(MOST_MARKED) {
                let own = address.prefix.addr();
                if let Some(destination) = address.prefix.hosts().take(2).find(|h| *h != own) {
                    queries.insert(RouteQuery { destination, source: None, mark, vrf: None });
                }
            }
        }
    }
}

/// So many questions for the sources of this host's own packets.
const MOST_INSIDE: usize = 256;
/// So many marks, and so many SAs and networks with each, are asked about.
const MOST_MARKS: usize = 8;
const MOST_MARKED: usize = 64;
