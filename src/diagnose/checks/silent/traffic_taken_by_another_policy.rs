//! VTI-305: a policy without the interface's mark or if_id takes the traffic before the tunnel sees it.

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
    Traffic that is routed into the interface does not show in its
    counters. It leaves encrypted by another SA, or is dropped for want
    of one, or is blocked.

Why
    The kernel looks a policy up when it routes a packet, before the
    tunnel: without an if_id and with the packet's own mark. A policy
    without mark and if_id, as policy-based tunnels have, matches there
    and takes the packet. Or charon's own routes in table 220 lead it
    past the tunnel.

How to confirm
    {OutboundPolicies}\ta policy without mark and if_id
    {CharonRoutes}

What to do
    Keep the selectors of policy-based tunnels off what is routed into
    the VTI; give the route-based peer a mark or an if_id.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::TrafficTakenByAnotherPolicy)?;
    if let Some(first) = lost.first() {
        let Site::TakenByPolicy { index, encrypts } = first.verdict.site else {
            return Err(Unconfirmed::RuledOut);
        };
        let does = if encrypts { "takes" } else { "blocks" };
        let prefixes = Case::prefixes(&lost);
        let summary = format!(
            "a policy without the mark or if_id of {} (index {index}) {does} {prefixes} before the tunnel",
            case.name
        );
        let see = |found: Found| found.next(case, "see the policies", Command::OutboundPolicies);
        return Ok(see(Found::proven(case, first, summary).severity(case.grade(Severity::Fault))));
    }
    Err(Unconfirmed::RuledOut)
}
