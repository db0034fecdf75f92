//! VTI-302: the interface is up and routed, but the kernel has no policy and no SA of its tunnel.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::snapshot::{PolicyDirection, Source};
use crate::units::IS;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::UpWithoutAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::leaves_no_sa),
    check,
};

const EXPLAIN: &str = "
What happens
    The interface is up without a tunnel. Its routes stay and attract
    packets, which are then dropped instead of taking another route.

Why
    No policy and no SA has the interface's mark or if_id: the CHILD_SA
    does not exist. On VyOS the updown hook should have set the
    interface down when the CHILD_SA ended. Either strongSwan was killed
    or restarted without running the hook, or an operator set the
    interface up.

How to confirm
    {ChildSas}\tlists no CHILD_SA
    {Vtis}\tstill shows u/u

What to do
    {IkeLog}\tlook for vti-up-down
    {renegotiate}
    Until then, set the interface down so that packets take other
    routes: {SetDown}
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
        "packets into {} are dropped: {}{more} {} routed into it, but it has no policy and no SA",
        case.name,
        some.join(", "),
        IS.word(prefixes.len())
    );
    Ok(Found::new(Confidence::Proven, "routes outlive the CHILD_SA", summary)
        .seen(
            case,
            format!("no policy of any direction has {}", tunnel.mark_or_if_id),
            Source::SecurityPolicies,
        )
        .seen(case, format!("no SA has {}", tunnel.mark_or_if_id), Source::SecurityAssociations)
        .seen(case, format!("{} is admin up", case.name), Source::Links)
        .next(case, "check whether the CHILD_SA is up", Command::ChildSas)
        .next(case, "show the updown hook's log", Command::HookLog))
}
