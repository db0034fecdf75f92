//! VTI-112: an SA to the peer is there, but it does not fit the policy's template.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::SecurityAssociationMismatch,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error; XfrmOutNoStates moves with it. The tunnel looks up,
    and its outbound SA counts nothing.

Why
    xfrm_state_find() wants an SA whose family, reqid, mark, if_id,
    addresses, mode and protocol all fit the policy and its template,
    and whose own selector takes the packet. The nearest SA differs in
    the field named here. (From 6.10 on, an SA that was installed for
    the inbound direction is refused as well.)

How to confirm
    {SasInDetail}
    {OutboundPolicies}\tcompare field by field

What to do
    If charon installed both, negotiate anew:
    {anew}
    If something else did (a script, an old key daemon), remove it. An
    SA with a selector of the outer family lacks the flag af-unspec.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::SecurityAssociationMismatch)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let summary = match &first.verdict.site {
        Site::NoSa(wanted) => match &wanted.nearest {
            Some(nearest) => {
                let fields = nearest
                    .mismatches
                    .iter()
                    .map(|m| format!("{} {}, wanted {}", m.field, m.have, m.want));
                let fields = fields.collect::<Vec<_>>().join("; ");
                format!(
                    "SA {} to {} does not fit the policy: {fields}",
                    nearest.spi, nearest.destination
                )
            }
            None => return Err(Unconfirmed::RuledOut),
        },
        Site::SaDirection { spi } => {
            format!("SA {spi} was installed for the inbound direction: direction in, wanted out")
        }
        _ => return Err(Unconfirmed::RuledOut),
    };
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "compare SA and policy field by field", Command::SasInDetail)
        .next(case, "negotiate anew", Command::RestartChild))
}
