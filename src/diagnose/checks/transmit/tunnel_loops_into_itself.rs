//! VTI-201: the route to the peer leads through the tunnel itself.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Call, Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
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
    Every packet routed into the interface is dropped and counted as a
    collision. tx_carrier_errors stays. On xfrm and vti6 the kernel log
    says Local routing loop detected.

Why
    The encrypted packet would leave through the device it was encrypted
    for (tdev == dev): the best route to the peer's outer address leads
    into the tunnel, mostly a default or BGP route through it.

How to confirm
    {RouteToPeer}\tdev IFACE

What to do
    Give the peer's outer address a route of its own through the WAN:
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
        format!("the route to the peer {destination} leads through {} itself", case.name),
    )
    .severity(case.grade(Severity::Fault))
    .seen_if(case, case.counted.words("collisions", |c| c.collisions), Source::Links)
    .next(case, "ask for the route to the peer", get)
    .next(
        case,
        "give the peer a route of its own",
        Command::AddRouteToPeer.with(Word::Remote, destination),
    ))
}
