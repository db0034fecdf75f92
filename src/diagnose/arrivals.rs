//! What the peer may send through a tunnel's inbound SAs, taken from the state, and what the receive model does with it. Each packet is tried
//! in both ways that it can go on: to this host itself, and to a host behind it. Nothing here decides what a refusal means.

use super::flows::{Origin, Trace, first_host, within};
use super::inbound::Inbound;
use crate::snapshot::{
    Address, Driver, Family, Missing, Mode, Observed, Policy, PolicyDirection, Sa, Selector,
    is_global,
};
use crate::tunnel::Tunnel;
use crate::way::Flow;
use crate::way::receive::{self, Encrypted, Outcome, Refusal, Site, Verdict};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a packet goes on that the tunnel delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Towards {
    /// A socket of this host.
    ThisHost,
    /// A host behind this one.
    Behind,
}

/// A packet that the peer may send, and its fate.
pub(super) struct Arrival<'a> {
    pub sa: &'a Sa,
    pub towards: Towards,
    pub flow: Flow,
    pub verdict: Verdict,
}

impl Arrival<'_> {
    /// Why the policies refuse it; none if they do not.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match &self.verdict.site {
            Site::Policy { refusal, .. }
            | Site::AsClear { refusal, .. }
            | Site::OuterPolicy { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// Whether another interface takes it than that of the tunnel, or none does.
    pub fn is_of_another(&self, tunnel: &Tunnel<'_>) -> bool {
        // An xfrm interface is known by the SA alone, which is looked up after the first checks.
        let is_known = match self.verdict.site {
            Site::Undecided(_) | Site::NotForThisHost { .. } | Site::SaDirection { .. } => false,
            Site::OuterPolicy { .. } => tunnel.driver != Driver::Xfrm,
            _ => true,
        };
        is_known && self.verdict.effect.device != Some(tunnel.link.ifindex)
    }
}

/// At most so many SAs and selectors of one tunnel are tried.
const MOST_SAS: usize = 4;
const MOST_SELECTORS: usize = 4;

/// The packets of the tunnel's inbound SAs; the newest SAs first.
pub(super) fn arrivals<'a>(
    tunnel: &Tunnel<'a>,
    inbound: &Inbound<'a>,
    tried: &[Trace],
) -> Observed<Vec<Arrival<'a>>> {
    let mut sas = inbound.own.clone();
    sas.sort_by_key(|sa| std::cmp::Reverse(sa.current.add_time));
    let mut flows = candidates(tunnel, tried, Towards::ThisHost)?;
    flows.extend(candidates(tunnel, tried, Towards::Behind)?);
    let mut found = Vec::new();
    for sa in sas.into_iter().take(MOST_SAS) {
        if sa.mode == Mode::Tunnel {
            found.extend(flows.iter().map(|(towards, flow)| arrive(tunnel, sa, *towards, flow)));
            // An SA may be for fewer packets than the policies.
            for towards in [Towards::ThisHost, Towards::Behind] {
                let own = of_selector(tunnel, tried, &sa.selector, towards)?;
                let own = own.filter(|flow| is_narrow(&sa.selector) && may_come(tried, flow));
                found.extend(own.map(|flow| arrive(tunnel, sa, towards, &flow)));
            }
        } else {
            // What is inside has the addresses of the packet itself.
            let flow = Flow::probe(sa.source, sa.destination);
            found.push(arrive(tunnel, sa, Towards::ThisHost, &flow));
        }
    }
    Ok(found)
}

/// A packet that the peer may send through this SA to this host; none if no address of this host is covered.
pub(super) fn sample(tunnel: &Tunnel<'_>, sa: &Sa) -> Option<Flow> {
    if sa.mode != Mode::Tunnel {
        return None;
    }
    let flows = candidates(tunnel, &[], Towards::ThisHost).ok()?;
    let family = sa.selector.family;
    let fits = |flow: &Flow| family == Family::Unspec || flow.family() == family;
    flows.into_iter().map(|(_, flow)| flow).find(fits)
}

/// Whether the selector of an SA leaves packets out.
fn is_narrow(selector: &Selector) -> bool {
    let is_wide = selector.source.prefix_len() == 0 && selector.destination.prefix_len() == 0;
    let is_for_all = is_wide && selector.protocol == 0;
    selector.family != Family::Unspec && !is_for_all
}

/// Whether the source of a packet is behind the peer, as far as routes tell: some lead into the tunnel, and one of them to it.
fn may_come(tried: &[Trace], flow: &Flow) -> bool {
    let mut routed = tried.iter().filter_map(|t| match &t.origin {
        Origin::Routed(prefix) => Some(prefix),
        _ => None,
    });
    routed.clone().next().is_none() || routed.any(|prefix| prefix.contains(&flow.source))
}

fn arrive<'a>(tunnel: &Tunnel<'a>, sa: &'a Sa, towards: Towards, flow: &Flow) -> Arrival<'a> {
    let packet = Encrypted::of(sa, flow.clone());
    // What the SA has decrypted came from there.
    let packet = match tunnel.remote().filter(|_| sa.current.packets > 0) {
        Some(source) => Encrypted { source, ..packet },
        None => packet,
    };
    Arrival { sa, towards, flow: flow.clone(), verdict: receive::end(tunnel.state, &packet) }
}

/// The flows to try: those for which the peer has a policy, which mirrors this host's.
fn candidates(
    tunnel: &Tunnel<'_>,
    tried: &[Trace],
    towards: Towards,
) -> Observed<Vec<(Towards, Flow)>> {
    let mut flows: Vec<(Towards, Flow)> = Vec::new();
    let selectors = mirrored(tunnel, tried, towards)?;
    for selector in &selectors {
        let Some(flow) = of_selector(tunnel, tried, selector, towards)? else { continue };
        if !flows.iter().any(|(_, other)| *other == flow) {
            flows.push((towards, flow));
        }
    }
    Ok(flows)
}

/// A packet that a selector covers; none if it covers no address of this host, or, for one behind it, if this host does not forward.
fn of_selector(
    tunnel: &Tunnel<'_>,
    tried: &[Trace],
    selector: &Selector,
    towards: Towards,
) -> Observed<Option<Flow>> {
    let forwards = || tunnel.state.forwards(tunnel.link.ifindex, selector.family);
    if towards == Towards::Behind && !forwards()? {
        return Ok(None);
    }
    let to = match towards {
        Towards::ThisHost => own_address(tunnel, &selector.destination)?,
        Towards::Behind => host_behind(tunnel, &selector.destination)?,
    };
    Ok(to.map(|to| within(selector, source_in(&selector.source, tried), to)))
}

/// What the peer may send: the selectors of the direction itself, and those of the policies out, turned round; where there is none, any packet
/// of the families that are tried on the way out.
fn mirrored(tunnel: &Tunnel<'_>, tried: &[Trace], towards: Towards) -> Observed<Vec<Selector>> {
    let turned = |policy: &&Policy| Selector {
        source: policy.selector.destination,
        destination: policy.selector.source,
        source_port: policy.selector.destination_port,
        destination_port: policy.selector.source_port,
        ..policy.selector.clone()
    };
    let direction = match towards {
        Towards::ThisHost => PolicyDirection::In,
        Towards::Behind => PolicyDirection::Forward,
    };
    let own = tunnel.own_policies(direction)?.iter().take(MOST_SELECTORS);
    let mut found: Vec<Selector> = own.map(|policy| policy.selector.clone()).collect();
    // On most hosts these are the same.
    for selector in
        tunnel.own_policies(PolicyDirection::Out)?.iter().take(MOST_SELECTORS).map(turned)
    {
        if !found.contains(&selector) {
            found.push(selector);
        }
    }
    if found.is_empty() {
        let families: BTreeSet<Family> = tried
            .iter()
            .filter(|t| !matches!(t.origin, Origin::LinkLocal(_)))
            .map(|t| t.flow.family())
            .collect();
        found.extend(families.into_iter().map(Selector::all));
    }
    Ok(found)
}

/// A source behind the peer: what is routed into the tunnel, where that is in the prefix.
fn source_in(prefix: &IpNet, tried: &[Trace]) -> IpAddr {
    let routed = tried.iter().filter(|t| matches!(t.origin, Origin::Routed(_)));
    let mut routed = routed.map(|t| t.flow.destination);
    routed.find(|address| prefix.contains(address)).unwrap_or_else(|| first_host(*prefix, &[]))
}

/// An address of this host in the prefix, before all one of the interface itself.
fn own_address(tunnel: &Tunnel<'_>, prefix: &IpNet) -> Observed<Option<IpAddr>> {
    let usable = |a: &&Address| {
        let address = a.prefix.addr();
        prefix.contains(&address) && is_global(address)
    };
    let own = tunnel.state.addresses_of(tunnel.link.ifindex)?.iter().find(usable);
    let found = match own {
        Some(own) => Some(own),
        None => tunnel.state.global_addresses_in(prefix)?.iter().next(),
    };
    Ok(found.map(|address| address.prefix.addr()))
}

/// A host of the prefix that is not this one: in a network of another interface, where one is in the prefix.
fn host_behind(tunnel: &Tunnel<'_>, prefix: &IpNet) -> Observed<Option<IpAddr>> {
    let state = tunnel.state;
    for link in state.outside_links()?.iter().filter(|link| link.admin_up && !link.loopback) {
        for address in state.addresses_of(link.ifindex)? {
            let network = address.prefix.trunc();
            if prefix.contains(&network) && network.hosts().nth(1).is_some() {
                return host_of(tunnel, network);
            }
        }
    }
    if prefix.prefix_len() == 0 {
        return Ok(Some(match prefix {
            IpNet::V4(_) => IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
            IpNet::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1)),
        }));
    }
    host_of(tunnel, *prefix)
}

/// The first host of a network that is not this one, among so many.
fn host_of(tunnel: &Tunnel<'_>, network: IpNet) -> Observed<Option<IpAddr>> {
    const MOST_HOSTS: usize = 16;
    for host in network.hosts().take(MOST_HOSTS) {
        if tunnel.state.local_addresses(host)?.is_empty() {
            return Ok(Some(host));
        }
    }
    Ok(None)
}

/// Packets of one kind: of one family, in one way to go on.
pub(super) struct Kind<'l, 'a> {
    pub towards: Towards,
    pub family: Family,
    /// The first that is refused, if all are.
    pub refused: Option<&'l Arrival<'a>>,
    /// What is missing, if none is let in and the fate of one is not known.
    pub open: Option<Missing>,
}

/// The kinds of packets that were tried, each with what becomes of it. One that is let in speaks for its kind.
pub(super) fn kinds<'l, 'a>(arrivals: &'l [Arrival<'a>]) -> Vec<Kind<'l, 'a>> {
    let mut keys: Vec<(Towards, Family)> =
        arrivals.iter().map(|arrival| (arrival.towards, arrival.flow.family())).collect();
    keys.sort_unstable();
    keys.dedup();
    let of = |(towards, family): (Towards, Family)| {
        let one = |a: &&Arrival<'_>| a.towards == towards && a.flow.family() == family;
        let mut all = arrivals.iter().filter(one);
        let passes = all.clone().any(|a| a.verdict.effect.outcome == Outcome::LetIn);
        let open = all.clone().find_map(|a| match &a.verdict.site {
            Site::Undecided(missing) => Some(missing.clone()),
            _ => None,
        });
        let refused = all.find(|a| a.verdict.effect.outcome == Outcome::Dropped);
        Kind {
            towards,
            family,
            refused: refused.filter(|_| !passes && open.is_none()),
            open: open.filter(|_| !passes),
        }
    };
    keys.into_iter().map(of).collect()
}

/// What was missing for the fate of the packets, where nothing else tells it.
pub(super) fn open(kinds: &[Kind<'_, '_>]) -> Option<Missing> {
    kinds.iter().find_map(|kind| kind.open.clone())
}
