//! VTI-504: several IKE_SAs or CHILD_SAs where one is meant.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{CHILD_SA, IKE_SA, length};
use std::collections::BTreeMap;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::DuplicateAssociations,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Two IKE_SAs of one connection, or two CHILD_SAs of one child, stay
    side by side. Each end may send with another one, and when one of
    them ends, VyOS's hook of 1.4 takes the interface down although the
    other carries traffic.

Why
    Both ends begin at the same moment; or the identities do not let the
    daemon see that they are one (unique-ids, two peers with one
    identity).

How to confirm
    {IkeSas}
    {ChildSas}

What to do
    Let one end respond only (connection-type respond), then
    {anew}
";

/// A rekeying or a reauthentication that makes before it breaks has two for so long.
const SETTLED_SECONDS: u64 = 15;

fn check(case: &Case<'_>) -> Outcome {
    let control = case.tunnel()?.control()?;
    let mut ikes: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for ike in control.sas.iter().filter(|a| a.state == "ESTABLISHED") {
        if ike.established_seconds.is_some_and(|s| s >= SETTLED_SECONDS) {
            ikes.entry(&ike.connection).or_default().push(ike.unique_id);
        }
    }
    let mut children: BTreeMap<(&str, &[String]), Vec<u64>> = BTreeMap::new();
    for (_, child) in control.children.iter().filter(|(_, c)| c.state == "INSTALLED") {
        if child.installed_seconds.is_some_and(|s| s >= SETTLED_SECONDS) {
            children.entry((&child.name, &child.remote_ts)).or_default().push(child.unique_id);
        }
    }
    ikes.retain(|_, ids| ids.len() > 1);
    children.retain(|_, ids| ids.len() > 1);
    // Remote-access connections have one for each client.
    if control.peers.iter().any(|peer| peer.remote_access)
        || (ikes.is_empty() && children.is_empty())
    {
        return Err(Unconfirmed::RuledOut);
    }
    let name = control.name().unwrap_or(case.name);
    let numbers =
        |ids: &[u64]| ids.iter().map(|id| format!("#{id}")).collect::<Vec<_>>().join(", ");
    let of_ikes = ikes
        .iter()
        .map(|(name, ids)| format!("{} of {name} ({})", IKE_SA.of(ids.len()), numbers(ids)));
    let of_children = children
        .iter()
        .map(|((name, _), ids)| format!("{} of {name} ({})", CHILD_SA.of(ids.len()), numbers(ids)));
    let what = of_ikes.chain(of_children).collect::<Vec<_>>().join(" and ");
    let summary = format!("{what} stay side by side with {name}; the ends may use different ones");
    Ok(Found::new(Confidence::Consistent, "more than one SA for one tunnel", summary)
        .seen(
            case,
            format!("{what}, for more than {}", length(SETTLED_SECONDS * 1000)),
            Source::Charon,
        )
        .next(case, "see both", Command::IkeSas)
        .next(case, "see which end began, and let only one do so", Command::ConnectionTypes)
        .next(case, "end both and negotiate anew", Command::RestartIke))
}
