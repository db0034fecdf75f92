//! VTI-101: no outbound policy has the interface's mark or if_id.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::words::Word;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoOutboundPolicy,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::leaves_no_sa),
    check,
};

const EXPLAIN: &str = "
What happens
    The interface drops every packet routed into it and counts a carrier
    error for each. No counter of /proc/net/xfrm_stat rises.

Why
    The interface looks up a policy with its own mark (ikey and okey of
    vti and vti6) or if_id (xfrm). No policy has it, so the lookup
    returns the route without an SA, and the driver reports a link
    failure. strongSwan installs the policies together with the CHILD_SA
    and deletes them with it, unless start_action is trap. So usually
    the CHILD_SA does not exist.

How to confirm
    {LinkInDetail}\tokey or if_id
    {OutboundPolicies}\tno policy has it

What to do
    {ChildSas}\tis the CHILD_SA up?
    {IkeSas}\tis the IKE_SA up?
    {IkeLog}\tif not, why?
    {renegotiate}
    If the CHILD_SA is up, it has another if_id or mark than the
    interface: check to which interface the peer is bound.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::NoOutboundPolicy)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let summary =
        format!("{}: no outbound policy has its {}", drops(case, &lost), tunnel.mark_or_if_id);
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "check whether the CHILD_SA is up", Command::ChildSas)
        .next(
            case,
            "if it is not, show the log of the last attempts",
            Command::IkeLog.with(Word::Since, "-10min"),
        )
        .next(
            case,
            "list the policies and compare their marks and if_ids",
            Command::OutboundPolicies,
        ))
}
