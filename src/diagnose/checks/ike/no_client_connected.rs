//! VTI-508: the interface serves remote-access clients, and none is connected.

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
    up, even without clients. Until a client connects, the interface has
    no SA and drops every packet. That is a notice; it is a warning
    while errors are rising, because then packets are being sent to
    addresses that no client holds.

Why
    `vpn ipsec remote-access connection NAME bind IFACE` is set: only
    clients start the negotiation, and none has.

How to confirm
    {Clients}

What to do
    Nothing, if no client should be connected.
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let Some(peer) = tunnel.serves_clients() else {
        return Err(Unconfirmed::NotApplicable("no remote-access connection is bound to it"));
    };
    if tunnel.has_sas()? {
        return Err(Unconfirmed::RuledOut);
    }
    // Clients cannot use a connection that charon does not have.
    if tunnel.control().is_ok_and(|control| control.unrendered().is_some()) {
        return Err(Unconfirmed::RuledOut);
    }
    let lost = case.counted.rise(|c| c.tx_errors).unwrap_or(0);
    let (summary, severity) = if lost > 0 {
        let summary = format!(
            "no client of {} is connected: {} to client addresses {} dropped",
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
        .keeps_severity("no client is connected that could miss a packet")
        .errors(case)
        .seen(
            case,
            format!("remote-access connection {} is bound to {}", peer.name, case.name),
            Source::Configuration,
        )
        .next(case, "list the connected clients", Command::Clients))
}
