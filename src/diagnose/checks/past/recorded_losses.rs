//! VTI-911 to VTI-919: what the recorder saw while packets were lost. They concern the past: since this boot, on this very interface.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::report::time::utc;
use crate::snapshot::Source;
use crate::snapshot::recorded::{Cause, Episode};
use crate::snapshot::vyos::Reauthentication;
use crate::units::{EPISODE, PACKET, Span, WAS, sum};

/// At most so many episodes are evidence.
const MOST_NAMED: usize = 3;

/// A cause that is present now explains the errors.
const EXPLAINED: MaskedBy = MaskedBy::Where(mask::explains_errors);
/// Causes that explain single losses better. IPv6 outside the selectors is not among them: it says which packets are lost, and this finding
/// since when.
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

/// What to do, and the command for it.
type Advice = &'static [(&'static str, Command)];

const LOG: (&str, Command) = ("show the log of charon at that time", Command::HookLog);
const REAUTHENTICATION: Advice =
    &[LOG, ("if it was a reauthentication: use IKEv2 without reauthentication", Command::Ikev2)];
const REKEY: Advice = &[LOG];
const BEGINNING: Advice = &[(
    "after a boot do nothing; otherwise add routes only when the tunnel is up",
    Command::ConfigurationOf,
)];
const PEER: Advice = &[LOG, ("check whether the peer answers", Command::Ping)];
const DRIP: Advice = &[(
    "if the tunnel is for IPv4 only, remove the link-local address from the interface",
    Command::NoLinkLocal,
)];
const ROUTE: Advice = &[("show which routes to the peer came and went", Command::RoutingLog)];
const LIMIT: Advice = &[LOG, ("compare the limits with the traffic", Command::Sas)];
const NONE: Advice = &[LOG];

recorded! {
    REAUTHENTICATION_GAP: ReauthenticationGap, EXPLAINED, REAUTHENTICATION, "
What happens
    Now and then the interface drops packets for a moment.

Why
    Policy and SAs were removed and installed again shortly after, while
    the peer was reachable: charon reauthenticated the IKE_SA, and
    deleted the old SAs before it negotiated new ones
    (break-before-make). Without a policy the interface counts each
    packet as a carrier error.

How to confirm
    {History}\tthe gaps and the events
    {IkeLog}\t'reauthenticating IKE_SA'

What to do
    Use IKEv2 without reauthentication: on VyOS delete ikev2-reauth from
    the peer and from its ike-group. If reauthentication is required,
    use make-before-break (charon.make_before_break), which both peers
    must support. strongSwan 6.0 and later uses it by default.
";
    SA_GAP: SaGap, EXPLAINED, REKEY, "
What happens
    The interface dropped packets for a while, although it had a policy.

Why
    The SA was deleted, and another SA was installed later: a rekeying
    failed, or the peer or an operator deleted the CHILD_SA. In between,
    the lookup found the policy, but no SA for its template.

How to confirm
    {History}\twhen the SA went and came
    {IkeLog}\twho deleted the SA

What to do
    Nothing, if an operator deleted it. If it happens at each rekeying,
    both peers rekey at the same time, or one rejects the rekeying of
    the other: read the logs of both.
";
    BEFORE_THE_FIRST_SA: BeforeTheFirstSa, EXPLAINED, BEGINNING, "
What happens
    The interface has errors from the time right after it was created,
    and none since.

Why
    After a boot or a commit the interface was up, and routes led into
    it, before the first SA was negotiated. Each packet until then was
    counted as a carrier error.

How to confirm
    {History}\tthe errors end with the first SA

What to do
    Nothing. If these losses matter, add the routes only when the tunnel
    is up (by a routing protocol, or by the updown hook).
";
    PEER_LOST_AND_BACK: PeerLostAndBack, EXPLAINED, PEER, "
What happens
    The interface dropped packets until the peer answered again.

Why
    The peer did not answer. Dead peer detection or the end of their
    lifetime removed the SAs, and the policies with them. When the peer
    answered again, both were installed again.

How to confirm
    {History}\thow long the peer was away
    {IkeLog}\t'giving up after', retransmits

What to do
    Check the path to the peer, and the peer, at those times.
";
    LINK_LOCAL_DRIP: LinkLocalDrip, DRIPPING, DRIP, "
What happens
    For hours the interface counts a single error now and then. No user
    traffic is lost.

Why
    On an interface with IPv6 the kernel sends router solicitations and
    listener reports, but the tunnel was negotiated for IPv4 only.

How to confirm
    {History}\tsingle packets, far apart
    {Ipv6Packets}

What to do
    Remove IPv6 from the interface, or let both peers also negotiate
    ::/0.
";
    ROUTE_GAP: RouteGap, EXPLAINED, ROUTE, "
What happens
    The interface dropped packets for a while, although it had policy
    and SA.

Why
    There was no route to the peer: the uplink was down, or a routing
    protocol withdrew the route. So the kernel could not send the
    encrypted packets (xfrm_bundle_create() failed).

How to confirm
    {History}\twhen the route went and came

What to do
    Check the uplink and the routing protocol at those times.
";
    LIMIT_REACHED: LimitReached, EXPLAINED, LIMIT, "
What happens
    The interface dropped packets between one SA and the next.

Why
    An SA reached its byte or packet limit, and the kernel deleted it
    before a new SA was negotiated.

How to confirm
    {History}\twhich SA expired

What to do
    Raise life_bytes and life_packets, or let rekeying start earlier:
    the margin is too small for this traffic.
";
    NOT_ATTRIBUTABLE: NotAttributable, EXPLAINED, NONE, "
What happens
    The interface dropped packets, but no recorded event explains these
    losses.

Why
    No SA, policy or route was added or deleted then, and a diagnosis at
    that time found no cause; or messages of the kernel were lost.

How to confirm
    {History}\twhen packets were lost
    {Capture}

What to do
    Save a capture while it happens again, and read it.
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
        "{} {} lost in {}, last at {}: {}",
        PACKET.of(lost),
        WAS.word(lost),
        EPISODE.of(all.len()),
        utc(last.began_ms),
        why.summary
    );
    let confidence =
        if code == Code::NotAttributable { Confidence::Possible } else { Confidence::Consistent };
    let mut found = Found::new(confidence, "unknown: it is in the past", summary);
    for (episode, cause) in all.iter().rev().take(MOST_NAMED) {
        let lasted = Span(episode.ended_ms.saturating_sub(episode.began_ms));
        let fact = format!(
            "{}: {} lost{}: {}",
            utc(episode.began_ms),
            PACKET.of(cause.lost),
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

/// As evidence: what makes charon reauthenticate, and whether it uses make-before-break.
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
            found.seen(case, format!("ikev2-reauth is set for the {node}"), Source::Configuration);
    }
    let seconds = control.connections.iter().map(|c| c.reauth_seconds).find(|s| *s > 0);
    let every =
        seconds.map(|s| format!("charon reauthenticates every {}", Span(s.saturating_mul(1000))));
    found = found.seen_if(case, every, Source::Charon);
    let daemon = case.now.ike.as_ref().map_or("", |ike| &ike.daemon);
    let overlaps = makes_before_it_breaks(daemon)
        .then(|| format!("{daemon} uses make-before-break by default"));
    found.seen_if(case, overlaps, Source::Charon)
}

/// Whether this charon uses make-before-break by default: since 6.0.0 (strongSwan's NEWS).
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
