//! charon's log, taken apart once for a report: how attempts ended, and of which connection each line is. What peers say is matched, never
//! believed beyond that: the words are charon's own. What an attempt means for a tunnel, it does not decide.

use crate::snapshot::charon_log::{Failure, Line};
use crate::snapshot::ike::{Connection, Ike};
use crate::snapshot::{Missing, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The newest lines that show the level: at level 1 and above, packets and proposals stand between any two steps of level 0.
const ENOUGH: usize = 12;
const AT_LEVEL_0: &str = "the log is silent: at level 0 charon logs no failure";
const WITHOUT_LINES: &str = "the log is silent: it has no line of charon";

/// What charon and charon-systemd say first. Source: strongSwan 6.0.1, `src/charon/charon.c`, `src/charon-systemd/charon-systemd.c`.
const STARTS: [&str; 2] = ["Starting IKE charon daemon", "Starting charon-systemd IKE daemon"];

/// What the log tells of attempts.
pub(super) struct CharonLog<'a> {
    /// Oldest first.
    events: Vec<Event<'a>>,
    /// Why it cannot tell how attempts ended, although charon runs and the log was read: nothing can be concluded from its silence.
    pub silence: Option<&'static str>,
}

/// A line that tells how an attempt ended.
pub(super) struct Event<'a> {
    /// The line.
    pub text: &'a str,
    /// None where it went well.
    pub failure: Option<Failure>,
    /// Of which connection it is.
    pub of: Of<'a>,
}

/// Of which connection a line is.
pub(super) enum Of<'a> {
    /// Of the one with this name: the line says so, or another of its IKE_SA.
    Name(&'a str),
    /// Of the one with this name, because no other fits.
    Only(&'a str),
    /// Of the one that is configured, if one alone is: charon was not asked for its connections.
    Configured,
    /// Nobody knows.
    Nobody,
}

/// A line of charon, and the run of the daemon that it is of: charon numbers its IKE_SAs anew in each.
struct Entry<'a> {
    text: &'a str,
    parts: Line<'a>,
    run: usize,
}

impl<'a> CharonLog<'a> {
    /// The log of a snapshot.
    pub fn of(now: &'a Snapshot) -> Self {
        let entries = entries(now.charon_log.as_deref().unwrap_or_default());
        let connections = now.ike.as_ref().map(Connections::of);
        let mut sas: BTreeMap<(usize, u64), Vec<&Entry<'a>>> = BTreeMap::new();
        for entry in &entries {
            if let Some(id) = entry.parts.unique_id {
                sas.entry((entry.run, id)).or_default().push(entry);
            }
        }
        let events = entries.iter().filter_map(|entry| {
            let (_, failure) = entry.parts.event()?;
            let sa = entry.parts.unique_id.and_then(|id| sas.get(&(entry.run, id)));
            let of = whose(entry, sa.map_or(&[], Vec::as_slice), &connections);
            Some(Event { text: entry.text, failure, of })
        });
        Self { events: events.collect(), silence: silence(now, &entries) }
    }

    /// The events, newest first.
    pub fn events(&self) -> impl Iterator<Item = &Event<'a>> {
        self.events.iter().rev()
    }
}

fn entries(lines: &[String]) -> Vec<Entry<'_>> {
    let mut run = 0;
    let mut pid = None;
    let lines = lines.iter().filter_map(|text| {
        let parts = Line::parse(text).filter(Line::is_of_charon)?;
        let starts = STARTS.iter().any(|words| parts.message.starts_with(words));
        let another = parts.pid.is_some() && pid.is_some() && parts.pid != pid;
        run += usize::from(starts || another);
        pid = parts.pid.or(pid);
        Some(Entry { text, parts, run })
    });
    lines.collect()
}

fn silence(now: &Snapshot, entries: &[Entry<'_>]) -> Option<&'static str> {
    now.charon_log.as_ref().ok()?;
    now.ike.as_ref().ok()?;
    if entries.is_empty() {
        let is_off = now.configuration.as_ref().is_ok_and(|c| c.log_level == Some(0));
        return Some(if is_off { AT_LEVEL_0 } else { WITHOUT_LINES });
    }
    let mut newest = entries.iter().rev().take(ENOUGH);
    newest.all(|entry| entry.parts.is_audit()).then_some(AT_LEVEL_0)
}

/// Of which connection a line is, with those of its IKE_SA. It names it (`ike_name = yes`, or the journal's field), or another of these lines
/// does. An IKE_SA that the peer began has no name yet: its address tells, where one connection alone has it. A line with neither is about
/// the one connection there is, or nobody knows.
fn whose<'a>(
    entry: &Entry<'a>,
    sa: &[&Entry<'a>],
    connections: &Result<Connections<'a>, &Missing>,
) -> Of<'a> {
    let named = entry.parts.named().or_else(|| sa.iter().find_map(|e| e.parts.named()));
    if let Some(name) = named {
        return Of::Name(name);
    }
    let Ok(connections) = connections else { return Of::Configured };
    let mentioned = sa.iter().copied().chain([entry]).flat_map(|e| addresses(e.parts.message));
    let peers: BTreeSet<IpAddr> =
        mentioned.filter(|address| !connections.own.contains(address)).collect();
    connections.only_one_to(&peers).map_or(Of::Nobody, |connection| Of::Only(&connection.name))
}

/// charon's connections by the addresses that they have.
struct Connections<'a> {
    all: &'a [Connection],
    own: BTreeSet<IpAddr>,
    /// Positions.
    by_remote: BTreeMap<IpAddr, Vec<usize>>,
}

impl<'a> Connections<'a> {
    fn of(ike: &'a Ike) -> Self {
        let mut by_remote: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
        for (at, connection) in ike.connections.iter().enumerate() {
            for address in connection.remote_addresses.iter().filter_map(|a| a.parse().ok()) {
                by_remote.entry(address).or_default().push(at);
            }
        }
        let own = ike.connections.iter().flat_map(|connection| &connection.local_addresses);
        let own = own.filter_map(|address| address.parse().ok()).collect();
        Self { all: &ike.connections, own, by_remote }
    }

    /// The connection to one of these addresses, where it is the only one; where none is, the only one there is that takes any.
    fn only_one_to(&self, peers: &BTreeSet<IpAddr>) -> Option<&'a Connection> {
        let to = peers.iter().filter_map(|peer| self.by_remote.get(peer)).flatten();
        let to: BTreeSet<usize> = to.copied().collect();
        // Somebody else asked, or nothing says who.
        let takes_any = |c: &&Connection| {
            peers.is_empty() || c.remote_addresses.iter().any(|a| a.parse::<IpAddr>().is_err())
        };
        match (to.len(), self.all) {
            (0, [only]) => Some(only).filter(takes_any),
            (1, all) => to.first().and_then(|at| all.get(*at)),
            _ => None,
        }
    }
}

/// The addresses in a message.
fn addresses(message: &str) -> impl Iterator<Item = IpAddr> + '_ {
    let words = message.split(|c: char| !(c.is_ascii_hexdigit() || ".:".contains(c)));
    words.filter_map(|word| word.parse().ok())
}
