//! charon's log, parsed once for a report: how attempts ended, and which connection each line belongs to. Only charon's own words count; text
//! from peers is matched and trusted no further. What an attempt means for a tunnel is not decided here.

use crate::snapshot::charon_log::{Failure, Line};
use crate::snapshot::ike::{Connection, Ike};
use crate::snapshot::{Missing, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// So many of the newest lines show the log level: at level 1 and above, packets and proposals come between any two lines of level 0.
const ENOUGH: usize = 12;
const AT_LEVEL_0: &str = "charon's log level is 0: it logs no failures";
const WITHOUT_LINES: &str = "the log has no lines of charon";

/// The first messages of charon and charon-systemd. Source: strongSwan 6.0.1, `src/charon/charon.c`, `src/charon-systemd/charon-systemd.c`.
const STARTS: [&str; 2] = ["Starting IKE charon daemon", "Starting charon-systemd IKE daemon"];

/// What the log shows of attempts.
pub(super) struct CharonLog<'a> {
    /// Oldest first.
    events: Vec<Event<'a>>,
    /// Why it does not show how attempts ended, although charon runs and the log was read: then its silence proves nothing.
    pub silence: Option<&'static str>,
}

/// A line that shows how an attempt ended.
pub(super) struct Event<'a> {
    /// The line.
    pub text: &'a str,
    /// None where it succeeded.
    pub failure: Option<Failure>,
    /// Which connection it belongs to.
    pub of: Of<'a>,
}

/// Which connection a line belongs to.
pub(super) enum Of<'a> {
    /// The one with this name: this line, or another line of the same IKE_SA, names it.
    Name(&'a str),
    /// The one with this name, because no other one matches.
    Only(&'a str),
    /// The only configured one, if there is only one: charon was not asked for its connections.
    Configured,
    /// Unknown.
    Unknown,
}

/// A line of charon, and the run of the daemon that wrote it: each run numbers its IKE_SAs from 1.
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
            let sa = sa.map_or(&[][..], Vec::as_slice);
            if failure == Some(Failure::Authentication) && sa.iter().any(is_for_want_of_a_ppk) {
                return None;
            }
            let of = whose(entry, sa, &connections);
            Some(Event { text: entry.text, failure, of })
        });
        Self { events: events.collect(), silence: silence(now, &entries) }
    }

    /// The events, newest first.
    pub fn events(&self) -> impl Iterator<Item = &Event<'a>> {
        self.events.iter().rev()
    }
}

/// Whether the IKE_SA failed for want of a PPK: to a peer that began it, charon then says AUTHENTICATION_FAILED.
fn is_for_want_of_a_ppk(entry: &&Entry<'_>) -> bool {
    entry.parts.event().is_some_and(|(_, failure)| failure == Some(Failure::Ppk))
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

/// Which connection a line belongs to; `sa` are the lines of the same IKE_SA. The line or one of those names it (`ike_name = yes`, or the
/// journal's field). An IKE_SA that the peer started has no name yet: then its address decides, if only one connection has it. A line with
/// neither belongs to the only connection, if there is only one; else it is unknown.
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
    connections.only_one_to(&peers).map_or(Of::Unknown, |connection| Of::Only(&connection.name))
}

/// charon's connections by their addresses.
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

    /// The only connection to one of these addresses; if there is none, the only connection at all, provided that it accepts any address.
    fn only_one_to(&self, peers: &BTreeSet<IpAddr>) -> Option<&'a Connection> {
        let to = peers.iter().filter_map(|peer| self.by_remote.get(peer)).flatten();
        let to: BTreeSet<usize> = to.copied().collect();
        // Only a connection that accepts any address can belong to a peer with none of the known addresses.
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
