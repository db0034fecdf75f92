//! VTI-606: the device was created in another network namespace and looks up its policies and SAs there.

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
    Packets enter the tunnel in this network namespace, but policies,
    SAs and the route to the peer are looked up in another one. Those of
    this namespace do not apply to this tunnel.

Why
    A vti, vti6 or xfrm interface that is moved keeps the namespace in
    which it was created (tunnel->net, xi->net). Packets are encrypted
    there, and /proc/net/xfrm_stat counts there.

How to confirm
    {LinkInDetail}\tlink-netns, link-netnsid
    {Namespaces}\twhich namespace is that?

What to do
    List the policies and SAs of that namespace:
    {PoliciesThere}
    {SasThere}
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(id) = case.tunnel()?.link.link_netnsid else { return Err(Unconfirmed::RuledOut) };
    let errors = case.counted.total.as_ref().map_or(0, |total| total.tx_errors);
    let unknown = if errors > 0 { "; why it counts errors cannot be determined here" } else { "" };
    let summary = format!(
        "{} encrypts in another network namespace: its policies, SAs and outer route are there{unknown}",
        case.name
    );
    let severity = if errors > 0 { Severity::Warning } else { Severity::Notice };
    Ok(Found::new(
        Confidence::Proven,
        "tunnel->net, xi->net: the namespace of its creation",
        summary,
    )
    .severity(severity)
    .seen(case, format!("link-netnsid {id}"), Source::Links)
    .errors(case)
    .next(case, "list the network namespaces", Command::Namespaces)
    .next(case, "list the policies of that namespace", Command::PoliciesThere))
}
