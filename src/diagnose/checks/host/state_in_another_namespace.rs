//! VTI-606: the device was made in another network namespace, and looks for its policies and SAs there.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::StateInAnotherNamespace,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets enter the tunnel here; policies, SAs and the route to the
    peer are looked up in another network namespace. What is shown of
    them here says nothing about this tunnel.

Why
    A vti, vti6 or xfrm interface keeps the namespace that it was made
    in when it is moved (tunnel->net, xi->net): packets are encrypted
    there, and /proc/net/xfrm_stat counts there.

How to confirm
    {LinkInDetail}\tlink-netns or link-netnsid
    {Namespaces}\twhich namespace has that number

What to do
    Look at policies and SAs where they are:
    {PoliciesThere}
    {SasThere}
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(id) = case.tunnel()?.link.link_netnsid else { return Err(Unconfirmed::RuledOut) };
    let errors = case.counted.total.as_ref().map_or(0, |total| total.tx_errors);
    let unknown = if errors > 0 { "; why it has errors is not visible here" } else { "" };
    let summary = format!(
        "{} works in another network namespace: its policies, SAs and outer route are there{unknown}",
        case.name
    );
    let severity = if errors > 0 { Severity::Warning } else { Severity::Notice };
    Ok(Found::new(Confidence::Proven, "the device keeps the namespace it was made in", summary)
        .severity(severity)
        .seen(case, format!("link-netnsid {id}"), Source::Links)
        .errors(case)
        .next(case, "see which namespace that is", Command::Namespaces)
        .next(case, "look at its policies there", Command::PoliciesThere))
}
