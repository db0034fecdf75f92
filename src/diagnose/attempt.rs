//! How charon's last attempt at a connection went, as far as its log and its tasks tell. What peers say is matched, never believed beyond
//! that: the words are charon's own.

use super::commands::{Command, System, Word};
use super::{Case, Found};
use crate::snapshot::Source;
use crate::snapshot::charon_log::{Failure, Line};
use crate::snapshot::ike::Connection;
use crate::tunnel::Control;
use std::net::IpAddr;

impl Failure {
    /// What the peer did, as a clause.
    pub fn words(self) -> &'static str {
        match self {
            Failure::Silent => "the peer does not answer",
            Failure::Authentication => "authentication failed",
            Failure::Proposal => "the peers have no proposal in common",
            Failure::Selectors => "the peer does not accept the traffic selectors",
            Failure::Closed => "the peer closed it",
        }
    }

    /// What to look at first.
    pub fn next(self, found: Found, case: &Case<'_>, remote: Option<&str>) -> Found {
        match self {
            Failure::Silent => {
                let ask = remote.map(|remote| Command::Ping.with(Word::Remote, remote));
                let ask = ask.unwrap_or(Command::Ping.into());
                found.next(case, "see whether the peer is there", ask)
            }
            Failure::Authentication => found.next(
                case,
                "compare identities and secrets with the peer's",
                Command::IpsecConfiguration,
            ),
            Failure::Proposal => found.next(
                case,
                "compare the IKE and ESP groups with the peer's",
                Command::Proposals,
            ),
            Failure::Selectors => found.next(
                case,
                "compare the traffic selectors (or the tunnels' prefixes) with the peer's",
                Command::Connections,
            ),
            Failure::Closed => found,
        }
    }
}

/// The last attempt of the tunnel's connections that failed, with the line of the log that says so; none where the last one went well or
/// nothing tells.
pub(super) fn last<'a>(
    case: &Case<'a>,
    control: &Control<'a>,
) -> Option<(Failure, Option<&'a str>)> {
    let lines = case.now.charon_log.as_deref().unwrap_or_default();
    let log = Log::of(lines);
    let mut events = log.lines.iter().rev().filter_map(|line| Some((line, line.parts.event()?.1)));
    match events.find(|(line, _)| log.is_about(case, control, line)) {
        Some((line, Some(failure))) => Some((failure, Some(line.text))),
        // The present tells more than a log that ended well.
        _ if waits_for_an_answer(control) => Some((Failure::Silent, None)),
        _ => None,
    }
}

/// Why the log cannot tell how attempts ended, although charon runs and the log was read: nothing can be concluded from its silence.
pub(super) fn silence(case: &Case<'_>) -> Option<&'static str> {
    let lines = case.now.charon_log.as_deref().ok()?;
    case.now.ike.as_ref().ok()?;
    let said = lines.iter().rev().filter_map(|line| Line::parse(line));
    let mut said = said.filter(Line::is_of_charon).take(ENOUGH).peekable();
    if said.peek().is_none() {
        let is_off = case.now.configuration.as_ref().is_ok_and(|c| c.log_level == Some(0));
        return Some(if is_off { AT_LEVEL_0 } else { WITHOUT_LINES });
    }
    said.all(|line| line.is_audit()).then_some(AT_LEVEL_0)
}

/// The newest lines that show the level: at level 1 and above, packets and proposals stand between any two steps of level 0.
const ENOUGH: usize = 12;
const AT_LEVEL_0: &str = "the log is silent: at level 0 charon logs no failure";
const WITHOUT_LINES: &str = "the log is silent: it has no line of charon";

/// With what the log's silence means, and how it is ended; as it is where the log speaks.
pub(super) fn silent(found: Found, case: &Case<'_>) -> Found {
    let Some(silence) = silence(case) else { return found };
    let action = match case.system() {
        System::Vyos(_) => "let charon log why, for the next attempt",
        _ => "set charon-systemd.journal.default = 1 in strongswan.conf, so that charon logs why",
    };
    found.seen(case, silence, Source::CharonLog).next(case, action, Command::LogLevel)
}

/// Whether this end has sent its first request and nothing came back.
fn waits_for_an_answer(control: &Control<'_>) -> bool {
    control.sas.iter().any(|a| {
        a.initiator && a.state == "CONNECTING" && a.tasks_active.iter().any(|t| t == "IKE_INIT")
    })
}

/// A line of the log, and the run of the daemon that it is of: charon numbers its IKE_SAs anew in each.
struct Entry<'a> {
    text: &'a str,
    parts: Line<'a>,
    run: usize,
}

/// charon's part of the log, oldest first.
struct Log<'a> {
    lines: Vec<Entry<'a>>,
}

impl<'a> Log<'a> {
    fn of(lines: &'a [String]) -> Self {
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
        Self { lines: lines.collect() }
    }

    /// Whether a line is about the tunnel. It names its connection (`ike_name = yes`, or the journal's field), or another line of its IKE_SA
    /// does. An IKE_SA that the peer began has no name yet: its address tells, where one connection alone has it. A line with neither is
    /// about the one connection there is, or nobody knows.
    fn is_about(&self, case: &Case<'_>, control: &Control<'_>, line: &Entry<'_>) -> bool {
        let of_sa: Vec<&Entry<'_>> = match line.parts.unique_id {
            Some(id) => self.same_sa(line.run, id).collect(),
            None => Vec::new(),
        };
        let name = line.parts.named().or_else(|| of_sa.iter().find_map(|e| e.parts.named()));
        if let Some(name) = name {
            return is_connection(control, name);
        }
        let Ok(ike) = &case.now.ike else { return is_only_peer(case, control) };
        let own = ike.connections.iter().flat_map(|c| &c.local_addresses);
        let own: Vec<IpAddr> = own.filter_map(|a| a.parse().ok()).collect();
        let mentioned = of_sa.iter().flat_map(|e| addresses(e.parts.message));
        let mentioned = mentioned.chain(addresses(line.parts.message));
        let peers: Vec<IpAddr> = mentioned.filter(|a| !own.contains(a)).collect();
        let is_to = |c: &&Connection| {
            c.remote_addresses.iter().any(|a| a.parse().is_ok_and(|a| peers.contains(&a)))
        };
        let mut named: Vec<&Connection> = ike.connections.iter().filter(is_to).collect();
        if named.is_empty() {
            // Somebody else asked, or nothing says who.
            let takes_any = |c: &&Connection| {
                peers.is_empty() || c.remote_addresses.iter().any(|a| a.parse::<IpAddr>().is_err())
            };
            named = match ike.connections.as_slice() {
                [only] => Some(only).filter(takes_any).into_iter().collect(),
                _ => Vec::new(),
            };
        }
        match named.as_slice() {
            [only] => control.connections.iter().any(|c| c.name == only.name),
            _ => false,
        }
    }

    fn same_sa(&self, run: usize, id: u64) -> impl Iterator<Item = &Entry<'a>> {
        self.lines.iter().filter(move |e| e.run == run && e.parts.unique_id == Some(id))
    }
}

/// What charon and charon-systemd say first. Source: strongSwan 6.0.1, `src/charon/charon.c`, `src/charon-systemd/charon-systemd.c`.
const STARTS: [&str; 2] = ["Starting IKE charon daemon", "Starting charon-systemd IKE daemon"];

fn is_connection(control: &Control<'_>, name: &str) -> bool {
    control.connections.iter().any(|c| c.name == name)
        || control.sas.iter().any(|a| a.connection == name)
        || control.peers.iter().any(|p| p.is_connection(name))
}

/// Whether the tunnel's peer is the only one that is configured.
fn is_only_peer(case: &Case<'_>, control: &Control<'_>) -> bool {
    let configured = case.now.configuration.as_ref().map_or(0, |c| c.peers.len());
    configured == 1 && control.peers.len() == 1
}

/// The addresses in a message.
fn addresses(message: &str) -> impl Iterator<Item = IpAddr> + '_ {
    let words = message.split(|c: char| !(c.is_ascii_hexdigit() || ".:".contains(c)));
    words.filter_map(|word| word.parse().ok())
}

/// The evidence of an attempt: the connection and the words, since the time and the host before them say nothing here.
pub(super) fn seen(found: Found, case: &Case<'_>, line: Option<&str>) -> Found {
    let said = line.map(|line| {
        let parts = Line::parse(line).unwrap_or(Line { message: line, ..Line::default() });
        match (parts.connection, parts.unique_id) {
            (Some(name), Some(id)) => format!("charon's log: <{name}|{id}> {}", parts.message),
            (None, Some(id)) => format!("charon's log: <{id}> {}", parts.message),
            _ => format!("charon's log: {}", parts.message),
        }
    });
    found.seen_if(case, said, Source::CharonLog)
}
