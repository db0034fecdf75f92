//! VTI-305: a policy without the interface's mark or if_id matches the packets before they reach the tunnel.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::TrafficTakenByAnotherPolicy,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets that are routed into the interface never reach it, so its
    counters do not count them. Another policy encrypts them with
    another SA, drops them because that SA is missing, or blocks them.

Why
    The kernel looks for a policy when it routes a packet, before the
    packet reaches the tunnel: without an if_id and with the packet's
    own mark. A policy without mark and if_id, as policy-based tunnels
    have, matches there. Or charon's own routes in table 220 lead the
    packets past the tunnel.

How to confirm
    {OutboundPolicies}\ta policy without mark and if_id
    {CharonRoutes}

What to do
    Change the selectors of the policy-based tunnel so that they do not
    cover what is routed into the VTI, or give the route-based peer a
    mark or an if_id.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::TrafficTakenByAnotherPolicy)?;
    if let Some(first) = lost.first() {
        let Site::TakenByPolicy { index, encrypts } = first.verdict.site else {
            return Err(Unconfirmed::RuledOut);
        };
        let does = if encrypts { "encrypts" } else { "blocks" };
        let prefixes = Case::prefixes(&lost);
        let summary = format!(
            "another policy (index {index}) {does} traffic to {prefixes} before it reaches {}: that policy has no mark or if_id",
            case.name
        );
        let see = |found: Found| found.next(case, "list the policies", Command::OutboundPolicies);
        return Ok(see(Found::proven(case, first, summary).severity(case.grade(Severity::Fault))));
    }
    Err(Unconfirmed::RuledOut)
}
