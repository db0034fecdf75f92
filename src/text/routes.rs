//! The routes, the answers about outer routes and the neighbours of a snapshot, from all that the texts have of them. What is in a table that is
//! not in the texts is missing.

use super::entry::{Entry, NamedRoute};
use super::known_tables::KnownTables;
use super::lists::{cut, without_repeats};
use super::lookups::{self, Routing};
use super::moments::Entries;
use super::split::Table;
use crate::snapshot::route::CHARON_TABLE;
use crate::snapshot::{Missing, Neighbour, Observed, Reason, Route, RouteLookup, Snapshot, Source};
use std::collections::BTreeSet;

/// The neighbours of these entries.
pub(super) fn neighbours(
    entries: &Entries<'_>,
    index: &dyn Fn(&str) -> Option<u32>,
) -> Vec<Neighbour> {
    let neighbours = entries.iter().filter_map(|entry| match entry {
        Entry::Neighbour(name, neighbour) => {
            Some(Neighbour { ifindex: index(name)?, ..neighbour.clone() })
        }
        _ => None,
    });
    without_repeats(neighbours)
}

/// What the texts have of routes at a moment.
pub(super) struct Texts<'b, 'a> {
    pub entries: Option<&'b Entries<'a>>,
    /// What the kernel itself answered.
    pub answers: Vec<RouteLookup>,
    pub tables: &'b [&'a Table<'a>],
    /// Lines are cut or changed.
    pub is_torn: bool,
}

impl Texts<'_, '_> {
    /// Fills in the routes and the answers.
    pub(super) fn fill(self, now: &mut Snapshot, index: &dyn Fn(&str) -> Option<u32>) {
        if !self.answers.is_empty() {
            now.route_lookups = Ok(self.answers.clone());
        }
        let Some(entries) = self.entries else { return };
        let routes = entries.iter().filter_map(|entry| {
            let Entry::Route(named) = entry else { return None };
            let oif = named.device.as_deref().and_then(index);
            Some(NamedRoute { route: Route { oif, ..named.route.clone() }, ..named.clone() })
        });
        let routes: Vec<NamedRoute> = routes.collect();
        if now.links.is_err() {
            return;
        }
        if self.is_torn {
            (now.routes, now.route_lookups) =
                (Err(cut(Source::Routes)), Err(cut(Source::RouteLookups)));
            return;
        }
        let Some(known) = KnownTables::of(self.tables) else {
            let detail = "only some are in the text: `ip route show table all` shows all";
            now.routes = Err(Missing::new(Source::Routes, Reason::NotInText, detail));
            return;
        };
        now.routes = routes_of(now, &routes, &known);
        let routing = Routing { routes: &routes, known };
        now.route_lookups = Ok(lookups::answers(now, &routing, &self.answers));
        let detail = "found in the routes of the text, which do not show a path MTU that was learned: `ip route get ADDRESS` does";
        now.assumed.push(Missing::new(Source::RouteLookups, Reason::NotInText, detail));
    }
}

/// The routes into VTIs, and those of charon's table; missing where a table in which a packet may be looked up is not in the text.
fn routes_of(now: &Snapshot, routes: &[NamedRoute], known: &KnownTables) -> Observed<Vec<Route>> {
    let (links, rules) = (now.links.as_ref().map_err(Clone::clone)?, now.rules.as_ref());
    let rules = rules.map_err(|missing| Missing { source: Source::Routes, ..missing.clone() })?;
    if let Some(table) = known.lacking(rules, links) {
        let detail =
            format!("table {table} is not in the text: `ip route show table all` shows all");
        return Err(Missing::new(Source::Routes, Reason::NotInText, detail));
    }
    let vtis: BTreeSet<u32> =
        links.iter().filter(|link| link.driver().is_some()).map(|link| link.ifindex).collect();
    if vtis.is_empty() && now.partial.contains(&Source::DeviceConfiguration) {
        let detail = "which of them lead into a VTI is not: `ip -d link show` shows it";
        return Err(Missing::new(Source::Routes, Reason::NotInText, detail));
    }
    let wanted = routes.iter().map(|named| &named.route).filter(|route| {
        route.table == CHARON_TABLE || route.oif.is_some_and(|oif| vtis.contains(&oif))
    });
    Ok(without_repeats(wanted.cloned()))
}
