//! VTI-111: there is a policy, but no SA at all for it.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::words::Word;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoSecurityAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::leaves_no_sa),
    check,
};

const EXPLAIN: &str = "
What happens
    The interface drops every packet routed into it and counts a carrier
    error for each. XfrmOutNoStates rises, too.

Why
    The policy's template requires an SA to the peer, but
    xfrm_state_find() finds none. The kernel asks the key daemon for an
    SA (an ACQUIRE, once every 30 s) and drops packets in the meantime.
    IKE is down, still negotiating, or was refused; or the SA expired or
    was deleted, but the policy stayed.

How to confirm
    {Sas}\tlists no SA to the peer
    {OutboundPolicies}\tlists the policy

What to do
    {Ping}\tdoes the peer answer?
    {IkeSas}
    {IkeLog}
    {renegotiate}
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::NoSecurityAssociation)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::NoSa(wanted) = &first.verdict.site else { return Err(Unconfirmed::RuledOut) };
    let peer = wanted.destination;
    let (state, also) = if wanted.larval {
        ("it is being negotiated", " (a larval SA shows that the kernel asked the key daemon)")
    } else {
        ("there is none", "")
    };
    let summary = format!(
        "{}: the policy requires an SA to {peer} ({}), but {state}{also}",
        drops(case, &lost),
        wanted.text
    );
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "check whether the peer answers", Command::Ping.with(Word::Remote, peer))
        .next(case, "list the IKE SAs", Command::IkeSas)
        .next(
            case,
            "show the log of the last attempts",
            Command::IkeLog.with(Word::Since, "-10min"),
        ))
}
