//! VTI-201: the route to the peer leads through the tunnel itself.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::call::Call;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::snapshot::{RouteQuery, Sa, Snapshot, Source};
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::TunnelLoopsIntoItself,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    The interface drops every packet routed into it and counts a
    collision for each. tx_carrier_errors does not rise. On xfrm and
    vti6 the kernel log says: Local routing loop detected.

Why
    The encrypted packet would leave through the same interface that
    encrypted it (tdev == dev). The best route to the peer's outer
    address leads into the tunnel, usually a default route or a BGP
    route.

How to confirm
    {RouteToPeer}\tdev IFACE

What to do
    Add a route to the peer's outer address through the WAN:
    {AddRouteToPeer}
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::TunnelLoopsIntoItself)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::Loop { destination } = first.verdict.site else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let mark = tunnel.lookup_mark(first.flow.mark);
    let to_peer = |sa: &&Sa| sa.destination == destination;
    let sa = tunnel.outbound_sas()?.iter().copied().find(to_peer);
    let query = sa.map_or(RouteQuery { destination, source: None, mark: 0, vrf: None }, |sa| {
        RouteQuery { source: None, ..Snapshot::outer_query(sa, None, mark) }
    });
    let get = Call::from(Command::RouteToPeer).with_route(&query, None);
    let marked = match query.mark {
        0 => String::new(),
        mark => format!(" with the mark {mark:#x} that the SA gives its packets"),
    };
    let found = Found::proven(
        case,
        first,
        format!(
            "{}: the route to the peer {destination}{marked} leads into {} itself",
            drops(case, &lost),
            case.name
        ),
    )
    .severity(case.grade(Severity::Fault))
    .seen_if(case, case.counted.words("collisions", |c| c.collisions), Source::Links)
    .next(case, "ask the kernel for the route to the peer", get);
    // Where only a mark leads into the tunnel, the rule for that mark is to be mended, and no route is missing.
    Ok(match query.mark {
        0 => found.next(
            case,
            "add a route to the peer through the WAN",
            Command::AddRouteToPeer.with(Word::Remote, destination),
        ),
        _ => found.next(case, "list the routing rules: one takes this mark", Command::Rules),
    })
}
