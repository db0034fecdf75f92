//! VTI-121: there is no route for the encrypted packets.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::Source;
use crate::way::{Site, errno_name};

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::NoRouteToPeer, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The interface drops every packet routed into it and counts a carrier
    error for each. XfrmOutBundleGenError rises, too (XfrmOutPolError if
    the policy's template has no source address).

Why
    Policy and SA exist, but xfrm_bundle_create() finds no route to the
    SA's destination. The route is missing; or it is a blackhole,
    unreachable or prohibit route; or the outer interface is down; or an
    output mark selects a routing table without a route.

How to confirm
    {RouteToPeer}\tfrom the SA's source, with its mark

What to do
    Restore the route to the peer: check the WAN interface, its gateway,
    and the table that a policy route selects.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::NoRouteToPeer)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let (summary, get) = match &first.verdict.site {
        Site::OuterRoute { source, destination, errno, vrf } => {
            let within = vrf.map(|i| case.tunnel().map(|t| t.state.link_name(i))).transpose()?;
            let vrf = within.as_ref().map(|name| format!(" vrf {name}")).unwrap_or_default();
            let error = errno_name(*errno);
            (
                format!(
                    "{}: there is no route to the peer {destination} from {source}{vrf} ({error})",
                    drops(case, &lost)
                ),
                case.route_to_peer(*source, *destination, within.as_deref()),
            )
        }
        Site::TemplateSource { errno } => {
            let error = errno_name(*errno);
            (
                format!(
                    "{}: the policy's template has no source address, and no route to the peer provides one ({error})",
                    drops(case, &lost)
                ),
                Command::RouteToPeer.into(),
            )
        }
        _ => return Err(Unconfirmed::RuledOut),
    };
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .seen(case, "the kernel itself was asked for this route", Source::RouteLookups)
        .next(case, "ask the kernel for the route to the peer", get)
        .next(case, "list the outer interfaces", Command::OuterInterfaces))
}
