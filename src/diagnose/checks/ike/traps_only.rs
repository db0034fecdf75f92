//! VTI-507: a trap policy waits for the first packet; until then charon negotiates nothing.

use crate::code::Code;
use crate::diagnose::attempt;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::TrapsOnly, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The policies are installed without SAs. The first packet makes the
    kernel ask charon for an SA. That packet and those after it are
    dropped until the CHILD_SA is installed.

Why
    start_action = trap (VyOS: connection-type trap, or respond), and no
    packet has been sent into the tunnel yet.

How to confirm
    {TrapPolicies}
    {Policies}

What to do
    Nothing. To test the tunnel, send a packet and run show again.
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let control = tunnel.control()?;
    let rises = case.counted.rise(|c| c.tx_errors).is_ok_and(|rise| rise > 0);
    let waits = control.is_trapped && control.sas.is_empty() && !rises;
    if !waits || !tunnel.outbound_sas()?.is_empty() || attempt::last(case, &control).is_some() {
        return Err(Unconfirmed::RuledOut);
    }
    let name = control.name().unwrap_or(case.name);
    let summary = format!(
        "{name} has no SA yet: its trap policy waits for the first packet, which starts IKE"
    );
    // A failed attempt leaves the same state: only the log shows the difference.
    let is_silent = attempt::silence(case).is_some();
    let (confidence, seen) = if is_silent {
        (Confidence::Consistent, "a trap policy is installed, and no IKE_SA exists")
    } else {
        (
            Confidence::Proven,
            "a trap policy is installed, no IKE_SA exists, and no attempt has failed",
        )
    };
    let found = Found::new(confidence, "trap policy without an SA", summary)
        .keeps_severity("the first packet brings the tunnel up, and no errors are rising")
        .seen(case, seen, Source::Charon);
    Ok(attempt::silent(found, case).next(case, "list the trap policies", Command::TrapPolicies))
}
