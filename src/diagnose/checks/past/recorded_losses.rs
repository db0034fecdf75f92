//! VTI-911 to VTI-919: what the recorder saw while packets were lost. They speak of the past, of this boot and this very interface.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::report::time::utc;
use crate::snapshot::Source;
use crate::snapshot::recorded::{Cause, Episode};
use crate::snapshot::vyos::Reauthentication;
use crate::units::{PACKET, Span, TIME, sum};

/// Episodes that are named one by one.
const MOST_NAMED: usize = 3;

/// Errors that a cause explains which acts now.
const EXPLAINED: MaskedBy = MaskedBy::Where(mask::explains_errors);
/// What explains a drip better. IPv6 outside the selectors does not: it says what drips, and this since when.
const DRIPPING: MaskedBy = MaskedBy::Codes(&[Code::NoOutboundPolicy, Code::TunnelLoopsIntoItself]);

macro_rules! recorded {
    ($($constant:ident: $code:ident, $masked_by:ident, $advice:ident, $explain:literal;)*) => {
        $(pub const $constant: Diagnosis = Diagnosis {
            code: Code::$code,
            explain: $explain,
            masked_by: $masked_by,
            check: |case| check(case, Code::$code, $advice),
        };)*
    };
}

/// What to do: action, and the command for it.
type Advice = &'static [(&'static str, Command)];

const LOG: (&str, Command) = ("see what charon did then", Command::HookLog);
const REAUTHENTICATION: Advice = &[
    LOG,
    ("if it is a reauthentication: rekey with IKEv2, and make before break", Command::Ikev2),
];
const REKEY: Advice = &[LOG];
const BEGINNING: Advice = &[(
    "nothing, where it was a boot; else see that routes into it wait for the tunnel",
    Command::ConfigurationOf,
)];
const PEER: Advice = &[LOG, ("see whether the peer is there", Command::Ping)];
const DRIP: Advice = &[(
    "if the tunnel is for IPv4 only, take the link-local address off the interface",
    Command::NoLinkLocal,
)];
const ROUTE: Advice = &[("see what routes to the peer came and went", Command::RoutingLog)];
const LIMIT: Advice = &[LOG, ("compare the limits with the traffic", Command::Sas)];
const NONE: Advice = &[LOG];

recorded! {
    REAUTHENTICATION_GAP: ReauthenticationGap, EXPLAINED, REAUTHENTICATION, "
What happens
    Now and then, for a moment, packets into the tunnel are lost; then
    all is well again.

Why
    Policy and SAs were removed and, shortly after, installed again,
    while the peer was there: the IKE_SA was authenticated anew and
    broke before it made. Without a policy of its own the interface
    counts each packet as a carrier error.

How to confirm
    {History}\tthe gaps, and what the kernel told
    {IkeLog}\t'reauthenticating IKE_SA'

What to do
    IKEv2 without reauthentication: on VyOS take ikev2-reauth off the
    peer and its ike-group. Where it must be, make before break
    (charon.make_before_break), which both peers must allow: strongSwan
    6.0 and later do that by themselves.
";
    SA_GAP: SaGap, EXPLAINED, REKEY, "
What happens
    Packets into the tunnel were lost for a while, though its policy was
    there.

Why
    The SA was deleted and another one came later: a rekey that was
    lost, a CHILD_SA deleted by the peer or by hand. The lookup found
    the policy and no SA for its template.

How to confirm
    {History}\twhich SA went, and when one came
    {IkeLog}\twho deleted it

What to do
    Nothing, if somebody did it by hand. If it comes back with each
    rekey: both peers rekey at once, or one does not know the other's
    rekey; see the log of both.
";
    BEFORE_THE_FIRST_SA: BeforeTheFirstSa, EXPLAINED, BEGINNING, "
What happens
    Errors from the time when the interface was made, and none since.

Why
    The interface was up and routes led into it before the first SA was
    negotiated: after a boot, after a commit. Each packet until then
    counts as a carrier error.

How to confirm
    {History}\tthey end with the first SA

What to do
    Nothing. Where it matters, let routes into the tunnel depend on it
    (a routing protocol, or the updown hook).
";
    PEER_LOST_AND_BACK: PeerLostAndBack, EXPLAINED, PEER, "
What happens
    Packets into the tunnel were lost until the peer came back.

Why
    The peer did not answer: dead peer detection, or the end of the SA's
    time, took the SAs, and the policies with them. When it answered
    again, they were installed again.

How to confirm
    {History}\thow long it was away
    {IkeLog}\t'giving up after', retransmits

What to do
    Look at the path to the peer and at the peer at those times.
";
    LINK_LOCAL_DRIP: LinkLocalDrip, DRIPPING, DRIP, "
What happens
    A single error now and then, for hours, and no traffic is missed.

Why
    The kernel sends router solicitations and listener reports on an
    interface with IPv6, and the tunnel was negotiated for IPv4 only.

How to confirm
    {History}\tone packet at a time, far apart
    {Ipv6Packets}

What to do
    Take IPv6 off the interface, or let the peers agree on ::/0 too.
";
    ROUTE_GAP: RouteGap, EXPLAINED, ROUTE, "
What happens
    Packets into the tunnel were lost for a while, with policy and SA in
    place.

Why
    There was no route to the peer: the uplink went down, a routing
    protocol took the route away. The bundle for the SA could not be
    made.

How to confirm
    {History}\tthe route that went and came back

What to do
    Look at the uplink and the routing protocol at those times.
";
    LIMIT_REACHED: LimitReached, EXPLAINED, LIMIT, "
What happens
    Packets into the tunnel were lost between one SA and the next.

Why
    An SA had carried as many bytes or packets as it may, and the kernel
    deleted it before another was negotiated.

How to confirm
    {History}\twhich SA expired

What to do
    Raise life_bytes and life_packets, or let rekeying begin earlier:
    the margin is too small for the traffic.
";
    NOT_ATTRIBUTABLE: NotAttributable, EXPLAINED, NONE, "
What happens
    Packets into the tunnel were lost while the recorder watched, and
    nothing that it saw explains them.

Why
    No SA, policy or route came or went then, and a diagnosis made at
    the time found no cause; or the kernel's messages were lost.

How to confirm
    {History}\twhen they were lost
    {Capture}

What to do
    Save a capture when it happens again, and look at it.
";
}

fn check(case: &Case<'_>, code: Code, advice: Advice) -> Outcome {
    let recorded = case.now.recorded.as_ref().map_err(Clone::clone)?;
    let of_code = |episode: &'_ Episode| -> Option<Cause> {
        episode.causes.iter().find(|cause| cause.code == code.number()).cloned()
    };
    let all: Vec<(&Episode, Cause)> =
        case.episodes().filter_map(|episode| Some((episode, of_code(episode)?))).collect();
    let Some((last, why)) = all.last() else { return Err(Unconfirmed::RuledOut) };
    let lost = sum(all.iter().map(|(_, cause)| cause.lost));
    let summary = format!(
        "{} lost, {}, last at {}: {}",
        PACKET.of(lost),
        TIME.of(all.len()),
        utc(last.began_ms),
        why.summary
    );
    let confidence =
        if code == Code::NotAttributable { Confidence::Possible } else { Confidence::Consistent };
    let mut found = Found::new(confidence, "not known: it lies in the past", summary);
    for (episode, cause) in all.iter().rev().take(MOST_NAMED) {
        let lasted = Span(episode.ended_ms.saturating_sub(episode.began_ms));
        let fact = format!(
            "{}: {} lost{}; {}",
            utc(episode.began_ms),
            cause.lost,
            lasted.within(),
            cause.summary
        );
        found = found.seen(case, fact, Source::Journal);
    }
    let since = format!("recorded since {}", utc(recorded.since_ms));
    found = found.concluded(since, Source::Journal);
    if code == Code::ReauthenticationGap {
        found = settings(found, case);
    }
    for (action, command) in advice {
        found = found.next(case, *action, command.with(Word::Since, utc(last.began_ms)));
    }
    Ok(found)
}

/// What makes charon reauthenticate, as evidence, and whether it makes before it breaks.
fn settings(mut found: Found, case: &Case<'_>) -> Found {
    let Some(control) = case.tunnel.as_ref().ok().and_then(|tunnel| tunnel.control().ok()) else {
        return found;
    };
    for peer in &control.peers {
        let node = match peer.reauthentication {
            Some(Reauthentication::Peer) => format!("site-to-site peer {}", peer.name),
            Some(Reauthentication::IkeGroup) => format!("ike-group of {}", peer.name),
            None => continue,
        };
        found =
            found.seen(case, format!("ikev2-reauth is set in the {node}"), Source::Configuration);
    }
    let seconds = control.connections.iter().map(|c| c.reauth_seconds).find(|s| *s > 0);
    let every =
        seconds.map(|s| format!("charon reauthenticates every {}", Span(s.saturating_mul(1000))));
    found = found.seen_if(case, every, Source::Charon);
    let daemon = case.now.ike.as_ref().map_or("", |ike| &ike.daemon);
    let overlaps = makes_before_it_breaks(daemon)
        .then(|| format!("{daemon} makes before it breaks, unless that is switched off"));
    found.seen_if(case, overlaps, Source::Charon)
}

/// Whether make-before-break is the default of this charon: since 6.0.0 (strongSwan's NEWS).
fn makes_before_it_breaks(daemon: &str) -> bool {
    let version = daemon.split_whitespace().nth(1).unwrap_or_default();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= 6)
}

#[cfg(test)]
mod tests {
    use super::makes_before_it_breaks;

    #[test]
    fn strongswan_6_overlaps_by_itself() {
        assert!(makes_before_it_breaks("charon-systemd 6.0.6"));
        assert!(!makes_before_it_breaks("charon 5.9.11"));
        assert!(!makes_before_it_breaks(""));
    }
}
