//! VTI-605: the state file of VyOS's updown hook contradicts charon.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::vyos::{HookEntry, hook_entries};
use crate::snapshot::{Reason, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::HookStateInconsistent,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::AdminDownWithAssociation, Code::IkeDaemonNotRunning]),
    check,
};

const EXPLAIN: &str = "
What happens
    VyOS 1.5 and later record in /tmp/ipsec_vti_interfaces which
    CHILD_SAs need a VTI up. If that file is wrong, the interface stays
    up without an SA, or is set down or stays down although it has one.

Why
    charon was killed, so the hook did not run; or the hook failed; or
    two CHILD_SAs of the same name came and went, and the hook took them
    for one.

How to confirm
    {HookState}
    {ChildSas}

What to do
    {renegotiate}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let state = match &case.now.hook_state {
        Ok(state) => state,
        // VyOS has it since 2024-07 (T5873).
        Err(missing) if missing.reason == Reason::Absent => {
            return Err(Unconfirmed::NotApplicable(
                "the updown hook of this system keeps no state file",
            ));
        }
        Err(missing) => return Err(missing.clone().into()),
    };
    let control = tunnel.control()?;
    let own = || hook_entries(state).filter(|entry| entry.interface == case.name);
    let remembered = own().find_map(|HookEntry { child, .. }| child);
    let installed = control.installed().next();
    let persistent = own().any(|entry| entry.child.is_none());
    let name = control.name().unwrap_or(case.name);
    let (summary, fact) = match (remembered, installed) {
        (Some(child), None) => (
            format!(
                "VyOS's updown hook keeps {} up for a CHILD_SA of {name} that does not exist",
                case.name
            ),
            format!("the state file has an entry of {} for CHILD_SA {child}", case.name),
        ),
        (None, Some((_, child))) if !persistent => (
            format!(
                "CHILD_SA {} of {name} is installed, but VyOS's updown hook does not know that it needs {} up",
                child.name, case.name
            ),
            format!("the state file has no entry of {}", case.name),
        ),
        _ => return Err(Unconfirmed::RuledOut),
    };
    Ok(
        // Every user may create a file in /tmp.
        Found::new(Confidence::Possible, "/tmp/ipsec_vti_interfaces", summary)
            .seen(case, fact, Source::HookState)
            .next(case, "show the updown hook's log", Command::HookLog)
            .next(case, "renegotiate to run the hook", Command::RestartChild),
    )
}
