//! Sources from which a tunnel delivers packets and to which no route leads back into it: what strict validation of sources refuses. It decides
//! over no packet.

use super::case::Case;
use super::filtered;
use super::flows;
use super::lans;
use crate::snapshot::filter::{FibQuery, Hook};
use crate::snapshot::{Family, Observed, PolicyDirection, is_global};
use crate::way::around::filter::{By, Filter, Packet};
use crate::way::around::{Ruling, To, delivered, esp_arrives};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

/// Where packets without a reverse path into the tunnel come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unrouted {
    /// From this prefix, which an inbound policy names.
    Prefix(IpNet),
    /// From anywhere but the interface's own prefixes: the inbound policies cover all addresses of this family, and nothing is routed into
    /// the tunnel.
    Everything(Family),
}

impl Unrouted {
    /// A host there.
    pub fn host(self) -> IpAddr {
        let prefix = match self {
            Unrouted::Prefix(prefix) => prefix,
            Unrouted::Everything(Family::Inet6) => Ipv6Net::default().into(),
            Unrouted::Everything(_) => Ipv4Net::default().into(),
        };
        flows::first_host(prefix, &[])
    }
}

/// The sources of the tunnel's inbound policies that no route of this host leads back to through the tunnel.
pub(super) fn unrouted(case: &Case<'_>) -> Observed<Vec<Unrouted>> {
    let tunnel = case.tunnel()?;
    tunnel.state.routes_through(tunnel.link.ifindex)?;
    let routed = flows::routed_prefixes(tunnel);
    let own = flows::own_prefixes(tunnel)?;
    let mut found = Vec::new();
    for policy in tunnel.own_policies(PolicyDirection::In)? {
        let source = policy.selector.source;
        let family = Family::of(source.addr());
        let one = if source.prefix_len() > 0 {
            let is_reached = routed.iter().any(|r| r.contains(&source) || source.contains(r));
            (!is_reached).then_some(Unrouted::Prefix(source))
        } else {
            let mut alike = routed.iter().filter(|r| Family::of(r.addr()) == family);
            alike.all(|r| own.contains(r)).then_some(Unrouted::Everything(family))
        };
        found.extend(one.filter(|one| !found.contains(one)));
    }
    Ok(found)
}

/// What drops the packets from a source because it has no reverse path into the tunnel: a rule, or the policy of its chain; none where nothing
/// drops all of them for that reason.
pub(super) fn refused_by<'r>(
    case: &Case<'r>,
    filter: &Filter<'r>,
    source: Unrouted,
) -> Observed<Option<(Hook, By<'r>)>> {
    let (tunnel, ruleset) = (case.tunnel()?, case.now.filter.as_ref().map_err(Clone::clone)?);
    // `fib saddr . iif oif`: a route to the source by the interface that the packet came in by.
    let mut asked = ruleset.fib_queries();
    asked.retain(|query| query.is_for_the_source() && query.is_by_the_input());
    let Some(inbound) = case.inbound()? else { return Ok(None) };
    let Some(sa) = inbound.own.first().filter(|_| !asked.is_empty()) else { return Ok(None) };
    let (_, arrived) = esp_arrives(filter, tunnel, sa);
    let address = source.host();
    let family = Family::of(address);
    let mut ways: Vec<(IpAddr, To<'_>)> = lans::that_receive(tunnel, family)?
        .into_iter()
        .map(|lan| (lan.host, To::Out(Some(lan.link))))
        .collect();
    let is_own = |a: &IpAddr| Family::of(*a) == family && is_global(*a);
    let all = case.now.addresses.as_ref().map_err(Clone::clone)?;
    let own = all.iter().map(|address| address.prefix.addr()).find(is_own);
    ways.extend(own.map(|own| (own, To::Here)));
    for (destination, to) in ways {
        let ends = |oif: u64| {
            let answer = |query: &FibQuery| match query.is_only_present() {
                false => oif,
                true => u64::from(oif != NO_ROUTE),
            };
            let answers = asked.iter().map(|query| (*query, answer(query))).collect();
            let inside = Packet::any(address, destination);
            delivered(filter, tunnel, sa, &arrived, &inside, to, answers)
        };
        let refused = match ends(NO_ROUTE) {
            Ruling::Drops(hook, by) => Some((hook, by)),
            // A rule before it lets in some, as DHCP; it drops the others.
            Ruling::Unknown(hook, Some(by), doubt) if filtered::is_open(&doubt) => Some((hook, by)),
            _ => None,
        };
        // What is dropped with a reverse path as well has another cause.
        let back = tunnel.link.ifindex.into();
        if let Some(refused) = refused.filter(|_| ends(back) == Ruling::Passes) {
            return Ok(Some(refused));
        }
    }
    Ok(None)
}

/// What `fib` answers where there is no route by the interface (`nft_fib4_eval()`).
const NO_ROUTE: u64 = 0;
