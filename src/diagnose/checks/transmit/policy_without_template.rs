//! VTI-105: the best match is a pass policy.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PolicyWithoutTemplate,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are dropped and counted as carrier errors. No counter of
    /proc/net/xfrm_stat moves.

Why
    The matching outbound policy of the best priority has no template (a
    pass, bypass or shunt policy), or only optional ones without an SA:
    the packet stays as it is, carries no SA, and the device does not
    send in clear. On vti and vti6 a pass policy without a mark, such as
    charon's bypass-lan, matches inside the tunnel too.

How to confirm
    {OutboundPolicies}\tthe first match by priority

What to do
    Give the pass policy a mark or narrower selectors, or a higher
    number as its priority than the tunnel's policy has. In charon,
    turn off the plugin bypass-lan, or list the interface in its
    interfaces_ignore.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::PolicyWithoutTemplate)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let summary = format!(
        "the policy that matches {} has nothing to encrypt with: a pass policy",
        Case::prefixes(&lost)
    );
    Ok(Found::proven(case, first, summary).severity(case.grade(Severity::Fault)).next(
        case,
        "see the policies in the order of priority",
        Command::OutboundPolicies,
    ))
}
