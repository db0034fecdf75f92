//! VTI-301: the interface is down while the SAs of its CHILD_SA are installed.

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
    IKE and CHILD_SA are up, and the interface is administratively down:
    its routes are gone, what should go through the tunnel goes
    elsewhere or nowhere. No counter of the interface moves.

Why
    On VyOS the updown hook sets it up and down. With two CHILD_SAs for
    one interface, the end of one takes it down for both (1.4); a hook
    that failed leaves it down; or somebody set it down by hand.

How to confirm
    {Vtis}\tA/D
    {ChildSas}\tup

What to do
    {SetUp}\tuntil the hook runs again
    {anew}
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
    let (severity, why) = if disabled {
        (Severity::Notice, "as configured (disable)")
    } else {
        (Severity::Fault, "so nothing is sent through it")
    };
    let summary =
        format!("{} is admin down while its CHILD_SA{with} is installed, {why}", case.name);
    let found = Found::new(Confidence::Proven, "IFF_UP is not set", summary)
        .severity(severity)
        .seen(case, format!("{} is admin down", case.name), Source::Links)
        .seen(
            case,
            format!("SA {} to {} with {}", sa.spi, sa.destination, tunnel.mark_or_if_id),
            Source::SecurityAssociations,
        )
        .next(case, "see what the updown hook did", Command::HookLog);
    Ok(if disabled {
        found
    } else {
        found.next(case, "set it up", Command::SetUp).next(
            case,
            "let the hook run anew",
            Command::RestartChild,
        )
    })
}
