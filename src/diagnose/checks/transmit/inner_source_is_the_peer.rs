//! VTI-204: on vti6, the inner source is the tunnel's own remote address.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Severity};
use crate::snapshot::Observed;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(204),
    name: "inner-source-is-the-peer",
    severity: Severity::Warning,
    explain: EXPLAIN,
    masked_by: &[],
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are dropped and counted as tx_errors and tx_dropped, not as
    carrier errors.

Why
    vti6 refuses an IPv6 packet whose source is the tunnel's remote
    address (vti6_addr_conflict()): it would be the peer's own packet,
    sent back to it.

How to confirm
    tcpdump -ni IFACE src host PEER

What to do
    Keep the peer's outer prefix out of the tunnel's selectors and
    routes.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let lost = case.lost_to(204)?;
    let Some(first) = lost.first() else { return Ok(None) };
    let source = first.flow.source;
    Ok(Some(
        Found::proven(
            case,
            first,
            format!("packets from {source}, the tunnel's own remote address, are refused"),
        )
        .next(
            case,
            "see the packets",
            &format!("monitor traffic interface IFACE filter 'src host {source}'"),
            &format!("tcpdump -ni IFACE src host {source}"),
        ),
    ))
}
