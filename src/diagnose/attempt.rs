//! How charon's last attempt at a tunnel's connections went, as far as its log and its tasks tell, and what to do next. It takes no line
//! apart.

use super::charon_log::{Event, Of};
use super::commands::{Command, System, Word};
use super::{Case, Found};
use crate::snapshot::Source;
use crate::snapshot::charon_log::{Failure, Line};
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
    let newest = case.charon_log().events().find(|event| is_about(case, control, &event.of));
    match newest {
        Some(Event { text, failure: Some(failure), .. }) => Some((*failure, Some(*text))),
        // The present tells more than a log that ended well.
        _ if waits_for_an_answer(control) => Some((Failure::Silent, None)),
        _ => None,
    }
}

/// Why the log cannot tell how attempts ended; none where it can.
pub(super) fn silence(case: &Case<'_>) -> Option<&'static str> {
    case.charon_log().silence
}

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

/// Whether a line is about the tunnel.
fn is_about(case: &Case<'_>, control: &Control<'_>, of: &Of<'_>) -> bool {
    match of {
        Of::Name(name) => is_connection(control, name),
        Of::Only(name) => control.connections.iter().any(|c| c.name == *name),
        Of::Configured => is_only_peer(case, control),
        Of::Nobody => false,
    }
}

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

/// The evidence of an attempt: the connection and the words, since the time and the host before them say nothing here.
pub(super) fn seen(found: Found, case: &Case<'_>, line: Option<&str>) -> Found {
    let said = line.map(|line| {
        let parts = Line::of(line);
        match (parts.connection, parts.unique_id) {
            (Some(name), Some(id)) => format!("charon's log: <{name}|{id}> {}", parts.message),
            (None, Some(id)) => format!("charon's log: <{id}> {}", parts.message),
            _ => format!("charon's log: {}", parts.message),
        }
    });
    found.seen_if(case, said, Source::CharonLog)
}
