//! VTI-104: a policy says block.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::PolicyBlocks, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    Packets are dropped. With a blocking policy they count as carrier
    errors and XfrmOutPolBlock moves; with a blocking default and no
    policy for the routed packet, the sender gets EPERM and nothing of
    the interface moves.

Why
    The matching outbound policy of the best priority has the action
    block, or no policy matches and the default for OUT is block.

How to confirm
    {OutboundPolicies}
    {DefaultPolicies}

What to do
    Remove the blocking policy or give the tunnel's policy a better
    priority (a lower number), or let what has no policy pass:
    {AcceptByDefault}
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::PolicyBlocks)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let summary = match &first.verdict.site {
        Site::PolicyBlock { index: Some(index) } => {
            format!(
                "the policy that matches {} (index {index}) has the action block",
                Case::prefixes(&lost)
            )
        }
        Site::DefaultBlock => {
            "the default OUT policy is block, and it stops packets before they reach the tunnel"
                .to_owned()
        }
        _ => "no policy matches, and the default OUT policy is block".to_owned(),
    };
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "see the policies in the order of priority", Command::OutboundPolicies)
        .next(case, "see the defaults", Command::DefaultPolicies))
}
