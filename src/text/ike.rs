//! The part of a snapshot that charon tells, from the texts of swanctl and of its log. Where the texts lack the connections, those of the
//! IKE_SAs are all that is known, and that is listed as assumed.

use super::entry::Entry;
use super::lists::cut;
use super::moments::{Entries, Moments};
use super::split::Table;
use super::{stroke, swanctl, vyos_sas, vyos_tables};
use crate::snapshot::ike::{Child, Connection, Ike, IkeSa, Trap};
use crate::snapshot::{Missing, Reason, Snapshot, Source};
use std::collections::BTreeSet;

/// What is assumed of VyOS's own tables.
const OF_VYOS: &str = "connections are known by the names of their children, and have no SPI: `swanctl --list-sas` shows them";

/// The lists of charon, in each of which that something is not there says much.
pub(super) const FORMATS: [&str; 5] = [
    "swanctl --list-sas",
    "swanctl --list-conns",
    stroke::FORMAT,
    vyos_tables::IKE,
    vyos_tables::IPSEC,
];

/// What the texts have of charon.
pub(super) struct Daemon<'a> {
    sas: Moments<'a>,
    connections: Moments<'a>,
    policies: Moments<'a>,
    statistics: Moments<'a>,
    log: Moments<'a>,
    /// The state of VyOS's updown hook.
    hook: Moments<'a>,
    /// `ipsec statusall`.
    stroke: Moments<'a>,
    /// `show vpn ipsec sa`, `show vpn ike sa`.
    children: Moments<'a>,
    ike_table: Moments<'a>,
    /// Some of its lines are cut or changed.
    is_torn: bool,
    /// The formats of lists of which the texts have a part only.
    parts: Vec<&'static str>,
}

impl<'a> Daemon<'a> {
    /// The formats of charon, from what makes moments.
    pub(super) fn of(
        moments: &impl Fn(&str, fn(&Entry) -> Option<String>) -> Moments<'a>,
        is_torn: bool,
        tables: &[&Table<'_>],
    ) -> Self {
        let lists_all =
            tables.iter().any(|table| table.format == "swanctl --list-sas" && !table.is_filtered());
        let is_part = |format: &&str| {
            if lists_all && *format != "swanctl --list-conns" {
                return false;
            }
            let mut own = tables.iter().filter(|table| table.format == *format).peekable();
            own.peek().is_some() && own.all(|table| table.is_filtered())
        };
        let none: fn(&Entry) -> Option<String> = |_| None;
        let of_sa: fn(&Entry) -> Option<String> = |entry| match entry {
            Entry::IkeSa(sa) => Some(sa.unique_id.to_string()),
            _ => None,
        };
        Self {
            sas: moments("swanctl --list-sas", of_sa),
            stroke: moments(stroke::FORMAT, of_sa),
            children: moments(vyos_tables::IPSEC, |entry| match entry {
                Entry::VyosChildren => Some(String::new()),
                _ => None,
            }),
            ike_table: moments(vyos_tables::IKE, none),
            is_torn,
            parts: FORMATS.into_iter().filter(is_part).collect(),
            connections: moments("swanctl --list-conns", none),
            policies: moments("swanctl --list-pols", none),
            statistics: moments(swanctl::STATISTICS, none),
            hook: moments("state of vti-up-down", none),
            log: moments("log of charon", none),
        }
    }

    /// Fills in what the texts have. IKE_SAs that are there once are of now.
    pub(super) fn fill(&self, now: &mut Snapshot, is_now: bool) {
        if let Some(lines) = self.log.now().filter(|_| is_now) {
            let lines = lines.iter().filter_map(|entry| match entry {
                Entry::LogLine(line) => Some(line.clone()),
                _ => None,
            });
            now.charon_log = Ok(lines.collect());
        }
        if let Some(entries) = self.hook.now().filter(|_| is_now) {
            let held: BTreeSet<&String> = entries
                .iter()
                .filter_map(|entry| match entry {
                    Entry::HookState(entries) => Some(entries),
                    _ => None,
                })
                .flatten()
                .collect();
            now.hook_state = Ok(held.into_iter().cloned().collect());
        }
        let lists_sas = self.sas.all.iter().flatten().next().is_some();
        if !lists_sas
            && self.statistics.all.iter().flatten().any(|entry| **entry == Entry::DaemonSilent)
        {
            let detail = "swanctl: charon did not answer";
            now.ike = Err(Missing::new(Source::Charon, Reason::TimedOut, detail));
            return;
        }
        let gone = self.statistics.all.iter().flatten().find_map(|entry| match entry {
            Entry::DaemonGone { exists } => Some(*exists),
            _ => None,
        });
        if let Some(exists) = gone {
            let (reason, detail) = match exists {
                true => (Reason::Failed, "swanctl: no process listens on charon's socket"),
                false => (Reason::Absent, "charon's socket does not exist"),
            };
            now.ike = Err(Missing::new(Source::Charon, reason, detail));
            return;
        }
        if self.is_torn {
            now.ike = Err(cut(Source::Charon));
            return;
        }
        if !self.parts.is_empty() {
            let detail = "only some of its SAs or connections are in the text: `swanctl --list-sas` and `swanctl --list-conns` show all";
            now.ike = Err(Missing::new(Source::Charon, Reason::NotInText, detail));
            return;
        }
        let of = |moments: &Moments<'a>| match is_now {
            true => moments.now().cloned(),
            false => moments.before().cloned(),
        };
        // swanctl says more of each.
        let by_stroke = of(&self.stroke);
        let Some(sas) = of(&self.sas).or_else(|| by_stroke.clone()) else {
            let children = of(&self.children);
            match vyos_sas::charon(children.as_ref(), &self.ike_table) {
                Some(Ok(ike)) => {
                    let connections = of_sas(&ike.sas);
                    now.ike = Ok(Ike { connections, ..ike });
                    now.assumed.push(Missing::new(Source::Charon, Reason::NotInText, OF_VYOS));
                }
                Some(Err(missing)) => now.ike = Err(missing),
                None => {}
            }
            return;
        };
        let sas: Vec<IkeSa> = sas
            .iter()
            .filter_map(|entry| match entry {
                Entry::IkeSa(sa) => Some(sa.as_ref().clone()),
                _ => None,
            })
            .collect();
        let mut ike = Ike { daemon: "charon".to_owned(), ..Ike::default() };
        for entry in self.statistics.all.iter().flatten().chain(by_stroke.iter().flatten()) {
            match entry {
                Entry::DaemonSince(since) => ike.since.clone_from(since),
                Entry::DaemonVersion(version) => ike.daemon.clone_from(version),
                _ => {}
            }
        }
        let mut say = |detail: &str| {
            now.assumed.push(Missing::new(Source::Charon, Reason::NotInText, detail))
        };
        let connections = |entries: &Entries<'_>| {
            entries.iter().any(|entry| matches!(entry, Entry::Connection(_)))
        };
        let listed = by_stroke.as_ref().filter(|entries| connections(entries));
        match self.connections.now().or(listed) {
            Some(entries) => {
                let connections = entries.iter().filter_map(|entry| match entry {
                    Entry::Connection(connection) => Some(connection.as_ref().clone()),
                    _ => None,
                });
                ike.connections = connections.collect();
                ike.connections.sort_by(|a, b| a.name.cmp(&b.name));
            }
            None => {
                ike.connections = of_sas(&sas);
                say("only the connections of IKE_SAs are known: `swanctl --list-conns` shows all");
            }
        }
        for entry in self.policies.all.iter().flatten() {
            if let Entry::Trap(trap) = entry {
                ike.traps.push(trap.clone());
            }
        }
        for entry in by_stroke.iter().flatten() {
            let Entry::RoutedChild(name) = entry else { continue };
            let of = ike
                .connections
                .iter()
                .find(|connection| connection.children.iter().any(|child| child.name == *name));
            if let Some(connection) = of {
                let (connection, child) = (connection.name.clone(), name.clone());
                ike.traps.push(Trap { connection, child });
            }
        }
        if self.policies.all.is_empty() && by_stroke.is_none() {
            say("trap policies are not in the text: `swanctl --list-pols` shows them");
        }
        ike.traps.sort();
        ike.traps.dedup();
        ike.sas = sas;
        ike.sas.sort_by_key(|sa| sa.unique_id);
        now.ike = Ok(ike);
    }
}

/// The connections that IKE_SAs have, and of each the children that they have.
fn of_sas(sas: &[IkeSa]) -> Vec<Connection> {
    let mut found: Vec<Connection> = Vec::new();
    for sa in sas {
        let at = found.iter().position(|connection| connection.name == sa.connection);
        let at = at.unwrap_or_else(|| {
            found.push(Connection {
                name: sa.connection.clone(),
                version: format!("IKEv{}", sa.version),
                local_addresses: vec![sa.local_host.clone()],
                remote_addresses: vec![sa.remote_host.clone()],
                ..Connection::default()
            });
            found.len() - 1
        });
        let Some(connection) = found.get_mut(at) else { continue };
        for child in &sa.children {
            if connection.children.iter().all(|known| known.name != child.name) {
                connection.children.push(Child {
                    name: child.name.clone(),
                    mode: "TUNNEL".to_owned(),
                    local_ts: child.local_ts.clone(),
                    remote_ts: child.remote_ts.clone(),
                    ..Child::default()
                });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
