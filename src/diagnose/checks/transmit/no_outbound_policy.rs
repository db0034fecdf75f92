//! VTI-101: no outbound policy carries the interface's mark or if_id.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoOutboundPolicy,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::leaves_no_sa),
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error. No counter of /proc/net/xfrm_stat moves.

Why
    The device looks up a policy with its own mark (ikey and okey; vti,
    vti6) or the if_id (xfrm). None has it, so the lookup gives back the
    plain route. It carries no SA, and the driver reports the link as
    failed. strongSwan installs the policies with the CHILD_SA and takes
    them away with it, unless start_action is trap: no policy mostly
    means that the CHILD_SA is not there.

How to confirm
    {LinkInDetail}\tokey or if_id
    {OutboundPolicies}\tno policy with it

What to do
    {ChildSas}\tis the CHILD_SA up?
    {IkeSas}\tis the IKE_SA up?
    {IkeLog}\tif not, why
    {anew}
    If the CHILD_SA is up, its if_id or mark is not the interface's:
    check which interface the peer is bound to.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::NoOutboundPolicy)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let summary = format!(
        "no outbound policy has the {} of {}: packets to {} are dropped",
        tunnel.mark_or_if_id,
        case.name,
        Case::prefixes(&lost)
    );
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "see whether the CHILD_SA is up", Command::ChildSas)
        .next(case, "see why it is not", Command::IkeLog.with(Word::Since, "-10min"))
        .next(case, "compare the marks and if_ids of the policies", Command::OutboundPolicies))
}
