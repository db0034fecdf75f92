//! VTI-501: charon does not answer, so that nothing negotiates.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Reason, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::IkeDaemonNotRunning,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Nobody negotiates or renews SAs. Those that are installed go on
    working until they expire; those that are not will not come.

Why
    charon, strongSwan's daemon, was stopped, was killed, or hangs: its
    VICI socket is not there, refuses, or does not answer in time.

How to confirm
    {DaemonStatus}
    {IkeSas}\tprints IPsec Process NOT Running

What to do
    {RestartDaemon}
    {IkeLog}\twhat it said last
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let Err(missing) = &case.now.ike else { return Err(Unconfirmed::RuledOut) };
    let configured = tunnel.configured_peers().iter().any(|peer| !peer.disabled);
    let how = match missing.reason {
        Reason::TimedOut => "does not answer in time",
        Reason::Failed => "is there no more: its socket is stale",
        // Without a socket and without a peer, SAs are somebody else's work.
        Reason::Absent if configured => "does not run",
        Reason::Absent => {
            return Err(Unconfirmed::NotApplicable(
                "no strongSwan is here, and no peer is bound to it",
            ));
        }
        _ => return Err(missing.clone().into()),
    };
    let works = !tunnel.outbound_sas()?.is_empty();
    // One that is slow may answer yet.
    let hangs = missing.reason == Reason::TimedOut;
    let (severity, what) = match (works, hangs) {
        (true, false) => {
            (Severity::Warning, "its SAs work until they expire, and will not be renewed")
        }
        (true, true) => (
            Severity::Warning,
            "its SAs work until they expire, and whether they will be renewed is not known",
        ),
        (false, false) => (Severity::Fault, "it has no SA and gets none"),
        (false, true) => (Severity::Fault, "it has no SA"),
    };
    let summary = format!("charon {how}; {} {what}", case.name);
    Ok(Found::new(Confidence::Proven, "VICI socket of charon", summary)
        .severity(severity)
        .seen(case, missing.detail.clone(), Source::Charon)
        .errors(case)
        .next(case, "see what became of the daemon", Command::DaemonStatus)
        .next(case, "start it again", Command::RestartDaemon))
}
