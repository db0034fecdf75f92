//! VTI-102: the interface's policies do not cover what is routed into it.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::vyos::Peer;
use crate::snapshot::{PolicyDirection, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::TrafficOutsideSelectors,
    explain: EXPLAIN,
    // A route to the peer through the tunnel is rarely inside the selectors.
    masked_by: MaskedBy::Codes(&[Code::TunnelLoopsIntoItself]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets of some routed prefixes are dropped and counted as carrier
    errors, while others pass. No counter of /proc/net/xfrm_stat moves.

Why
    A policy must match the packet's addresses, protocol and ports as
    well as its mark or if_id. The traffic selectors that the peers
    agreed on are narrower than the routes into the tunnel. The source
    counts too: the router's own packets leave with the interface's
    address. On an interface of remote-access clients each client has
    its address alone: those that nobody holds are outside, and that is
    a notice, once something was sent there.

How to confirm
    {RoutesInto}
    {OutboundPolicies}
    {Lookup}

What to do
    Route only what the selectors cover, or widen them on both peers
    (on VyOS a tunnel bound to a VTI asks for 0.0.0.0/0 and ::/0; the
    peer may have narrowed that).
";

/// That a peer gives this end its inner address, as evidence; none where it does not.
fn virtual_addresses(peers: &[&Peer]) -> Option<String> {
    let peer = peers.iter().find(|peer| !peer.virtual_addresses.is_empty())?;
    let asked = peer.virtual_addresses.join(", ");
    Some(format!("virtual-address {asked}: {} assigns the source address to use", peer.name))
}

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::TrafficOutsideSelectors)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let own = tunnel.own_policies(PolicyDirection::Out)?;
    let (outside, example) = (Case::prefixes(&lost), &first.flow);
    let rises = case.counted.rise(|c| c.tx_errors).is_ok_and(|rise| rise > 0);
    let (summary, severity) = match tunnel.serves_clients() {
        // The pool is wider than the clients that are connected: by itself no fault.
        Some(_) if case.counted.total.as_ref().is_ok_and(|total| total.tx_errors == 0) => {
            return Err(Unconfirmed::RuledOut);
        }
        Some(peer) => (
            format!(
                "packets to addresses of {outside} that no client of {} holds are lost (for example {example})",
                peer.name
            ),
            if rises { Severity::Warning } else { Severity::Notice },
        ),
        None => (
            format!("{outside} (for example {example}) is outside the selectors of the tunnel"),
            case.grade(Severity::Fault),
        ),
    };
    let selectors =
        own.iter().take(4).map(|p| p.selector.to_string()).collect::<Vec<_>>().join("; ");
    let more = if own.len() > 4 { format!("; and {} more", own.len() - 4) } else { String::new() };
    Ok(Found::proven(case, first, summary)
        .severity(severity)
        .seen(case, format!("selectors: {selectors}{more}"), Source::SecurityPolicies)
        .seen_if(case, virtual_addresses(&tunnel.configured_peers()), Source::Configuration)
        .next(case, "see what the peers agreed on", Command::Selectors)
        .next(case, "see what is routed into the tunnel", Command::RoutesInto))
}
