//! VTI-304: packets leave the tunnel encrypted, but the outer next hop does not answer or the outer link is down.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::{Neighbour, Observed, RouteAnswer, Snapshot, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::OuterPathDead,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::stops_before_encryption),
    check,
};

const EXPLAIN: &str = "
What happens
    The interface counts packets as sent and counts no error, but no
    packet reaches the peer.

Why
    The encrypted packets have a route, but its device has no carrier,
    or its next hop does not answer ARP requests or neighbour
    solicitations. They are dropped after the tunnel, which counts
    nothing.

How to confirm
    {RouteToPeer}
    {OuterNeighbours}\tlook for FAILED or INCOMPLETE

What to do
    Check the WAN: link, gateway, VLAN, provider.
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if !tunnel.link.admin_up {
        return Err(Unconfirmed::RuledOut);
    }
    let vrf = tunnel.outer_vrf()?.map(|l| l.ifindex);
    for sa in tunnel.outbound_sas()? {
        let query = Snapshot::outer_query(sa, vrf, tunnel.lookup_mark(0));
        let RouteAnswer::Route { oif, gateway, .. } = tunnel.state.route(&query)? else { continue };
        let Some(device) = tunnel.state.link(*oif)?.filter(|d| !d.loopback && d.driver().is_none())
        else {
            continue;
        };
        let hop = gateway.unwrap_or(sa.destination);
        let why = if !device.carrier {
            format!("{} has no carrier", device.name)
        } else if unresolved(case, device.ifindex, hop)? {
            format!("the next hop {hop} on {} does not answer", device.name)
        } else {
            continue;
        };
        let to = sa.destination;
        let summary = format!("encrypted packets of {} to {to} are dropped: {why}", case.name);
        let source = if device.carrier { Source::Neighbours } else { Source::Links };
        return Ok(Found::new(
            Confidence::Proven,
            "after the tunnel: neighbour or outer device",
            summary,
        )
        .seen(case, why, source)
        .next(case, "show the outer interface", Command::OuterInterface)
        .next(
            case,
            "list the neighbours of the outer interface",
            Command::OuterNeighbours.with(Word::Wan, &device.name),
        ));
    }
    Err(Unconfirmed::RuledOut)
}

/// Whether the next hop has not answered the kernel.
fn unresolved(case: &Case<'_>, ifindex: u32, hop: std::net::IpAddr) -> Observed<bool> {
    Ok(case.tunnel()?.state.neighbour(ifindex, hop)?.is_some_and(Neighbour::is_unresolved))
}
