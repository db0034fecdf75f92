//! VTI-121: no route for the encrypted packet.

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
    Every packet routed into the interface is dropped and counted as a
    carrier error; XfrmOutBundleGenError moves with it (XfrmOutPolError
    where only a template without a source asked).

Why
    Policy and SA are there, but xfrm_bundle_create() finds no route to
    the SA's destination: none at all, a blackhole, unreachable or
    prohibit route, an outer device that is down, or an output mark that
    selects a table without a route.

How to confirm
    {RouteToPeer}\tfrom the SA's source with its mark

What to do
    Bring the route to the peer back: the WAN interface, its gateway,
    the table that a policy route selects.
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
                    "the encrypted packet has no route: {destination} from {source}{vrf} gives {error}"
                ),
                case.route_to_peer(*source, *destination, within.as_deref()),
            )
        }
        Site::TemplateSource { errno } => {
            let error = errno_name(*errno);
            (
                format!("the policy's template has no source, and no route gives one: {error}"),
                Command::RouteToPeer.into(),
            )
        }
        _ => return Err(Unconfirmed::RuledOut),
    };
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .seen(case, "the kernel's own answer to the route question", Source::RouteLookups)
        .next(case, "ask for the route to the peer", get)
        .next(case, "see the outer interfaces", Command::OuterInterfaces))
}
