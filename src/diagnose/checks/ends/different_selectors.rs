//! VTI-701: what one end sends into the tunnel, the other end's policies do not let in.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::ends::main_policies;
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Action, Observed, Policy, PolicyDirection, Source};
use crate::tunnel::Tunnel;
use ipnet::IpNet;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::EndsDisagreeOnSelectors,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets that one end encrypts are decrypted by the other end and
    then dropped. The sender counts them as sent.

Why
    After decryption the kernel asks the inbound policies whether the
    packet may come out of this SA (xfrm_policy_check). The outbound
    policy of one end names addresses that no inbound policy of the
    other end has.

How to confirm
    {OutboundPolicies}
    {InboundPolicies}
    on both ends: the selectors of out here and of in there

What to do
    Configure the same prefixes, mirrored, on both ends, and let IKE
    negotiate again.
";

fn check(case: &Case<'_>) -> Outcome {
    let (here, ends) = (case.tunnel()?, case.ends()?);
    let (this, other) = (case.name, ends.other());
    let outward = [(here, this), (&ends.tunnel, other.as_str())];
    let inward = [(&ends.tunnel, other.as_str()), (here, this)];
    for [(sender, from), (receiver, to)] in [outward, inward] {
        let Some(policy) = refused(sender, receiver)? else { continue };
        let summary = format!(
            "{from} sends {} -> {}, and no inbound policy of {to} lets it in: it is dropped there after decryption",
            policy.selector.source, policy.selector.destination
        );
        let taken = main_policies(receiver, PolicyDirection::In)?;
        let selectors: Vec<String> = taken.iter().map(|p| p.selector.to_string()).collect();
        let (shown, rest) = selectors.split_at(selectors.len().min(3));
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        return Ok(Found::new(Confidence::Consistent, "xfrm_policy_check: no policy", summary)
            .concluded(format!("{from}: policy out {}", policy.selector), Source::SecurityPolicies)
            .concluded(
                format!("{to}: policy in {}{more}", shown.join(", ")),
                Source::SecurityPolicies,
            )
            .next(case, "compare with the policies of the other end", Command::OutboundPolicies)
            .next(case, "and with what it lets in", Command::InboundPolicies));
    }
    Err(Unconfirmed::RuledOut)
}

/// The first outbound policy of the sender that no inbound policy of the receiver has in common an address with; none where the receiver has no
/// policy at all, which is a fault of its own.
fn refused<'a>(sender: &Tunnel<'a>, receiver: &Tunnel<'a>) -> Observed<Option<&'a Policy>> {
    let allows = |policy: &&Policy| policy.action == Action::Allow && !policy.templates.is_empty();
    let sent = main_policies(sender, PolicyDirection::Out)?;
    let taken = main_policies(receiver, PolicyDirection::In)?;
    let taken: Vec<&Policy> = taken.into_iter().filter(allows).collect();
    if taken.is_empty() {
        return Ok(None);
    }
    let is_taken = |policy: &&Policy| {
        let (source, destination) = (policy.selector.source, policy.selector.destination);
        taken.iter().any(|other| {
            meet(source, other.selector.source) && meet(destination, other.selector.destination)
        })
    };
    Ok(sent.into_iter().filter(allows).find(|policy| !is_taken(policy)))
}

/// Whether two prefixes have an address in common.
fn meet(one: IpNet, other: IpNet) -> bool {
    one.contains(&other) || other.contains(&one)
}
