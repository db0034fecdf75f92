//! VTI-605: what VyOS's updown hook remembers of a VTI is not what charon has.

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
    VyOS 1.5 and later keep in /tmp/ipsec_vti_interfaces which CHILD_SAs
    want a VTI up. Where that is wrong, the interface stays up without
    an SA, or goes or stays down with one.

Why
    The daemon was killed, so that the hook did not run; the hook
    failed; or two CHILD_SAs of one name came and went as one.

How to confirm
    {HookState}
    {ChildSas}

What to do
    {anew}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let state = match &case.now.hook_state {
        Ok(state) => state,
        // VyOS has it since 2024-07 (T5873).
        Err(missing) if missing.reason == Reason::Absent => {
            return Err(Unconfirmed::NotApplicable("no hook of this system keeps such a state"));
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
                "VyOS's hook holds {} up for a CHILD_SA of {name} that is not there",
                case.name
            ),
            format!("entry of {} for the CHILD_SA {child}", case.name),
        ),
        (None, Some((_, child))) if !persistent => (
            format!(
                "the CHILD_SA {} of {name} is installed, and VyOS's hook does not know that it wants {} up",
                child.name, case.name
            ),
            format!("no entry of {}", case.name),
        ),
        _ => return Err(Unconfirmed::RuledOut),
    };
    Ok(
        // Anybody may write to the file.
        Found::new(Confidence::Possible, "/tmp/ipsec_vti_interfaces", summary)
            .seen(case, fact, Source::HookState)
            .next(case, "see what the hook did", Command::HookLog)
            .next(case, "let it run anew", Command::RestartChild),
    )
}
