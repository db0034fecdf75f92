//! VTI-111: there is a policy, and no SA for it at all.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
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
    ip xfrm state list                no SA to the peer
    ip -s xfrm policy list dir out    the policy that wants it

What to do
    ping PEER                         is it there at all?
    show vpn ike sa
    show log vpn ipsec
    reset vpn ipsec site-to-site peer PEER
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
    let ping = format!("ping {peer}");
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "see whether the peer is there", &ping, &ping)
        .next(case, "see the state of IKE", "show vpn ike sa", "swanctl --list-sas")
        .next(
            case,
            "see why there is no SA",
            "show log vpn ipsec",
            "journalctl -u strongswan --since -10min",
        ))
}
