//! VTI-102: the interface's policies do not cover everything that is routed into it.

use super::{drops, from_hosts_behind};
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::flows::{Origin, Trace};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::snapshot::vyos::Peer;
use crate::snapshot::{PolicyDirection, Source};
use crate::way::Flow;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::TrafficOutsideSelectors,
    explain: EXPLAIN,
    // A route to the peer through the tunnel is rarely inside the selectors.
    masked_by: MaskedBy::Codes(&[Code::TunnelLoopsIntoItself]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets to some of the routed prefixes are dropped and counted as
    carrier errors, while others pass. No counter of /proc/net/xfrm_stat
    rises.

Why
    A policy must match the packet's addresses, protocol and ports, and
    its mark or if_id. The peers negotiated traffic selectors that are
    narrower than the routes into the tunnel. The source address counts,
    too: the router's own packets have the interface's address, or that
    of another interface where it has none (give it an address of the
    selectors, or put src into the route). On an
    interface for remote-access clients each client has its own address;
    packets to addresses that no client has are dropped. That is only a
    notice, and only if such packets were sent.

How to confirm
    {RoutesInto}
    {OutboundPolicies}
    {Lookup}

What to do
    Route only what the selectors cover, or widen the selectors on both
    peers. (On VyOS a tunnel bound to a VTI requests 0.0.0.0/0 and ::/0;
    the peer may have narrowed that.)
";

/// Evidence that a peer assigns the inner address of this end; none if no peer does.
fn virtual_addresses(peers: &[&Peer]) -> Option<String> {
    let peer = peers.iter().find(|peer| !peer.virtual_addresses.is_empty())?;
    let asked = peer.virtual_addresses.join(", ");
    Some(format!(
        "virtual-address {asked} is configured: {} assigns the inner source address",
        peer.name
    ))
}

/// Only what this host itself sends is outside: the interface has no address, so that the kernel takes the source from another one.
fn own_packets(case: &Case<'_>, first: &Trace) -> Outcome {
    let tunnel = case.tunnel()?;
    let errors = case.counted.total.as_ref().map_err(Clone::clone)?.tx_errors;
    // What it forwards passes, and it may send nothing itself.
    if errors == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let is_rising = case.counted.rise(|c| c.tx_errors).is_ok_and(|rise| rise > 0);
    let Flow { source, destination, .. } = first.flow;
    let owner = tunnel.state.local_addresses(source)?.iter().next();
    let of = owner.map(|a| format!(" of {}", tunnel.state.link_name(a.ifindex)));
    let of = of.unwrap_or_default();
    let summary = format!(
        "{} drops this host's own packets, for example to {destination}: {} has no address, the kernel gives them the source {source}{of}, and no selector of the tunnel matches",
        case.name, case.name
    );
    let own = tunnel.own_policies(PolicyDirection::Out)?;
    let selectors =
        own.iter().take(4).map(|p| p.selector.to_string()).collect::<Vec<_>>().join("; ");
    Ok(Found::proven(case, first, summary)
        .severity(if is_rising { Severity::Warning } else { Severity::Notice })
        .seen(
            case,
            format!("the route to {destination} prefers the source {source}"),
            Source::RouteLookups,
        )
        .seen(case, format!("selectors: {selectors}"), Source::SecurityPolicies)
        .next(
            case,
            "show which source the kernel chooses",
            Command::RouteInside.with(Word::Destination, destination),
        )
        .next(case, "list the selectors that the peers negotiated", Command::Selectors))
}

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::TrafficOutsideSelectors)?;
    let Some(first) = lost.first() else {
        let next = ("list the selectors that the peers negotiated", Command::Selectors);
        let why = "no selector of the tunnel matches";
        return from_hosts_behind::lost(case, Code::TrafficOutsideSelectors, why, next);
    };
    let tunnel = case.tunnel()?;
    let own = tunnel.own_policies(PolicyDirection::Out)?;
    let (outside, example) = (Case::prefixes(&lost), &first.flow);
    let is_rising = case.counted.rise(|c| c.tx_errors).is_ok_and(|rise| rise > 0);
    if lost.iter().all(|t| matches!(t.origin, Origin::OwnPackets(_))) {
        return own_packets(case, first);
    }
    let (summary, severity) = match tunnel.serves_clients() {
        // The pool is larger than the number of connected clients. That alone is no fault.
        Some(_) if case.counted.total.as_ref().is_ok_and(|total| total.tx_errors == 0) => {
            return Err(Unconfirmed::RuledOut);
        }
        Some(peer) => (
            format!(
                "{} drops packets to addresses of {outside} that no client of {} has (for example {example})",
                case.name, peer.name
            ),
            if is_rising { Severity::Warning } else { Severity::Notice },
        ),
        None => (
            format!(
                "{}, for example {example}: no selector of the tunnel matches",
                drops(case, &lost)
            ),
            case.grade(Severity::Fault),
        ),
    };
    let selectors =
        own.iter().take(4).map(|p| p.selector.to_string()).collect::<Vec<_>>().join("; ");
    let more = if own.len() > 4 { format!("; {} more", own.len() - 4) } else { String::new() };
    Ok(Found::proven(case, first, summary)
        .severity(severity)
        .seen(case, format!("selectors: {selectors}{more}"), Source::SecurityPolicies)
        .seen_if(case, virtual_addresses(&tunnel.configured_peers()), Source::Configuration)
        .next(case, "list the selectors that the peers negotiated", Command::Selectors)
        .next(case, "list the routes into the tunnel", Command::RoutesInto))
}
