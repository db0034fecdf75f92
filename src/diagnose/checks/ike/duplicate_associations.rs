//! VTI-504: a tunnel has several IKE_SAs or CHILD_SAs where it should have one.

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
    One connection has two IKE_SAs, or one child has two CHILD_SAs, for
    longer than a rekeying takes. The two ends may send with different
    ones. When one of them ends, the updown hook of VyOS 1.4 sets the
    interface down although the second one still carries traffic.

Why
    Both ends started the negotiation at the same moment; or charon does
    not recognise the second IKE_SA as a duplicate (unique = never,
    or two peers with the same identity).

How to confirm
    {IkeSas}
    {ChildSas}

What to do
    Configure one of the two ends to respond only (connection-type
    respond), then restart the negotiation:
    {renegotiate}
";

/// A rekeying, or a make-before-break reauthentication, has two for no longer than this.
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
    // Remote-access connections have one IKE_SA for each client.
    if control.peers.iter().any(|peer| peer.remote_access)
        || (ikes.is_empty() && children.is_empty())
    {
        return Err(Unconfirmed::RuledOut);
    }
    let numbers =
        |ids: &[u64]| ids.iter().map(|id| format!("#{id}")).collect::<Vec<_>>().join(", ");
    let of_ikes = ikes
        .iter()
        .map(|(name, ids)| format!("{} of {name} ({})", IKE_SA.of(ids.len()), numbers(ids)));
    let of_children = children
        .iter()
        .map(|((name, _), ids)| format!("{} of {name} ({})", CHILD_SA.of(ids.len()), numbers(ids)));
    let what = of_ikes.chain(of_children).collect::<Vec<_>>().join(" and ");
    let summary =
        format!("{what} exist at the same time; the two ends may send with different ones");
    Ok(Found::new(Confidence::Consistent, "more than one SA for one tunnel", summary)
        .seen(
            case,
            format!("{what}, all for more than {}", length(SETTLED_SECONDS * 1000)),
            Source::Charon,
        )
        .next(case, "list the IKE_SAs", Command::IkeSas)
        .next(case, "check that only one end starts the negotiation", Command::ConnectionTypes)
        .next(case, "end all of them and renegotiate", Command::RestartIke))
}
