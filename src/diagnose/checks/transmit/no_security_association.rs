//! VTI-111: there is a policy, and no SA for it at all.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoSecurityAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::leaves_no_sa),
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error; XfrmOutNoStates moves with it.

Why
    The policy's template asks for an SA to the peer, and
    xfrm_state_find() finds none. The kernel asks the key daemon for one
    (an ACQUIRE, once in 30 s) and drops the packet meanwhile. IKE is
    down, negotiating, or refused; or the SA expired or was deleted and
    the policy stayed.

How to confirm
    {Sas}\tno SA to the peer
    {OutboundPolicies}\tthe policy that wants it

What to do
    {Ping}\tis it there at all?
    {IkeSas}
    {IkeLog}
    {anew}
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::NoSecurityAssociation)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::NoSa(wanted) = &first.verdict.site else { return Err(Unconfirmed::RuledOut) };
    let peer = wanted.destination;
    let (state, also) = if wanted.larval {
        (
            "one is being negotiated",
            "; a larval SA shows that the kernel asked the key daemon for it",
        )
    } else {
        ("there is none", "")
    };
    let summary =
        format!("the policy asks for an SA to {peer} ({}), and {state}{also}", wanted.text);
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "see whether the peer is there", Command::Ping.with(Word::Remote, peer))
        .next(case, "see the state of IKE", Command::IkeSas)
        .next(case, "see why there is no SA", Command::IkeLog.with(Word::Since, "-10min")))
}
