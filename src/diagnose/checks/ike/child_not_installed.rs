//! VTI-503: the IKE_SA is established, but the tunnel has no CHILD_SA.

use crate::code::{Code, Severity};
use crate::diagnose::attempt;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::CHILD_SA;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::ChildNotInstalled, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The IKE_SA with the peer is established, but this tunnel has no
    CHILD_SA and so no SA. Every packet that is routed into the tunnel
    is dropped.

Why
    The peer rejected the traffic selectors or the ESP proposals; or an
    operator or the peer deleted the CHILD_SA; or neither end started it
    (start_action none).

How to confirm
    {ChildSas}
    {IkeLog}\tlook for `no CHILD_SA built`

What to do
    {renegotiate}
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
        failed.map_or("neither end started it, or it was deleted", |(failure, _)| failure.words());
    let summary = format!("the IKE_SA with {name} is up, but this tunnel has no CHILD_SA: {why}");
    let is_known = failed.is_some() && !control.is_inferred;
    let confidence = if is_known { Confidence::Proven } else { Confidence::Consistent };
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
    Ok(found
        .next(case, "show the last attempts", Command::IkeLog.with(Word::Since, "-10min"))
        .next(case, "start the CHILD_SA", Command::InitiateChild))
}
