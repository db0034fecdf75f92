//! VTI-508: an interface of remote-access clients, and no client is connected.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{PACKET, WAS};

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::NoClientConnected, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    VyOS keeps an interface that is bound to a remote-access connection
    up without clients. Until one connects it has no SA, and what is
    routed into it is lost: a notice, and a warning while errors rise,
    for then something is sent to addresses that nobody holds.

Why
    `vpn ipsec remote-access connection NAME bind IFACE`: clients begin.

How to confirm
    {Clients}

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
    // Clients cannot connect to what charon does not have.
    if tunnel.control().is_ok_and(|control| control.unrendered().is_some()) {
        return Err(Unconfirmed::RuledOut);
    }
    let lost = case.counted.rise(|c| c.tx_errors).unwrap_or(0);
    let (summary, severity) = if lost > 0 {
        let summary = format!(
            "no client of {} is connected, and {} to their addresses {} lost",
            peer.name,
            PACKET.of(lost),
            WAS.word(lost)
        );
        (summary, Severity::Warning)
    } else {
        (format!("no client of {} is connected", peer.name), Severity::Notice)
    };
    Ok(Found::new(Confidence::Proven, "remote-access without clients", summary)
        .severity(severity)
        .keeps_severity("nobody is there who would miss a packet")
        .errors(case)
        .seen(
            case,
            format!("remote-access connection {} binds {}", peer.name, case.name),
            Source::Configuration,
        )
        .next(case, "see who is connected", Command::Clients))
}
