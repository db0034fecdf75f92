//! VTI-601: a default route that charon installed takes all packets away from the routes into the tunnel.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, System};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::snapshot::route::CHARON_TABLE;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::DefaultRouteInTable220,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    A default route in table 220 takes all packets of the router: a rule
    looks that table up before the main table. The packets leave by the
    wrong interface or enter no tunnel. The VTI itself counts nothing.

Why
    charon installs a route for each CHILD_SA. The selectors of a
    route-based tunnel are 0.0.0.0/0 and ::/0, so that route is a
    default route.

How to confirm
    {CharonRoutes}
    {Rules}\tlook for: from all lookup 220

What to do
    {NoCharonRoutes}
    (elsewhere: charon.install_routes = no in strongswan.conf)
    {DeleteCharonDefaultRoute}\tlasts until the next rekeying
";

fn check(case: &Case<'_>) -> Outcome {
    let routes = case.tunnel()?.state.routes_of_table(CHARON_TABLE)?;
    let rules = case.now.rules.as_ref().map_err(Clone::clone)?;
    let default = routes.iter().find(|route| route.destination.prefix_len() == 0);
    let Some(route) = default else { return Err(Unconfirmed::RuledOut) };
    if !rules.iter().any(|rule| rule.looks_up(CHARON_TABLE)) {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "charon's default route {} in table {CHARON_TABLE} takes all packets before the routes into {} are looked up",
        route.destination, case.name
    );
    let keep = match case.system() {
        System::Vyos(_) => "stop charon from installing routes, then commit",
        _ => "set charon.install_routes = no in strongswan.conf, so that charon installs no routes",
    };
    Ok(Found::new(Confidence::Proven, "rule 220 before main", summary)
        .seen(
            case,
            format!(
                "{} is in table {CHARON_TABLE}, and a rule looks that table up",
                route.destination
            ),
            Source::Routes,
        )
        .next(case, "show table 220", Command::CharonRoutes)
        .next(case, keep, Command::NoCharonRoutes)
        .next(case, "until then, delete the default route", Command::DeleteCharonDefaultRoute))
}
