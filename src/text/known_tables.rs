//! Which routing tables the texts have as a whole, each family by itself: of one that they have not, nothing is known, and that it has no route
//! may not be said. It looks no route up.

use super::entry::{Entry, NamedRoute};
use super::format::Context;
use super::names::{self, LOCAL, MAIN};
use super::split::Table;
use crate::snapshot::route::FR_ACT_TO_TBL;
use crate::snapshot::{Family, Link, LinkKind, Rule};
use std::collections::BTreeSet;

/// The format of the texts that have routes.
const FORMAT: &str = "ip route";

/// The tables of routes that the texts have as a whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KnownTables {
    /// The families of which they have all tables.
    whole: BTreeSet<Family>,
    tables: BTreeSet<(Family, u32)>,
}

impl KnownTables {
    /// Those of the texts; none where they only have routes that somebody picked out.
    pub(super) fn of(texts: &[&Table<'_>]) -> Option<Self> {
        let all = texts.iter().filter(|text| text.format == FORMAT);
        let mut whole = all.filter(|text| !text.is_filtered()).peekable();
        whole.peek()?;
        let mut known = Self::default();
        whole.for_each(|text| known.add(text));
        Some(known)
    }

    /// Whether the texts have this table.
    pub(super) fn has(&self, family: Family, table: u32) -> bool {
        self.whole.contains(&family) || self.tables.contains(&(family, table))
    }

    /// The first table that an IPv4 packet of this host, or one that it forwards, may look in, and that the texts have not. That of local
    /// addresses has no route of a tunnel, and `default` is empty on every host.
    pub(super) fn lacking(&self, rules: &[Rule], links: &[Link]) -> Option<u32> {
        let of_ipv4 = rules.iter().filter(|rule| rule.family == Family::Inet);
        let vrfs = links.iter().filter_map(|link| match link.kind {
            LinkKind::Vrf { table } => Some(table),
            _ => None,
        });
        let tables = of_ipv4.flat_map(|rule| match (rule.action, rule.l3mdev) {
            (FR_ACT_TO_TBL, true) => vrfs.clone().collect(),
            (FR_ACT_TO_TBL, false) => vec![rule.table],
            _ => Vec::new(),
        });
        let mut asked = tables.filter(|table| ![LOCAL, MAIN - 1].contains(table));
        asked.find(|table| !self.has(Family::Inet, *table))
    }

    fn add(&mut self, text: &Table<'_>) {
        let typed = Context { typed: text.typed };
        let routes = || text.entries.iter().filter_map(route);
        let is_all = match typed.after("table") {
            Some(table) => matches!(table, "all" | "0"),
            // Without what was typed, routes of other tables are there because all of them are.
            None => text.typed.is_empty() && routes().any(|named| named.route.table != MAIN),
        };
        let of_routes: BTreeSet<(Family, u32)> = routes()
            .map(|named| (Family::of(named.route.destination.addr()), named.route.table))
            .collect();
        let families = match family(&typed) {
            Some(family) => vec![family],
            None if text.typed.is_empty() => of_routes.iter().map(|(family, _)| *family).collect(),
            // `iproute_list_flush_or_save()` of iproute2's ip/iproute.c: of all tables those of both families, of one that of IPv4.
            None if is_all => vec![Family::Inet, Family::Inet6],
            None => vec![Family::Inet],
        };
        if is_all {
            self.whole.extend(families);
            return;
        }
        let table = typed.after("table").map_or(Some(MAIN), names::table);
        self.tables.extend(table.into_iter().flat_map(|t| families.iter().map(move |f| (*f, t))));
        self.tables.extend(of_routes);
    }
}

fn route(entry: &Entry) -> Option<&NamedRoute> {
    match entry {
        Entry::Route(named) => Some(named),
        _ => None,
    }
}

/// The family that was asked for: `-4`, `-6`, `-f inet6`; none where that is not said.
pub(super) fn family(typed: &Context<'_>) -> Option<Family> {
    let named = ["-f", "-family"].iter().find_map(|option| typed.after(option));
    match named {
        Some("inet") => Some(Family::Inet),
        Some("inet6") => Some(Family::Inet6),
        _ if typed.has("-6") => Some(Family::Inet6),
        _ if typed.has("-4") => Some(Family::Inet),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Route, RouteType};

    fn text<'a>(typed: &'a str, routes: &[(&str, u32)]) -> Table<'a> {
        let entries = routes.iter().map(|(destination, table)| {
            Entry::Route(NamedRoute {
                route: Route {
                    destination: destination.parse().unwrap(),
                    table: *table,
                    route_type: RouteType::Unicast,
                    protocol: 0,
                    oif: None,
                    gateway: None,
                    metric: 0,
                    preferred_source: None,
                    dead: false,
                },
                device: None,
                mtu: None,
                is_multipath: false,
            })
        });
        let (is_typed, is_ended) = (!typed.is_empty(), true);
        let entries = entries.collect();
        Table { format: FORMAT, typed, host: None, lines: (1, 1), entries, is_typed, is_ended }
    }

    fn has(text: &Table<'_>, wanted: &[(Family, u32)]) -> Vec<bool> {
        let known = KnownTables::of(&[text]);
        let has = |(family, table): &(Family, u32)| {
            known.as_ref().is_some_and(|k| k.has(*family, *table))
        };
        wanted.iter().map(has).collect()
    }

    #[test]
    fn a_table_of_one_family_is_not_that_of_the_other() {
        use Family::{Inet, Inet6};
        let v4 = [("10.0.0.0/8", MAIN)];
        let main = [(Inet, MAIN), (Inet6, MAIN), (Inet, 220)];
        for (typed, routes, expected) in [
            ("ip route", &v4[..], [true, false, false]),
            ("ip route", &[], [true, false, false]),
            ("", &v4, [true, false, false]),
            ("ip -6 route", &[], [false, true, false]),
            ("ip -f inet6 route show", &[], [false, true, false]),
            ("ip route show table 220", &[], [false, false, true]),
            ("ip route show table all", &v4, [true, true, true]),
            ("ip -4 route show table all", &v4, [true, false, true]),
            ("", &[("10.0.0.0/8", 220)], [true, false, true]),
            ("ip route show dev t0", &v4, [false, false, false]),
            ("ip route show default", &v4, [false, false, false]),
            ("ip route show table all dev t0", &v4, [false, false, false]),
            ("ip route | head -1", &v4, [false, false, false]),
        ] {
            assert_eq!(has(&text(typed, routes), &main), expected, "{typed} {routes:?}");
        }
    }
}
