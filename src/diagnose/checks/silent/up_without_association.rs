//! VTI-302: the interface is up and routed, and nothing of its tunnel is in the kernel.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::snapshot::{PolicyDirection, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::UpWithoutAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::leaves_no_sa),
    check,
};

const EXPLAIN: &str = "
What happens
    Routes through the interface stay and attract traffic that is then
    dropped, instead of taking another way or none.

Why
    No policy of any direction and no SA has its mark or if_id: the
    CHILD_SA is not there. On VyOS the updown hook should have set the
    interface down with it; strongSwan was killed or restarted without
    running the hook, or the interface was set up by hand.

How to confirm
    {ChildSas}\tno CHILD_SA
    {Vtis}\tu/u all the same

What to do
    {anew}
    {IkeLog}\tlines of vti-up-down
    Until then: {SetDown}, so that routes move away.
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if tunnel.collects_metadata() {
        return Err(Unconfirmed::NotApplicable("the if_id comes with each packet"));
    }
    if !tunnel.link.admin_up || !case.is_routed() {
        return Err(Unconfirmed::RuledOut);
    }
    for direction in [PolicyDirection::Out, PolicyDirection::In, PolicyDirection::Forward] {
        if !tunnel.own_policies(direction)?.is_empty() {
            return Err(Unconfirmed::RuledOut);
        }
    }
    if tunnel.has_sas()? {
        return Err(Unconfirmed::RuledOut);
    }
    let prefixes = crate::diagnose::flows::routed_prefixes(tunnel);
    let some: Vec<String> = prefixes.iter().take(3).map(ToString::to_string).collect();
    let more = prefixes.len().saturating_sub(some.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let summary = format!(
        "{} is up and {}{more} is routed into it, but it has no policy and no SA",
        case.name,
        some.join(", ")
    );
    Ok(Found::new(Confidence::Proven, "routes outlive the CHILD_SA", summary)
        .seen(
            case,
            format!("no policy with {} in any direction", tunnel.mark_or_if_id),
            Source::SecurityPolicies,
        )
        .seen(case, format!("no SA with {}", tunnel.mark_or_if_id), Source::SecurityAssociations)
        .seen(case, format!("{} is admin up", case.name), Source::Links)
        .next(case, "see whether the CHILD_SA is up", Command::ChildSas)
        .next(case, "see what the updown hook did", Command::HookLog))
}
