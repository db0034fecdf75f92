//! From templates to SAs: `xfrm_tmpl_resolve_one()` and `xfrm_state_find()`. Which of several matching SAs is used is decided in
//! `preferred`.

use super::bucket::bucket;
use super::preferred::preferred;
use crate::kernel::Change;
use crate::snapshot::{
    Direction, Driver, Family, IfId, Mode, Observed, Policy, PolicyDirection, ReqId, RouteAnswer,
    Sa, Snapshot, Source, Spi, Template,
};
use crate::tunnel::ownership::serves;
use crate::tunnel::{Group, Tunnel};
use crate::units::SA;
use crate::way::flow::Flow;
use crate::way::policy::Choice;
use crate::way::site::{Mismatch, Nearest, Site, Wanted};
use crate::way::trail::{At, End, Trail, Walk, undecidable, which_kernel};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// RT_SCOPE_UNIVERSE.
const SCOPE_GLOBAL: u8 = 0;

/// XFRM_STATE_WILDRECV: an inbound SA for any source, never used outbound.
const WILDRECV: u8 = 8;

/// The field that the second walk does not compare.
const SOURCE: &str = "source address";

/// What one template asks `xfrm_state_find()` for.
struct Query<'t> {
    policy: &'t Policy,
    template: &'t Template,
    source: IpAddr,
    destination: IpAddr,
    family: Family,
}

/// The SAs that a packet is transformed with, innermost first; never empty.
pub(super) fn resolve<'a>(
    tunnel: &Tunnel<'a>,
    flow: &Flow,
    choice: &Choice<'a>,
    trail: &mut Trail,
) -> Walk<Vec<&'a Sa>> {
    let mut chain = Vec::new();
    for policy in &choice.policies {
        let (mut source, mut destination) = (flow.source, flow.destination);
        for template in &policy.templates {
            let mut query =
                Query { policy, template, source, destination, family: template.family };
            if template.mode != Mode::Transport && template.mode != Mode::RouteOptimization {
                query.destination = template.destination;
                query.source = template_source(tunnel, template)?;
            }
            trail.step(At::Template, &query, "");
            if let Some(sa) = find(tunnel, flow, &query, trail)? {
                chain.push(sa);
                (source, destination) = (query.source, query.destination);
            }
        }
    }
    if choice.policies.len() > 1 && flow.family() == Family::Inet6 {
        chain.sort_by_key(|sa| sort_class(sa));
    }
    match choice.policies.first() {
        Some(policy) if chain.is_empty() => Err(End(Site::NoTemplate { index: policy.index })),
        _ => Ok(chain),
    }
}

/// `__xfrm6_state_sort_cmp()`: the order of the SAs of several policies for an IPv6 packet.
fn sort_class(sa: &Sa) -> u8 {
    const AH: u8 = 51;
    match sa.mode {
        Mode::Transport if sa.protocol != AH => 1,
        Mode::RouteOptimization => 2,
        Mode::Transport => 3,
        Mode::Tunnel | Mode::Beet => 4,
        _ => 5,
    }
}

/// `xfrm_get_saddr()`: the template's source, or that of the route to its destination.
fn template_source(tunnel: &Tunnel<'_>, template: &Template) -> Walk<IpAddr> {
    if !template.source.is_unspecified() {
        return Ok(template.source);
    }
    let vrf = tunnel.outer_vrf()?.map(|l| l.ifindex);
    match tunnel.state.route(&Snapshot::template_source_query(template, vrf))? {
        RouteAnswer::Route { source: Some(source), oif, .. } if source.is_ipv6() => {
            Ok(selected_source(tunnel, template, *oif)?)
        }
        RouteAnswer::Route { source: Some(source), .. } => Ok(*source),
        RouteAnswer::Route { source: None, .. } => Err(undecidable(
            Source::RouteLookups,
            format!("which source address a packet to {} gets", template.destination),
        )
        .into()),
        RouteAnswer::Error { errno } => Err(End(Site::TemplateSource { errno: *errno })),
    }
}

/// The source that `ipv6_dev_get_saddr()` selects. Unlike for a socket, the route's own source (`src`) does not count. Known only if the
/// host has exactly one address to select from.
fn selected_source(tunnel: &Tunnel<'_>, template: &Template, oif: u32) -> Observed<IpAddr> {
    let state = tunnel.state;
    let addresses = state.snapshot.addresses.as_ref().map_err(Clone::clone)?;
    let vrf = |ifindex| Ok(state.vrf_of(ifindex)?.map(|l| l.ifindex));
    let wanted = vrf(oif)?;
    let mut found = BTreeSet::new();
    for address in addresses {
        let usable = address.scope == SCOPE_GLOBAL && address.is_usable();
        if usable && address.prefix.addr().is_ipv6() && vrf(address.ifindex)? == wanted {
            found.insert(address.prefix.addr());
        }
    }
    match (found.pop_first(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(undecidable(
            Source::RouteLookups,
            format!("which source address a packet to {} gets", template.destination),
        )),
    }
}

/// `xfrm_state_find()`. None: the template is optional and no SA matches.
fn find<'a>(
    tunnel: &Tunnel<'a>,
    flow: &Flow,
    query: &Query<'_>,
    trail: &mut Trail,
) -> Walk<Option<&'a Sa>> {
    let state = tunnel.state;
    let oif = super::policy::flow_oif(tunnel);
    let chain = state.sas_to(query.destination, query.template.reqid)?;
    let usable = |a: &&'a Sa| !a.is_larval() && selector_takes(a, flow, oif);
    // First the SAs from the wanted source. Only if none of them is usable or larval, those in the bucket of the wildcard source.
    let buckets = Buckets { tunnel, query };
    let shared = buckets.wildcard_shares_exact(chain)?;
    let exact = fitting(chain, |a| query.fits(a) && (shared || !a.source.is_unspecified()));
    let (mut found, mut under_way) = split(exact, usable);
    if found.is_empty() && !under_way {
        let wildcard = buckets.wildcard_chain(chain)?;
        (found, under_way) = split(wildcard, usable);
    }
    let matching = found.len();
    if let Some(best) = preferred(tunnel, query.policy, found)? {
        let of_several = match matching {
            ..=1 => String::new(),
            several => format!(", 1 of {several} that match"),
        };
        trail.step(
            At::Sa,
            format_args!("{} to {}{of_several}", best.spi, best.destination),
            "match",
        );
        if best.direction == Some(Direction::In) {
            return Err(End(Site::SaDirection { spi: best.spi }));
        }
        return Ok(Some(best));
    }
    if query.template.optional {
        trail.step(At::Sa, "no SA matches an optional template", "skipped");
        return Ok(None);
    }
    let wanted = wanted(tunnel, flow, query, under_way)?;
    let notes = wanted.nearest.iter().map(Nearest::to_string).collect();
    let related = state.sas_to(query.destination, query.template.reqid)?.len();
    let to = format!("to {} with reqid {}", query.destination, query.template.reqid);
    let (looked_at, result) = match related {
        0 => (to, "none"),
        some => (format!("{} {to}", SA.of(some)), "none matches"),
    };
    trail.with_notes(At::Sa, looked_at, result, notes);
    Err(End(no_sa(tunnel, wanted)?))
}

/// What the lookup does without an SA: drop the packet, or queue it (`XFRM_LOOKUP_QUEUE`, which vti and vti6 set since
/// [`Change::HoldQueueOfVti`], and `xfrm_larval_drop=0`).
fn no_sa(tunnel: &Tunnel<'_>, wanted: Wanted) -> Observed<Site> {
    let snapshot = &tunnel.state.snapshot;
    let queues = match tunnel.driver {
        Driver::Xfrm => Some(false),
        Driver::Vti | Driver::Vti6 => tunnel.state.kernel.has(Change::HoldQueueOfVti),
    };
    let may_hold = queues != Some(false)
        && !wanted.spi_in_use
        && !snapshot.sysctls.xfrm_larval_drop.clone()?;
    match queues {
        None if may_hold => Err(which_kernel(tunnel, "queues packets without an SA")),
        _ if may_hold => Ok(Site::Held(Box::new(wanted))),
        _ => Ok(Site::NoSa(Box::new(wanted))),
    }
}

/// Whether the SA's selector matches the flow; a selector without a family matches any (`xfrm_state_look_at()`).
fn selector_takes(sa: &Sa, flow: &Flow, oif: u32) -> bool {
    let selector = &sa.selector;
    selector.family == Family::Unspec
        || (selector.family == flow.family() && flow.matches(selector, oif))
}

fn fitting<'a>(chain: Group<'a, Sa>, fits: impl Fn(&Sa) -> bool) -> Vec<&'a Sa> {
    chain.iter().filter(|a| fits(a)).collect()
}

/// The usable SAs among those that match, and whether one of the matching SAs is larval.
fn split<'a>(fitting: Vec<&'a Sa>, usable: impl FnMut(&&'a Sa) -> bool) -> (Vec<&'a Sa>, bool) {
    let under_way = fitting.iter().any(|a| a.is_larval());
    (fitting.into_iter().filter(usable).collect(), under_way)
}

/// Which SAs share a chain of the table by addresses.
struct Buckets<'q, 'a> {
    tunnel: &'q Tunnel<'a>,
    query: &'q Query<'q>,
}

impl<'a> Buckets<'_, 'a> {
    fn of(&self, source: IpAddr) -> Observed<u32> {
        let sad = self.tunnel.state.snapshot.sad_info.as_ref().map_err(Clone::clone)?;
        let Query { destination, family, template, .. } = *self.query;
        Ok(bucket(destination, source, template.reqid, family, sad.hash_buckets))
    }

    fn any(&self) -> IpAddr {
        match self.query.destination {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// Whether the first walk already meets SAs without a source; looked up only if there are any.
    fn wildcard_shares_exact(&self, chain: Group<'_, Sa>) -> Observed<bool> {
        if !chain.iter().any(|a| a.source.is_unspecified()) {
            return Ok(false);
        }
        Ok(self.of(self.any())? == self.of(self.query.source)?)
    }

    /// The second walk: SAs without a source, and any other SA in their bucket, because this walk does not compare the source.
    fn wildcard_chain(&self, chain: Group<'a, Sa>) -> Observed<Vec<&'a Sa>> {
        let mut found = Vec::new();
        for sa in fitting(chain, |a| self.query.fits_any_source(a)) {
            if sa.source.is_unspecified() || self.of(sa.source)? == self.of(self.any())? {
                found.push(sa);
            }
        }
        Ok(found)
    }
}

/// Describes the failed search, with the nearest SA that no other policy asks for.
fn wanted(tunnel: &Tunnel<'_>, flow: &Flow, query: &Query<'_>, larval: bool) -> Observed<Wanted> {
    let (state, template) = (tunnel.state, query.template);
    let mark = query.policy.mark.value & query.policy.mark.mask;
    let oif = super::policy::flow_oif(tunnel);
    let mut nearest: Option<Nearest> = None;
    for sa in state.related_sas(query.destination, template.reqid, tunnel.if_id(), mark)? {
        let inbound = !state.local_addresses(sa.destination)?.is_empty()
            && sa.destination != query.destination;
        if sa.is_larval() || inbound {
            continue;
        }
        let mut mismatches = query.mismatches(sa);
        if !selector_takes(sa, flow, oif) {
            let have = format!("{} ({})", sa.selector, family_name(sa.selector.family));
            mismatches.push(Mismatch {
                field: "selector",
                have,
                want: format!("one that matches {flow}"),
            });
        }
        let others =
            sa.if_id != tunnel.if_id() || sa.mark.value != mark || sa.reqid != template.reqid;
        if mismatches.is_empty() || (others && state.is_wanted(PolicyDirection::Out, sa)?) {
            continue;
        }
        if nearest.as_ref().is_none_or(|n| mismatches.len() < n.mismatches.len()) {
            let Sa { spi, source, destination, .. } = *sa;
            nearest = Some(Nearest { spi, source, destination, mismatches });
        }
    }
    Ok(Wanted {
        policy: query.policy.index,
        text: query.to_string(),
        destination: query.destination,
        larval,
        spi_in_use: !larval && spi_in_use(tunnel, query)?,
        nearest,
    })
}

/// Before it asks for a new SA, `xfrm_state_find()` looks for one with the template's SPI by `__xfrm_state_lookup()`, which compares
/// fewer fields. If that SA does not match, the search ends with -EEXIST.
fn spi_in_use(tunnel: &Tunnel<'_>, query: &Query<'_>) -> Observed<bool> {
    let Query { policy, template, destination, family, .. } = *query;
    if template.spi == Spi(0) {
        return Ok(false);
    }
    let sas = tunnel.state.snapshot.sas.as_ref().map_err(Clone::clone)?;
    Ok(sas.iter().any(|a| {
        a.spi == template.spi
            && a.destination == destination
            && a.protocol == template.protocol
            && a.family == family
            && serves(policy.mark, a.mark)
    }))
}

impl Query<'_> {
    /// The comparisons of `xfrm_state_find()` that this SA fails, with both values. If the template has no SPI, any SPI matches.
    fn mismatches(&self, a: &Sa) -> Vec<Mismatch> {
        let mut found = Vec::new();
        self.compare(a, |field, have, want| {
            found.push(Mismatch { field, have: have.to_string(), want: want.to_string() });
        });
        found
    }

    /// Whether the SA fails none of them.
    fn fits(&self, a: &Sa) -> bool {
        let mut fits = true;
        self.compare(a, |_, _, _| fits = false);
        fits
    }

    /// Whether it fails none of them, or only that of the source.
    fn fits_any_source(&self, a: &Sa) -> bool {
        let mut fits = true;
        self.compare(a, |field, _, _| fits &= field == SOURCE);
        fits
    }

    /// Calls `differs` for each comparison that the SA fails, with the field, the SA's value and the wanted value.
    fn compare(&self, a: &Sa, mut differs: impl FnMut(&'static str, &dyn Display, &dyn Display)) {
        let (template, policy) = (self.template, self.policy);
        let mark = policy.mark.value & policy.mark.mask;
        // Most SAs match, so values are formatted only if they differ.
        let mut compare = |fits: bool, field, have: &dyn Display, want: &dyn Display| {
            if !fits {
                differs(field, have, want);
            }
        };
        compare(a.if_id == policy.if_id, "if_id", &a.if_id, &policy.if_id);
        compare(serves(policy.mark, a.mark), "mark", &a.mark, &format_args!("{mark:#x}"));
        compare(a.reqid == template.reqid, "reqid", &a.reqid, &template.reqid);
        compare(a.mode == template.mode, "mode", &a.mode, &template.mode);
        let same_protocol = a.protocol == template.protocol;
        compare(same_protocol, "protocol", &Protocol(a.protocol), &Protocol(template.protocol));
        let (have, want) = (family_name(a.family), family_name(self.family));
        compare(a.family == self.family, "outer family", &have, &want);
        let destination = a.destination == self.destination;
        compare(destination, "destination address", &a.destination, &self.destination);
        let source =
            a.source == self.source || a.source.is_unspecified() || self.source.is_unspecified();
        compare(source, SOURCE, &a.source, &self.source);
        let spi = template.spi == Spi(0) || template.spi == a.spi;
        compare(spi, "spi", &a.spi, &template.spi);
        compare(a.flags & WILDRECV == 0, "flag wildrecv", &"set", &"not set");
    }
}

/// The template in one line.
impl Display for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { source, destination, policy, .. } = self;
        let Template { mode, reqid, spi, protocol, .. } = self.template;
        write!(f, "{} {mode} {source} -> {destination}", Protocol(*protocol))?;
        if *reqid != ReqId(0) {
            write!(f, ", reqid {reqid}")?;
        }
        if policy.if_id != IfId(0) {
            write!(f, ", if_id {}", policy.if_id)?;
        }
        if policy.mark.mask != 0 {
            write!(f, ", mark {}", policy.mark)?;
        }
        if *spi != Spi(0) { write!(f, ", spi {spi}") } else { Ok(()) }
    }
}

impl std::fmt::Display for Nearest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SA {} to {}: ", self.spi, self.destination)?;
        for (i, Mismatch { field, have, want }) in self.mismatches.iter().enumerate() {
            write!(f, "{}{field} {have}, wanted {want}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// The protocol of an SA as the tools name it.
struct Protocol(u8);

impl Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            50 => f.write_str("esp"),
            51 => f.write_str("ah"),
            108 => f.write_str("comp"),
            other => write!(f, "protocol {other}"),
        }
    }
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::Unspec => "any",
        Family::Inet => "IPv4",
        Family::Inet6 => "IPv6",
    }
}
