//! VTI-503: the IKE_SA is up, and the tunnel's CHILD_SA is not.

use crate::code::{Code, Severity};
use crate::diagnose::attempt;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::CHILD_SA;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::ChildNotInstalled, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The peers talk, and have no CHILD_SA for this tunnel: nothing is
    encrypted, what is routed into the tunnel is lost.

Why
    The peer refused the traffic selectors or the ESP proposals; the
    CHILD_SA was deleted by hand or by the peer; or it was never asked
    for (start-action none).

How to confirm
    {ChildSas}
    {IkeLog}\tlines with `no CHILD_SA built`

What to do
    {anew}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let control = tunnel.control()?;
    let (Some(name), Some(ike)) = (control.name(), control.established().next()) else {
        return Err(Unconfirmed::NotApplicable("it has no established IKE_SA"));
    };
    if control.installed().next().is_some() || !tunnel.outbound_sas()?.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let failed = attempt::last(case, &control);
    let why =
        failed.map_or("none was asked for, or it was deleted", |(failure, _)| failure.words());
    let summary =
        format!("the IKE_SA with {name} is up and has no CHILD_SA for this tunnel: {why}");
    let confidence = if failed.is_some() { Confidence::Proven } else { Confidence::Consistent };
    let mut found = Found::new(confidence, "no CHILD_SA, so no SA", summary)
        .severity(case.grade(Severity::Fault))
        .seen(
            case,
            format!(
                "IKE_SA {}[{}]: {}, {}",
                ike.connection,
                ike.unique_id,
                ike.state,
                CHILD_SA.of(ike.children.len())
            ),
            Source::Charon,
        )
        .errors(case);
    if let Some((failure, line)) = failed {
        found = attempt::seen(found, case, line);
        found = failure.next(found, case, Some(&ike.remote_host));
    } else {
        found = attempt::silent(found, case);
    }
    Ok(found.next(case, "see the last attempts", Command::IkeLog.with(Word::Since, "-10min")).next(
        case,
        "ask for it anew",
        Command::InitiateChild,
    ))
}
