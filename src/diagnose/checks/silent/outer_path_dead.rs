//! VTI-304: packets leave encrypted, and the outer next hop or link is gone.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
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
    The interface counts packets as sent and no error, and none arrives.

Why
    The encrypted packet has a route, but the device it leads through
    has no carrier, or the next hop does not answer ARP or neighbour
    solicitations. The drop happens behind the tunnel and is not counted
    there.

How to confirm
    {RouteToPeer}
    {OuterNeighbours}\tFAILED or INCOMPLETE

What to do
    Look at the WAN: link, gateway, VLAN, the provider.
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
        let summary =
            format!("packets to {to} leave {} encrypted and are lost behind it: {why}", case.name);
        let source = if device.carrier { Source::Neighbours } else { Source::Links };
        return Ok(Found::new(
            Confidence::Proven,
            "behind the tunnel: neighbour or outer device",
            summary,
        )
        .seen(case, why, source)
        .next(case, "see the outer interface", Command::OuterInterface)
        .next(
            case,
            "see the next hop",
            Command::OuterNeighbours.with(Word::Wan, &device.name),
        ));
    }
    Err(Unconfirmed::RuledOut)
}

/// Whether the kernel has asked for the next hop in vain.
fn unresolved(case: &Case<'_>, ifindex: u32, hop: std::net::IpAddr) -> Observed<bool> {
    Ok(case.tunnel()?.state.neighbour(ifindex, hop)?.is_some_and(Neighbour::is_unresolved))
}
