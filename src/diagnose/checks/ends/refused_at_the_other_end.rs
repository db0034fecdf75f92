//! VTI-705: the other end drops the packets of the tunnel: what is found there from its own capture.

use crate::code::{Code, Severity, Stage};
use crate::diagnose::case::Case;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::{Finding, Remedy, Verdict};
use crate::snapshot::{Missing, Reason, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::RefusedAtTheOtherEnd,
    explain: EXPLAIN,
    // Without an IKE_SA both ends say the same.
    masked_by: MaskedBy::Where(|cause| cause.stage == Stage::Control && cause.stops),
    check,
};

const EXPLAIN: &str = "
What happens
    The other end drops what it receives from this tunnel, or what it
    should send into it.

Why
    The capture of the other end shows a cause of its own: that finding
    is named with its code, which has an explanation, too.

How to confirm
    on the other end:
    {ShowInterfaceInDetail}

What to do
    What the finding says is to be done on the other end.
";

fn check(case: &Case<'_>) -> Outcome {
    let ends = case.ends()?;
    let there = ends.there;
    let is_cause = |finding: &&Finding| {
        let stage = finding.code.info().stage;
        finding.severity >= Severity::Warning
            && !matches!(stage, Stage::Beyond | Stage::Ends | Stage::Past | Stage::Residue)
    };
    let Some(finding) = there.findings.iter().find(is_cause) else {
        return match there.verdict {
            Verdict::Unknown => {
                let open = there.undetermined.first().map(|open| &open.missing);
                let detail = open.map_or_else(String::new, |missing| missing.detail.clone());
                let detail = format!("of the other end: {detail}");
                let (source, reason) =
                    open.map_or((Source::Links, Reason::Failed), |open| (open.source, open.reason));
                Err(Unconfirmed::Undetermined(Missing::new(source, reason, detail)))
            }
            _ => Err(Unconfirmed::RuledOut),
        };
    };
    let name = ends.name();
    let summary = format!("{name}: {} ({}): {}", finding.title, finding.code, finding.summary);
    let mut found = Found::new(finding.confidence, finding.site.clone(), summary)
        .severity(finding.severity)
        .titled(match finding.code.info().stage {
            Stage::Receive => "refused at the other end",
            _ => "dropped at the other end",
        });
    found.evidence = finding.evidence.clone();
    for evidence in &mut found.evidence {
        evidence.fact = format!("{name}: {}", evidence.fact);
    }
    let typed_there = |remedy: &Remedy| Remedy {
        action: format!("on {name}: {}", remedy.action),
        ..remedy.clone()
    };
    if !case.is_brief.get() {
        found.remedies = finding.remedies.iter().map(typed_there).collect();
    }
    Ok(found)
}
