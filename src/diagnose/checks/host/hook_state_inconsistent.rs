//! VTI-605: what VyOS's updown hook remembers of a VTI is not what charon has.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::found::word;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::HookStateInconsistent,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::AdminDownWithAssociation, Code::IkeDaemonNotRunning]),
    check,
};

const EXPLAIN: &str = "
What happens
    VyOS keeps in /tmp/ipsec_vti_interfaces which CHILD_SAs want a VTI
    up. Where that is wrong, the interface stays up without an SA, or
    goes or stays down with one.

Why
    The daemon was killed, so that the hook did not run; the hook
    failed; or two CHILD_SAs of one name came and went as one.

How to confirm
    cat /tmp/ipsec_vti_interfaces
    show vpn ipsec sa

What to do
    reset vpn ipsec site-to-site peer PEER     runs the hook again
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let entries = case.now.hook_state.as_ref().map_err(Clone::clone)?;
    let control = tunnel.control()?;
    let of_interface = |entry: &&String| {
        entry.split_once(':').is_some_and(|(interface, _)| interface == case.name)
    };
    let remembered = entries.iter().find(of_interface);
    let installed = control.installed().next();
    let persistent = entries.iter().any(|entry| entry == case.name);
    let name = control.name().unwrap_or(case.name);
    let (summary, fact) = match (remembered, installed) {
        (Some(entry), None) => (
            format!(
                "VyOS's hook holds {} up for a CHILD_SA of {name} that is not there",
                case.name
            ),
            format!("entry {entry}"),
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
            .next(
                case,
                "see what the hook did",
                "show log vpn ipsec",
                "journalctl -t vti-up-down --since -1h",
            )
            .next(
                case,
                "let it run anew",
                &format!("reset vpn ipsec site-to-site peer {}", word(name)),
                "swanctl --terminate --child NAME",
            ),
    )
}
