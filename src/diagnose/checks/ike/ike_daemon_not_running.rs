//! VTI-501: charon does not run or does not answer, so SAs are neither negotiated nor rekeyed.

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
    No process negotiates or rekeys SAs. Installed SAs work until they
    expire; then the tunnel drops every packet. No new SA is installed.

Why
    charon, the IKE daemon of strongSwan, was stopped, was killed, or
    hangs: its VICI socket does not exist, refuses the connection, or
    does not answer in time.

How to confirm
    {DaemonStatus}
    {IkeSas}\tprints `IPsec Process NOT Running`

What to do
    {IkeLog}\twhat charon logged last
    {RestartDaemon}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let Err(missing) = &case.now.ike else { return Err(Unconfirmed::RuledOut) };
    let configured = tunnel.configured_peers().iter().any(|peer| !peer.disabled);
    let how = match missing.reason {
        Reason::TimedOut => "does not answer in time",
        Reason::Failed => "no longer runs (its VICI socket is stale)",
        // Without a socket and without a peer, another program makes the SAs.
        Reason::Absent if configured => "does not run",
        Reason::Absent => {
            return Err(Unconfirmed::NotApplicable(
                "strongSwan does not run here, and no peer is bound to the interface",
            ));
        }
        _ => return Err(missing.clone().into()),
    };
    let works = !tunnel.outbound_sas()?.is_empty();
    // A daemon that is only slow may answer later.
    let hangs = missing.reason == Reason::TimedOut;
    let name = case.name;
    let (severity, what) = match (works, hangs) {
        (true, false) => {
            (Severity::Warning, format!("the SAs of {name} will expire without being rekeyed"))
        }
        (true, true) => (
            Severity::Warning,
            format!(
                "the SAs of {name} work until they expire; whether they will be rekeyed is unknown"
            ),
        ),
        (false, false) => (
            Severity::Fault,
            format!("{name} has no SA and cannot get one, so it drops every packet"),
        ),
        (false, true) => (Severity::Fault, format!("{name} has no SA, so it drops every packet")),
    };
    let summary = format!("charon {how}: {what}");
    Ok(Found::new(Confidence::Proven, "VICI socket of charon", summary)
        .severity(severity)
        .seen(case, missing.detail.clone(), Source::Charon)
        .errors(case)
        .next(case, "show the state of the daemon", Command::DaemonStatus)
        .next(case, "restart the daemon", Command::RestartDaemon))
}
