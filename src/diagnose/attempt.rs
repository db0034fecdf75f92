//! How charon's last attempt to set up a tunnel's connections ended, as far as its log and its tasks show, and what to do next. `charon_log`
//! parses the lines.

use super::charon_log::{Event, Of};
use super::commands::{Command, System};
use super::words::Word;
use super::{Case, Found};
use crate::snapshot::charon_log::{Failure, Line};
use crate::snapshot::ike::IkeSa;
use crate::snapshot::{Neighbour, RouteAnswer, Snapshot, Source};
use crate::tunnel::Control;
use crate::units::TIME;

impl Failure {
    /// What the peer did, as a clause.
    pub fn words(self) -> &'static str {
        match self {
            Failure::Silent => "the peer does not answer",
            Failure::Authentication => "authentication failed",
            Failure::Proposal => "the peers have no proposal in common",
            Failure::Ppk => "the peers have no PPK in common",
            Failure::Childless => "only one end wants the IKE_SA to be childless",
            Failure::Selectors => "the peer rejects the traffic selectors",
            Failure::Closed => "the peer deleted the IKE_SA",
        }
    }

    /// What to check first.
    pub fn next(self, found: Found, case: &Case<'_>, remote: Option<&str>) -> Found {
        match self {
            Failure::Silent => {
                let ask = remote.map(|remote| Command::Ping.with(Word::Remote, remote));
                let ask = ask.unwrap_or(Command::Ping.into());
                found.next(case, "check whether the peer answers", ask)
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
            Failure::Ppk => {
                found.next(case, "compare the PPKs with the peer's", Command::IpsecConfiguration)
            }
            Failure::Childless => found.next(
                case,
                "compare `childless` of the IKE groups with the peer's",
                Command::IpsecConfiguration,
            ),
            Failure::Selectors => found.next(
                case,
                "compare the traffic selectors (or the prefixes of the tunnels) with the peer's",
                Command::Connections,
            ),
            Failure::Closed => found,
        }
    }
}

/// The last failed attempt of the tunnel's connections, with its line of the log; none if the last attempt succeeded, or if no log and no
/// task shows it.
pub(super) fn last<'a>(
    case: &Case<'a>,
    control: &Control<'a>,
) -> Option<(Failure, Option<&'a str>)> {
    let newest = case.charon_log().events().find(|event| is_about(case, control, &event.of));
    match newest {
        Some(Event { text, failure: Some(failure), .. }) => Some((*failure, Some(*text))),
        // A request without an answer now is newer than a log without a failure.
        _ if waits_for_an_answer(control) => Some((Failure::Silent, None)),
        _ => None,
    }
}

/// Which request a peer does not answer, and what that means: how often it was sent, as far as the log shows, and whether the peer's host is
/// there.
pub(super) fn silence_of_peer(case: &Case<'_>, control: &Control<'_>) -> String {
    let waiting = |task: &str| {
        let is_it = |a: &IkeSa| a.initiator && a.tasks_active.iter().any(|t| t == task);
        control.sas.iter().copied().any(is_it)
    };
    let is_first = if waiting("IKE_INIT") {
        true
    } else if waiting("IKE_AUTH") {
        false
    } else {
        // The log alone does not show which request it was: those of a peer that began have numbers of their own.
        return Failure::Silent.words().to_owned();
    };
    let sent = retransmits(case, control);
    let of_first = sent.filter(|(message, _)| *message == u32::from(!is_first));
    // The first of them is no retransmit.
    let times = of_first.map(|(_, count)| format!(" (sent {})", TIME.of(count.saturating_add(1))));
    let times = times.unwrap_or_default();
    if !is_first {
        return format!(
            "the peer answered IKE_SA_INIT and does not answer IKE_AUTH{times}: check UDP 4500, fragments and the MTU of the path, and the peer's log"
        );
    }
    let is_there = control.remote().is_some_and(|remote| answers_to_arp(case, &remote));
    let meaning = if is_there {
        ", though its host answers to ARP: it discards the request (filter, unknown peer, proposals)"
    } else {
        ""
    };
    format!("the peer does not answer IKE_SA_INIT{times}{meaning}")
}

/// The last request of the tunnel's connections that charon sent again: its message ID, and how often.
fn retransmits(case: &Case<'_>, control: &Control<'_>) -> Option<(u32, u32)> {
    let newest = case.charon_log().events().find(|event| is_about(case, control, &event.of))?;
    // charon ends with `giving up after 5 retransmits`, behind which the line before has the message ID.
    let events = case.charon_log().events().filter(|event| is_about(case, control, &event.of));
    let of = |text: &str| {
        let (_, rest) = text.split_once("retransmit ")?;
        let (count, rest) = rest.split_once(" of request with message ID ")?;
        Some((rest.split_whitespace().next()?.parse().ok()?, count.parse().ok()?))
    };
    newest.failure.filter(|failure| *failure == Failure::Silent)?;
    events.take(MOST_LINES).find_map(|event| of(event.text))
}

/// So many of the newest lines belong to one attempt.
const MOST_LINES: usize = 8;

/// Whether the peer is a neighbour that has answered the kernel.
fn answers_to_arp(case: &Case<'_>, remote: &str) -> bool {
    let (Ok(tunnel), Ok(remote)) = (case.tunnel(), remote.parse()) else { return false };
    let route = tunnel.state.route(&Snapshot::peer_query(remote));
    let Ok(RouteAnswer::Route { oif, gateway: None, .. }) = route else { return false };
    let neighbour = tunnel.state.neighbour(*oif, remote);
    neighbour.is_ok_and(|neighbour| neighbour.is_some_and(Neighbour::has_answered))
}

/// Why the log does not show how attempts ended; none if it does.
pub(super) fn silence(case: &Case<'_>) -> Option<&'static str> {
    case.charon_log().silence
}

/// Adds why the log is silent, and how to make charon log failures; unchanged if the log is not silent.
pub(super) fn silent(found: Found, case: &Case<'_>) -> Found {
    let Some(silence) = silence(case) else { return found };
    let action = match case.system() {
        System::Vyos(_) => "make charon log why the next attempt fails",
        _ => {
            "set charon-systemd.journal.default = 1 in strongswan.conf, so that charon logs failures"
        }
    };
    found.seen(case, silence, Source::CharonLog).next(case, action, Command::LogLevel)
}

/// Whether this end has sent a request of the first two and has no answer yet.
fn waits_for_an_answer(control: &Control<'_>) -> bool {
    control.sas.iter().any(|a| {
        let is_asking = |t: &String| t == "IKE_INIT" || t == "IKE_AUTH";
        a.initiator && a.state == "CONNECTING" && a.tasks_active.iter().any(is_asking)
    })
}

/// Whether a line is about the tunnel.
fn is_about(case: &Case<'_>, control: &Control<'_>, of: &Of<'_>) -> bool {
    match of {
        Of::Name(name) => is_connection(control, name),
        Of::Only(name) => control.connections.iter().any(|c| c.name == *name),
        Of::Configured => is_only_peer(case, control),
        Of::Unknown => false,
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

/// The evidence of an attempt: the connection and the message, without the time and the host before them.
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
