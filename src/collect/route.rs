//! Routes, rules, neighbours, and the kernel's answers to route questions, read from rtnetlink.

use super::failure::Failure;
use super::socket::{Dump, PATIENCE, ROUTE, Socket};
use crate::snapshot::route::CHARON_TABLE;
use crate::snapshot::route::RouteType;
use crate::snapshot::{
    Link, Missing, Neighbour, Observed, Reason, Route, RouteAnswer, RouteLookup, RouteQuery, Rule,
    Snapshot, Source,
};
use crate::units;
use crate::wire::netlink::Request;
use crate::wire::{neighbour, route, rule};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The time limit for the dump: a router may have a million routes.
const ROUTES_PATIENCE: Duration = Duration::from_secs(5);
/// Most routes through VTIs that are kept, of 80 bytes each, so that memory is bounded.
const ROUTES_KEPT: usize = 250_000;

/// From this number of interfaces with next hops on, neighbours are read in one dump instead of one for each interface.
const WAYS_OUT: usize = 4;

/// All policy routing rules.
pub(super) fn rules() -> Observed<Vec<Rule>> {
    let dump = Dump {
        name: "RTM_GETRULE",
        protocol: ROUTE,
        request: Request::dump(rule::GETRULE).structure(&[0; rule::HEADER]),
        answer: rule::NEWRULE,
        patience: PATIENCE,
    };
    let decode = |payload: &[u8], rules: &mut Vec<Rule>| -> Result<(), Failure> {
        rules.extend(rule::decode(payload)?);
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::Rules))
}

/// The routes that leave through a VTI, and those of charon's table. The dump is filtered while it is read.
pub(super) fn routes(links: &Observed<Vec<Link>>) -> Observed<Vec<Route>> {
    let links = links.as_ref().map_err(|missing| depends_on(missing, Source::Routes))?;
    let vtis: BTreeSet<u32> =
        links.iter().filter(|link| link.driver().is_some()).map(|link| link.ifindex).collect();
    let wanted = |route: &Route| {
        route.table == CHARON_TABLE || route.oif.is_some_and(|oif| vtis.contains(&oif))
    };
    let dump = Dump {
        name: "RTM_GETROUTE",
        protocol: ROUTE,
        request: Request::dump(route::GETROUTE).structure(&[0; route::HEADER]),
        answer: route::NEWROUTE,
        patience: ROUTES_PATIENCE,
    };
    let decode = |payload: &[u8], routes: &mut Vec<Route>| {
        routes.extend(route::decode(payload)?.into_iter().filter(&wanted));
        if routes.len() > ROUTES_KEPT {
            let detail = format!("more than {} lead through VTIs", units::ROUTE.of(ROUTES_KEPT));
            return Err(Failure::new(Reason::Failed, detail));
        }
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::Routes))
}

/// The kernel's answers to the questions of `snapshot` and to `extra`.
pub(super) fn lookups(snapshot: &Snapshot, extra: &[RouteQuery]) -> Observed<Vec<RouteLookup>> {
    let links = snapshot.links.as_ref();
    links.map_err(|missing| depends_on(missing, Source::RouteLookups))?;
    let mut queries = snapshot.outer_queries();
    queries.extend(extra.iter().cloned());
    ask(queries)
}

/// The kernel's answers to `queries`.
pub(super) fn ask(queries: impl IntoIterator<Item = RouteQuery>) -> Observed<Vec<RouteLookup>> {
    let queries: Vec<RouteQuery> = queries.into_iter().collect();
    let ask = || {
        let deadline = Instant::now() + PATIENCE;
        let requests: Vec<Request> = queries.iter().map(route::question).collect();
        Socket::open(ROUTE)?.ask_all(&requests, route::NEWROUTE, deadline, route::decode_answer)
    };
    let answers = ask().map_err(|failure: Failure| {
        failure.in_operation("ask RTM_GETROUTE").missing(Source::RouteLookups)
    })?;
    let lookup = |(query, answer): (RouteQuery, Result<RouteAnswer, Errno>)| {
        let answer = answer.unwrap_or_else(|errno| RouteAnswer::Error { errno: errno as i32 });
        RouteLookup { query, answer }
    };
    Ok(queries.into_iter().zip(answers).map(lookup).collect())
}

/// The neighbours that are next hops of `lookups`.
pub(super) fn neighbours(lookups: &Observed<Vec<RouteLookup>>) -> Observed<Vec<Neighbour>> {
    let lookups = lookups.as_ref().map_err(|missing| depends_on(missing, Source::Neighbours))?;
    let next_hops: BTreeSet<(u32, IpAddr)> = lookups.iter().filter_map(next_hop).collect();
    let whole = || Request::dump(neighbour::GETNEIGH).structure(&[0; neighbour::HEADER]);
    let of = |interface: &u32| whole().attribute(neighbour::NDA_IFINDEX, &interface.to_ne_bytes());
    let interfaces: BTreeSet<u32> = next_hops.iter().map(|(interface, _)| *interface).collect();
    // Each VTI has multicast neighbours of its own, but a router has few outer interfaces.
    let requests: Vec<Request> = match interfaces.len() {
        1..=WAYS_OUT => interfaces.iter().map(of).collect(),
        _ => vec![whole()],
    };
    let wanted = |n: &Neighbour| next_hops.contains(&(n.ifindex, n.address));
    let decode = |payload: &[u8], neighbours: &mut Vec<Neighbour>| -> Result<(), Failure> {
        neighbours.extend(neighbour::decode(payload)?.filter(wanted));
        Ok(())
    };
    let read = |request: Request| {
        let (name, answer) = ("RTM_GETNEIGH", neighbour::NEWNEIGH);
        Dump { name, protocol: ROUTE, request, answer, patience: PATIENCE }.read(decode)
    };
    let parts: Result<Vec<Vec<Neighbour>>, Failure> = requests.into_iter().map(read).collect();
    parts.map(|parts| parts.concat()).map_err(|failure| failure.missing(Source::Neighbours))
}

/// Interface and address of the next hop: the gateway, or the destination itself if it is on-link.
fn next_hop(lookup: &RouteLookup) -> Option<(u32, IpAddr)> {
    match lookup.answer {
        RouteAnswer::Route { route_type: RouteType::Unicast, oif, gateway, .. } => {
            Some((oif, gateway.unwrap_or(lookup.query.destination)))
        }
        _ => None,
    }
}

/// `source` cannot be read without what `missing` names.
fn depends_on(missing: &Missing, source: Source) -> Missing {
    Missing::new(source, missing.reason, missing.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_links_routes_are_missing_and_not_an_empty_list() {
        let links = Err(Missing::new(Source::Links, Reason::TimedOut, ""));
        let missing = routes(&links).unwrap_err();
        assert_eq!((missing.source, missing.reason), (Source::Routes, Reason::TimedOut));
        assert_eq!(missing.detail, "links not read: no answer in time");
    }
}
