//! VTI-508: an interface of remote-access clients, and no client is connected.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Observed, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(508),
    name: "no-client-connected",
    severity: Severity::Notice,
    explain: EXPLAIN,
    masked_by: &[606],
    check,
};

const EXPLAIN: &str = "
What happens
    VyOS keeps an interface that is bound to a remote-access connection
    up without clients. Until one connects it has no SA, and what is
    routed into it is lost.

Why
    `vpn ipsec remote-access connection NAME bind IFACE`: clients begin.

How to confirm
    show vpn ipsec remote-access summary

What to do
    Nothing, if no client should be there.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let tunnel = case.tunnel()?;
    let Some(peer) = tunnel.serves_clients() else { return Ok(None) };
    if tunnel.has_sas()? {
        return Ok(None);
    }
    let summary = format!("no client of {} is connected", peer.name);
    Ok(Some(
        Found::new(Confidence::Proven, "remote-access without clients", summary)
            .seen(
                case,
                format!("remote-access connection {} binds {}", peer.name, case.name),
                Source::Configuration,
            )
            .next(
                case,
                "see who is connected",
                "show vpn ipsec remote-access summary",
                "swanctl --list-sas",
            ),
    ))
}
