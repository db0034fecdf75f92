//! VTI-507: a trap policy waits for the first packet; until then nothing is negotiated.

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
    kernel ask charon for one; it and those behind it are lost until the
    CHILD_SA is up.

Why
    start_action = trap (VyOS: connection-type trap, or respond), and no
    packet came yet.

How to confirm
    {TrapPolicies}
    {Policies}

What to do
    Nothing; or send a packet and look again.
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
        "{name} waits for traffic: a trap policy is installed, the first packet starts IKE"
    );
    // An attempt that failed would leave the same state: only the log tells them apart.
    let is_silent = attempt::silence(case).is_some();
    let (confidence, seen) = if is_silent {
        (Confidence::Consistent, "a trap policy, no IKE_SA")
    } else {
        (Confidence::Proven, "a trap policy, no IKE_SA, no failed attempt")
    };
    let found = Found::new(confidence, "trap policy without an SA", summary)
        .keeps_severity("the first packet brings the tunnel up, and no errors rise")
        .seen(case, seen, Source::Charon);
    Ok(attempt::silent(found, case).next(case, "see the trap policies", Command::TrapPolicies))
}
