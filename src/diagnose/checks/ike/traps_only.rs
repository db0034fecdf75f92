//! VTI-507: a trap policy waits for the first packet; until then nothing is negotiated.

use crate::diagnose::attempt;
use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Observed, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(507),
    name: "traps-only",
    severity: Severity::Notice,
    explain: EXPLAIN,
    masked_by: &[606],
    check,
};

const EXPLAIN: &str = "
What happens
    The policies are installed without SAs. The first packet makes the
    kernel ask charon for one; it and those behind it are lost until the
    CHILD_SA is up.

Why
    start_action = trap (VyOS: connection-type trap, or respond), and no
    packet came yet.

How to confirm
    swanctl --list-pols
    show vpn ipsec policy

What to do
    Nothing; or send a packet and look again.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let tunnel = case.tunnel()?;
    let control = tunnel.control()?;
    let rises = case.counted.rise(|c| c.tx_errors).is_ok_and(|rise| rise > 0);
    let waits = control.is_trapped && control.sas.is_empty() && !rises;
    if !waits || !tunnel.outbound_sas()?.is_empty() || attempt::last(case, &control).is_some() {
        return Ok(None);
    }
    let name = control.name().unwrap_or(case.name);
    let summary = format!(
        "{name} waits for traffic: a trap policy is installed, the first packet starts IKE"
    );
    Ok(Some(
        Found::new(Confidence::Proven, "trap policy without an SA", summary)
            .seen(case, "a trap policy, no IKE_SA, no failed attempt", Source::Charon)
            .next(case, "see the trap policies", "show vpn ipsec policy", "swanctl --list-pols"),
    ))
}
