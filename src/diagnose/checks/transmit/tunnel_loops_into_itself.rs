//! VTI-201: the route to the peer leads through the tunnel itself.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::call::Call;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::snapshot::{RouteQuery, Source};
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
    let query = RouteQuery { destination, source: None, mark: 0, vrf: None };
    let get = Call::from(Command::RouteToPeer).with_route(&query, None);
    Ok(Found::proven(
        case,
        first,
        format!(
            "{}: the route to the peer {destination} leads into {} itself",
            drops(case, &lost),
            case.name
        ),
    )
    .severity(case.grade(Severity::Fault))
    .seen_if(case, case.counted.words("collisions", |c| c.collisions), Source::Links)
    .next(case, "ask the kernel for the route to the peer", get)
    .next(
        case,
        "add a route to the peer through the WAN",
        Command::AddRouteToPeer.with(Word::Remote, destination),
    ))
}
