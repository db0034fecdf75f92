//! How charon's last attempt at a connection went, as far as its log and its tasks tell. What peers say is matched, never believed beyond
//! that: the words are charon's own.

use super::commands::{Command, Word};
use super::{Case, Found};
use crate::snapshot::Source;
use crate::snapshot::ike::{Failure, LOG_EVENTS, connection_of_line};
use crate::tunnel::Control;

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
    let logged = lines.iter().rev().filter(|line| is_about(control, line)).find_map(|line| {
        LOG_EVENTS
            .iter()
            .find(|(words, _)| line.contains(words))
            .map(|(_, failure)| (*failure, line))
    });
    match logged {
        Some((Some(failure), line)) => Some((failure, Some(line))),
        // The present tells more than a log that ended well.
        _ if waits_for_an_answer(control) => Some((Failure::Silent, None)),
        _ => None,
    }
}

/// Whether this end has sent its first request and nothing came back.
fn waits_for_an_answer(control: &Control<'_>) -> bool {
    control.sas.iter().any(|a| {
        a.initiator && a.state == "CONNECTING" && a.tasks_active.iter().any(|t| t == "IKE_INIT")
    })
}

/// A line names its connection (`ike_name = yes`, as on VyOS); where it does not, the peer's address may be in it.
fn is_about(control: &Control<'_>, line: &str) -> bool {
    if let Some(name) = connection_of_line(line) {
        return control.connections.iter().any(|c| c.name == name)
            || control.sas.iter().any(|a| a.connection == name)
            || control.peers.iter().any(|p| p.is_connection(name));
    }
    let addresses = control.connections.iter().flat_map(|c| &c.remote_addresses);
    let mut addresses = addresses.filter(|a| a.parse::<std::net::IpAddr>().is_ok());
    addresses
        .any(|a| line.split(|c: char| !(c.is_ascii_hexdigit() || ".:".contains(c))).any(|w| w == a))
}

/// The evidence of an attempt: the line from its connection on, since the time and the host before it say nothing here.
pub(super) fn seen(found: Found, case: &Case<'_>, line: Option<&str>) -> Found {
    let said = line.map(|line| match line.split_once("] <") {
        Some((_, rest)) => format!("charon's log: <{rest}"),
        None => format!("charon's log: {line}"),
    });
    found.seen_if(case, said, Source::CharonLog)
}
