//! VTI-301: the interface is administratively down although the SAs of its CHILD_SA are installed.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::AdminDownWithAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    The IKE_SA and the CHILD_SA are up, but the interface is
    administratively down. Its routes are gone, so packets for the
    tunnel take another route or are dropped. No counter of the
    interface is rising.

Why
    On VyOS the updown hook sets the interface up and down. Either the
    hook failed; or the interface has two CHILD_SAs and one of them
    ended, which sets it down for both (VyOS 1.4); or an operator set it
    down.

How to confirm
    {Vtis}\tlook for A/D
    {ChildSas}\tlook for up

What to do
    {SetUp}\tlasts until the hook runs
    {renegotiate}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if tunnel.link.admin_up {
        return Err(Unconfirmed::RuledOut);
    }
    let configuration = case.now.configuration.as_ref().ok();
    let mut configured = configuration.into_iter().flat_map(|c| &c.interfaces);
    let disabled = configured.any(|i| i.name == case.name && i.disabled);
    let sas = tunnel.outbound_sas()?;
    let Some(sa) = sas.first() else { return Err(Unconfirmed::RuledOut) };
    let control = tunnel.control().ok();
    let name = control.as_ref().and_then(|c| c.name());
    let with = name.map_or_else(String::new, |name| format!(" with {name}"));
    let (severity, is_down) = if disabled {
        (Severity::Notice, "is admin down, as configured (disable),")
    } else {
        (Severity::Fault, "sends no packet: it is admin down")
    };
    let summary = format!("{} {is_down} although its CHILD_SA{with} is installed", case.name);
    let found = Found::new(Confidence::Proven, "IFF_UP is not set", summary)
        .severity(severity)
        .seen(case, format!("{} is admin down", case.name), Source::Links)
        .seen(
            case,
            format!(
                "SA {} to {} with {} is installed",
                sa.spi, sa.destination, tunnel.mark_or_if_id
            ),
            Source::SecurityAssociations,
        )
        .next(case, "show the updown hook's log", Command::HookLog);
    Ok(if disabled {
        found
    } else {
        found.next(case, "set the interface up", Command::SetUp).next(
            case,
            "renegotiate to run the hook",
            Command::RestartChild,
        )
    })
}
