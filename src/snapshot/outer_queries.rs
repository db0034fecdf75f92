//! The questions about outer routes that the transmit path asks the kernel of a state: collect asks them beforehand.

use super::{
    Link, LinkKind, Mark, Mode, Observed, PolicyDirection, RouteQuery, Sa, Snapshot, Template,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

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

    /// The same for an SA of which only addresses and output mark are known.
    pub fn outer_query_between(
        source: IpAddr,
        destination: IpAddr,
        set_mark: Mark,
        vrf: Option<u32>,
        flow_mark: u32,
    ) -> RouteQuery {
        let Mark { value, mask } = set_mark;
        let mark = if value == 0 && mask == 0 { 0 } else { (value & mask) | (flow_mark & !mask) };
        let source = Some(source).filter(|a| !a.is_unspecified());
        RouteQuery { destination, source, mark, vrf }
    }

    /// The question that `xfrm_get_saddr()` asks for a tunnel template without a source.
    pub fn template_source_query(template: &Template, vrf: Option<u32>) -> RouteQuery {
        RouteQuery { destination: template.destination, source: None, mark: 0, vrf }
    }

    /// Every question about an outer route that the transmit model may ask of this state: for each SA to another host and each template
    /// without a source, in each VRF that a VTI looks in; and for each VTI's configured remote address.
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
        // Where a VTI looks, and with which mark on its flows.
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
        queries
    }
}
