//! Answers to the questions about outer routes, from the routes and rules of a text: the longest prefix of the first table that has one, in the
//! order of the rules (`fib_rules_lookup()`, `fib_table_lookup()`, `fib6_table_lookup()`). A question that these do not decide has no answer:
//! a table that the text does not have, several next hops, a rule that asks for what is not known.

use super::entry::{Entry, NamedRoute};
use super::known_tables::KnownTables;
use super::names::{LOCAL, MAIN};
use crate::snapshot::route::FR_ACT_TO_TBL;
use crate::snapshot::{
    Family, Link, LinkKind, RouteAnswer, RouteLookup, RouteQuery, RouteType, Rule, Snapshot,
};
use ipnet::IpNet;
use std::net::IpAddr;

const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;
const EACCES: i32 = 13;
const EINVAL: i32 = 22;

/// What a text says about routes.
pub(super) struct Routing<'a> {
    /// All routes with their interfaces; `oif` is set.
    pub routes: &'a [NamedRoute],
    /// The tables that the text has as a whole.
    pub known: KnownTables,
}

/// The answers to the questions of `snapshot`, as far as the text decides them; what the kernel itself answered counts before the routes.
pub(super) fn answers(
    snapshot: &Snapshot,
    routing: &Routing<'_>,
    answered: &[RouteLookup],
) -> Vec<RouteLookup> {
    let queries = snapshot.outer_queries().into_iter();
    let own = |query: &RouteQuery| {
        answered.iter().rev().find(|lookup| lookup.query == *query).map(|l| l.answer.clone())
    };
    queries
        .filter_map(|query| {
            let answer = own(&query).or_else(|| answer(snapshot, routing, &query))?;
            Some(RouteLookup { answer, query })
        })
        .collect()
}

/// What `ip route get` printed, as the answer to a question; none for the path of a packet that is not of this host.
pub(super) fn answered(entry: &Entry, index: &dyn Fn(&str) -> Option<u32>) -> Option<RouteLookup> {
    let Entry::RouteAnswer(named) = entry else { return None };
    let vrf = match &named.vrf {
        Some(name) => Some(index(name)?),
        None => None,
    };
    let (destination, source, mark) = (named.destination, named.source, named.mark);
    let query = RouteQuery { destination, source, mark, vrf };
    let answer = match (&named.answer, &named.device) {
        (RouteAnswer::Route { .. }, None) => return None,
        (RouteAnswer::Route { route_type, gateway, source, table, mtu, .. }, Some(device)) => {
            RouteAnswer::Route {
                route_type: *route_type,
                oif: index(device)?,
                gateway: *gateway,
                source: *source,
                table: *table,
                mtu: *mtu,
            }
        }
        (error, _) => error.clone(),
    };
    named.is_of_host.then_some(RouteLookup { query, answer })
}

/// One answer. None: not decided.
fn answer(snapshot: &Snapshot, routing: &Routing<'_>, query: &RouteQuery) -> Option<RouteAnswer> {
    let family = Family::of(query.destination);
    // IPv4 has no route from an address that this host has not (`ip_route_output_key_hash_rcu()`).
    if let (Some(source @ IpAddr::V4(_)), Ok(addresses)) = (query.source, &snapshot.addresses) {
        if addresses.iter().all(|address| address.prefix.addr() != source) {
            return Some(RouteAnswer::Error { errno: ENETUNREACH });
        }
    }
    let rules = snapshot.rules.as_ref().ok()?.iter().filter(|rule| rule.family == family);
    let mut rules: Vec<&Rule> = rules.collect();
    rules.sort_by_key(|rule| rule.priority);
    for rule in rules {
        if !applies(rule, query)? {
            continue;
        }
        let table = match (rule.action, rule.l3mdev) {
            (FR_ACT_TO_TBL, true) => match query.vrf {
                Some(vrf) => table_of(snapshot.links.as_ref().ok()?, vrf)?,
                None => continue,
            },
            (FR_ACT_TO_TBL, false) => rule.table,
            (6, _) => return Some(RouteAnswer::Error { errno: EINVAL }),
            (7, _) => return Some(RouteAnswer::Error { errno: ENETUNREACH }),
            (8, _) => return Some(RouteAnswer::Error { errno: EACCES }),
            _ => return None,
        };
        if let Some(answer) = in_table(snapshot, routing, table, query)? {
            return Some(answer);
        }
    }
    Some(RouteAnswer::Error { errno: ENETUNREACH })
}

/// Whether a rule is for a packet of this host. None: not known.
fn applies(rule: &Rule, query: &RouteQuery) -> Option<bool> {
    let holds = |prefix: Option<IpNet>, address: Option<IpAddr>| match (prefix, address) {
        (Some(prefix), Some(address)) => prefix.contains(&address),
        // Without a source, 0.0.0.0 is compared.
        (Some(prefix), None) => prefix.prefix_len() == 0,
        (None, _) => true,
    };
    if rule.oif.is_some() || rule.iif.as_deref().is_some_and(|iif| iif == "lo") {
        return None;
    }
    let is_local = rule.iif.is_none();
    let matches = is_local
        && holds(rule.source, query.source)
        && holds(rule.destination, Some(query.destination))
        && query.mark & rule.fwmark.mask == rule.fwmark.value;
    Some(matches != rule.invert)
}

/// The table of a VRF.
fn table_of(links: &[Link], vrf: u32) -> Option<u32> {
    links.iter().find(|link| link.ifindex == vrf).and_then(|link| match link.kind {
        LinkKind::Vrf { table } => Some(table),
        _ => None,
    })
}

/// The answer of one table; none where it has none. The outer none: not decided.
fn in_table(
    snapshot: &Snapshot,
    routing: &Routing<'_>,
    table: u32,
    query: &RouteQuery,
) -> Option<Option<RouteAnswer>> {
    if !routing.known.has(Family::of(query.destination), table) {
        // What is local is in the addresses, too.
        return if table == LOCAL { local(snapshot, query) } else { empty_default(table) };
    }
    let fits = |named: &&NamedRoute| {
        let route = &named.route;
        route.table == table && route.destination.contains(&query.destination) && !route.dead
    };
    let mut found: Vec<&NamedRoute> = routing.routes.iter().filter(fits).collect();
    found.sort_by_key(|named| (u8::MAX - named.route.destination.prefix_len(), named.route.metric));
    let Some(best) = found.first() else { return Some(None) };
    let alike = found.iter().filter(|named| {
        (named.route.destination, named.route.metric) == (best.route.destination, best.route.metric)
    });
    // Several of one destination and metric: of IPv4 the kernel takes the first of one table, but for several next hops a hash decides.
    if best.is_multipath && alike.count() > 1 {
        return None;
    }
    Some(match best.route.route_type {
        RouteType::Blackhole => Some(RouteAnswer::Error { errno: EINVAL }),
        RouteType::Unreachable => Some(RouteAnswer::Error { errno: EHOSTUNREACH }),
        RouteType::Prohibit => Some(RouteAnswer::Error { errno: EACCES }),
        RouteType::Throw => None,
        // An answer of local or broadcast leads to this host; the kernel names the loopback.
        route_type => Some(RouteAnswer::Route {
            route_type,
            oif: if route_type == RouteType::Local {
                loopback(snapshot)?
            } else {
                best.route.oif?
            },
            gateway: best.route.gateway,
            source: match (route_type, query.destination) {
                (RouteType::Local, IpAddr::V6(_)) => Some(query.destination),
                _ => preferred(snapshot, best, query),
            },
            table,
            mtu: best.mtu,
        }),
    })
}

/// Without its table, an address of this host is known from the addresses; that it is none is known, too.
fn local(snapshot: &Snapshot, query: &RouteQuery) -> Option<Option<RouteAnswer>> {
    let addresses = snapshot.addresses.as_ref().ok()?;
    let is_own = addresses.iter().any(|address| address.prefix.addr() == query.destination);
    let answer = || {
        Some(RouteAnswer::Route {
            route_type: RouteType::Local,
            oif: loopback(snapshot)?,
            gateway: None,
            source: query.source.or(Some(query.destination)),
            table: LOCAL,
            mtu: None,
        })
    };
    if is_own { answer().map(Some) } else { Some(None) }
}

/// The table `default` is empty on every host, and of others nothing is known.
const fn empty_default(table: u32) -> Option<Option<RouteAnswer>> {
    if table == MAIN - 1 { Some(None) } else { None }
}

fn loopback(snapshot: &Snapshot) -> Option<u32> {
    let links = snapshot.links.as_ref().ok()?;
    links.iter().find(|link| link.loopback).map(|link| link.ifindex)
}

/// The source of the answer: that of the question, which the kernel repeats for IPv6 alone; that of the route; or an address of the interface
/// whose prefix has the next hop.
fn preferred(snapshot: &Snapshot, route: &NamedRoute, query: &RouteQuery) -> Option<IpAddr> {
    if query.source.is_some() {
        return query.source.filter(IpAddr::is_ipv6);
    }
    if route.route.preferred_source.is_some() {
        return route.route.preferred_source;
    }
    let to = route.route.gateway.unwrap_or(query.destination);
    let addresses = snapshot.addresses.as_ref().ok()?;
    let here = addresses.iter().filter(|address| Some(address.ifindex) == route.route.oif);
    here.map(|address| address.prefix)
        .find(|prefix| prefix.contains(&to))
        .map(|prefix| prefix.addr())
}
