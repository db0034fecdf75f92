//! VTI-104: a policy has the action block.

use super::drops;
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
    Packets are dropped. A blocking policy makes the interface count
    carrier errors, and XfrmOutPolBlock rises. If the default policy
    blocks, and no policy matches the packet before it reaches the
    interface, the sender gets EPERM and no counter of the interface
    rises.

Why
    The outbound policy that matches with the best priority has the
    action block; or no policy matches, and the default for OUT is
    block.

How to confirm
    {OutboundPolicies}
    {DefaultPolicies}

What to do
    Delete the blocking policy, or give the tunnel's policy a better
    priority (a lower number). If the default blocks, accept packets
    without a policy: {AcceptByDefault}
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::PolicyBlocks)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let summary = match &first.verdict.site {
        Site::PolicyBlock { index: Some(index) } => {
            format!(
                "{}: the policy that matches (index {index}) has the action block",
                drops(case, &lost)
            )
        }
        Site::DefaultBlock => {
            format!(
                "packets are dropped before they reach {}: no policy matches, and the default OUT policy is block",
                case.name
            )
        }
        _ => format!(
            "{}: no policy matches, and the default OUT policy is block",
            drops(case, &lost)
        ),
    };
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .next(case, "list the policies and compare their priorities", Command::OutboundPolicies)
        .next(case, "show the default policies", Command::DefaultPolicies))
}
