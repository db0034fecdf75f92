//! Routes into tunnels, rules, the outer routes of SAs, and the neighbours on them.

use super::changes::{Changes, has_names, only, was};
use super::links::name;
use crate::snapshot::{Route, RouteAnswer, RouteLookup, Rule, Snapshot, Source, SourceValidation};

pub(super) fn compare(a: &Snapshot, b: &Snapshot, changes: &mut Changes) {
    let is_named = has_names(a, b);
    let lookups = changes.both(&a.route_lookups, &b.route_lookups).filter(|_| is_named);
    if let Some((before, now)) = lookups {
        for RouteLookup { query, answer } in now {
            let vrf = query.vrf.map(|vrf| name(b, vrf));
            let old = before.iter().find(|lookup| {
                let asked = &lookup.query;
                (asked.destination, asked.source, asked.mark)
                    == (query.destination, query.source, query.mark)
                    && asked.vrf.map(|vrf| name(a, vrf)) == vrf
            });
            if let Some(old) = old {
                let (old, new) = (self::answer(a, &old.answer), self::answer(b, answer));
                if old != new {
                    changes.say(
                        Source::RouteLookups,
                        None,
                        format!("route to {}: {}", query.destination, was(new, old)),
                    );
                }
            }
        }
    }
    if let Some((before, now)) = changes.both(&a.routes, &b.routes).filter(|_| is_named) {
        list(
            before.iter().map(|r| route(a, r)),
            now.iter().map(|r| route(b, r)),
            "route",
            Source::Routes,
            changes,
        );
    }
    // Rules that are assumed are those that each host has.
    let is_assumed =
        |of: &Snapshot| of.assumed.iter().any(|missing| missing.source == Source::Rules);
    let are_known = !is_assumed(a) && !is_assumed(b);
    if let Some((before, now)) = changes.both(&a.rules, &b.rules).filter(|_| are_known) {
        list(before.iter().map(rule), now.iter().map(rule), "rule", Source::Rules, changes);
    }
    if let Some((before, now)) = changes.both(&a.source_validation, &b.source_validation) {
        for rule in now.iter().filter(|rule| rule.unknown.is_none()) {
            let same = |old: &&SourceValidation| {
                (old.family, &old.interface, &old.set, old.strict)
                    == (rule.family, &rule.interface, &rule.set, rule.strict)
            };
            let old = before.iter().find(same).map_or(0, |old| old.packets);
            if rule.packets > old {
                let of = rule.interface.as_deref().unwrap_or("all interfaces");
                changes.say(
                    Source::SourceValidation,
                    None,
                    format!(
                        "packets dropped by source validation of {of}: {}",
                        was(rule.packets, old)
                    ),
                );
            }
        }
    }
    let neighbours = changes.both(&a.neighbours, &b.neighbours).filter(|_| is_named);
    if let Some((before, now)) = neighbours {
        for neighbour in now {
            let who = format!("{} on {}", neighbour.address, name(b, neighbour.ifindex));
            let old = before
                .iter()
                .find(|old| format!("{} on {}", old.address, name(a, old.ifindex)) == who);
            let words = match neighbour.is_unresolved() {
                true => "does not answer, was resolved",
                false => "is resolved, did not answer",
            };
            if old.is_some_and(|old| old.is_unresolved() != neighbour.is_unresolved()) {
                changes.say(Source::Neighbours, None, format!("neighbour {who} {words}"));
            }
        }
    }
}

fn list(
    before: impl Iterator<Item = String>,
    now: impl Iterator<Item = String>,
    what: &str,
    source: Source,
    changes: &mut Changes,
) {
    let (before, now): (Vec<String>, Vec<String>) = (before.collect(), now.collect());
    only(&before, &now)
        .iter()
        .for_each(|one| changes.say(source, None, format!("{what} {one} is gone")));
    only(&now, &before)
        .iter()
        .for_each(|one| changes.say(source, None, format!("{what} {one} is new")));
}

fn answer(of: &Snapshot, answer: &RouteAnswer) -> String {
    match answer {
        RouteAnswer::Route { oif, gateway, mtu, .. } => {
            let gateway = gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
            let mtu = mtu.map(|mtu| format!(" MTU {mtu}")).unwrap_or_default();
            format!("dev {}{gateway}{mtu}", name(of, *oif))
        }
        RouteAnswer::Error { errno } => format!("none (error {errno})"),
    }
}

fn route(of: &Snapshot, route: &Route) -> String {
    let device = route.oif.map(|oif| format!(" dev {}", name(of, oif))).unwrap_or_default();
    let gateway = route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
    let dead = if route.dead { " dead" } else { "" };
    format!("{}{gateway}{device} table {}{dead}", route.destination, route.table)
}

fn rule(rule: &Rule) -> String {
    let end = |prefix: Option<ipnet::IpNet>| {
        prefix.map_or_else(|| "all".to_owned(), |prefix| prefix.to_string())
    };
    let mark = if rule.fwmark.mask == 0 { String::new() } else { format!(" mark {}", rule.fwmark) };
    let table = if rule.l3mdev { "of the VRF".to_owned() } else { rule.table.to_string() };
    format!(
        "{} {:?} from {} to {}{mark} table {table}",
        rule.priority,
        rule.family,
        end(rule.source),
        end(rule.destination)
    )
}
