//! VTI-112: there is an SA to the peer, but it does not match the policy's template.

use super::drops;
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
    The interface drops every packet routed into it and counts a carrier
    error for each. XfrmOutNoStates rises, too. The tunnel seems to be
    up, but the packet counter of its outbound SA stays 0.

Why
    xfrm_state_find() accepts only an SA whose family, reqid, mark,
    if_id, addresses, mode and protocol match the policy and its
    template, and whose own selector matches the packet. The nearest SA
    differs in the field that the finding names. (Since kernel 6.10, an
    SA that was installed for the inbound direction is refused, too.)

How to confirm
    {SasInDetail}
    {OutboundPolicies}\tcompare the fields of both

What to do
    If charon installed both, restart the negotiation:
    {renegotiate}
    If something else installed the SA (a script, an old key daemon),
    delete it. An SA with a selector of the outer family lacks the flag
    af-unspec.
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
                    .map(|m| format!("has {} {}, the policy wants {}", m.field, m.have, m.want));
                let fields = fields.collect::<Vec<_>>().join("; ");
                format!(
                    "{}: no SA matches the policy (SA {} to {} {fields})",
                    drops(case, &lost),
                    nearest.spi,
                    nearest.destination
                )
            }
            None => return Err(Unconfirmed::RuledOut),
        },
        Site::SaDirection { spi } => {
            format!(
                "{}: SA {spi} was installed for the inbound direction, but the policy wants outbound",
                drops(case, &lost)
            )
        }
        _ => return Err(Unconfirmed::RuledOut),
    };
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "list the SAs and compare their fields with the policy", Command::SasInDetail)
        .next(case, "restart the negotiation", Command::RestartChild))
}
