//! VTI-508: an interface of remote-access clients, and no client is connected.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::NoClientConnected, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

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

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let Some(peer) = tunnel.serves_clients() else {
        return Err(Unconfirmed::NotApplicable("no remote-access connection binds it"));
    };
    if tunnel.has_sas()? {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!("no client of {} is connected", peer.name);
    Ok(Found::new(Confidence::Proven, "remote-access without clients", summary)
        .keeps_severity("nobody is there who would miss a packet")
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
        ))
}
