//! VTI-105: the policy that matches first is a pass policy.

use super::{drops, from_hosts_behind};
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome};
use crate::diagnose::found::Found;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PolicyWithoutTemplate,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    The interface drops packets and counts a carrier error for each. No
    counter of /proc/net/xfrm_stat rises.

Why
    The outbound policy that matches with the best priority has no
    template (a pass, bypass or shunt policy), or only optional ones
    without an SA. So the packet is not encrypted, and the interface
    does not send unencrypted packets. On vti and vti6 a pass policy
    without a mark, such as charon's bypass-lan, also matches packets in
    the tunnel.

How to confirm
    {OutboundPolicies}\tthe first match by priority

What to do
    Give the pass policy a mark, narrower selectors, or a worse priority
    (a higher number) than the tunnel's policy has. In charon, turn off
    the plugin bypass-lan, or list the interface in its
    interfaces_ignore.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::PolicyWithoutTemplate)?;
    let why = "the policy that matches is a pass policy, so the packets are not encrypted";
    let (next, list) =
        ("list the policies and compare their priorities", Command::OutboundPolicies);
    let Some(first) = lost.first() else {
        return from_hosts_behind::lost(case, Code::PolicyWithoutTemplate, why, (next, list));
    };
    let summary = format!("{}: {why}", drops(case, &lost));
    let found = Found::proven(case, first, summary).severity(case.grade(Severity::Fault));
    Ok(found.next(case, next, list))
}
