//! VTI-502: no IKE_SA with the tunnel's peer is established.

use crate::code::{Code, Severity};
use crate::diagnose::attempt;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::charon_log::Failure;
use crate::snapshot::{Address, Source};
use crate::tunnel::Control;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::IkeNotEstablished,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::TrapsOnly, Code::NoClientConnected]),
    check,
};

const EXPLAIN: &str = "
What happens
    No IKE_SA with the peer is established. So the tunnel has no
    CHILD_SA, and the kernel no SA: every packet that is routed into the
    tunnel is dropped.

Why
    The peer does not answer (wrong address, no route, a firewall that
    drops UDP 500 or 4500). Or it rejects the negotiation (secret,
    identity, no common proposal). Or the connection is disabled, or
    waits for the peer to start. On VyOS with dhcp-interface: that
    interface had no address at the commit, so VyOS gave charon no
    connection at all.

How to confirm
    {IkeSas}
    {IkeLog}\thow the last attempt ended

What to do
    {Ping}
    {renegotiate}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let control = tunnel.control()?;
    let Some(name) = control.name() else {
        return Err(Unconfirmed::NotApplicable("charon has no connection for it"));
    };
    if control.established().next().is_some() || !tunnel.outbound_sas()?.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let disabled = control.peers.iter().all(|p| p.disabled) && !control.peers.is_empty();
    let failed = attempt::last(case, &control);
    let unrendered = control.unrendered();
    let (summary, severity) = match failed {
        _ if disabled => (
            format!("no IKE_SA with {name}: the peer is disabled in the configuration"),
            Severity::Notice,
        ),
        Some((Failure::Silent, _)) => (
            format!("no IKE_SA with {name}: {}", attempt::silence_of_peer(case, &control)),
            case.grade(Severity::Fault),
        ),
        Some((failure, _)) => {
            (format!("no IKE_SA with {name}: {}", failure.words()), case.grade(Severity::Fault))
        }
        None if unrendered.is_some() => {
            let interface = unrendered.map_or("its interface", |(_, interface)| interface);
            let summary = format!(
                "no IKE_SA with {name}: VyOS gives charon no connection until {interface} has an address from DHCP"
            );
            (summary, case.grade(Severity::Fault))
        }
        None if control.sas.is_empty() => {
            (format!("no IKE_SA with {name}: {}", waiting(&control)), case.grade(Severity::Fault))
        }
        None => (
            format!("no IKE_SA with {name} yet: it is being negotiated"),
            case.grade(Severity::Fault),
        ),
    };
    let is_known = (failed.is_some() || disabled) && !control.is_inferred;
    let confidence = if is_known { Confidence::Proven } else { Confidence::Consistent };
    let mut found = Found::new(confidence, "no IKE_SA, so no CHILD_SA", summary).severity(severity);
    let inferred = format!("{name} is the only connection that no other interface uses");
    found = found
        .seen(case, states(&control), Source::Charon)
        .seen_if(case, control.is_inferred.then_some(inferred), Source::Charon)
        .errors(case);
    if let Some((peer, interface)) = unrendered {
        let fact = format!("dhcp-interface {interface} is set for {name}");
        found = found
            .seen(case, fact, Source::Configuration)
            .seen_if(case, address_of(case, interface), Source::Addresses)
            .next(case, "check whether it has an address", Command::OuterInterfaces);
        if !peer.remote_access {
            let action = "once it has one, change the peer and commit";
            found = found.next(case, action, Command::DescribePeer);
        }
    }
    let remote = control.remote();
    if let Some((failure, line)) = failed {
        found = attempt::seen(found, case, line);
        found = failure.next(found, case, remote.as_deref());
    } else if !disabled {
        found = attempt::silent(found, case);
    }
    found = found.next(case, "show the last attempts", Command::IkeLog.with(Word::Since, "-10min"));
    if disabled {
        found = found.keeps_severity("the operator disabled the peer");
    }
    let is_vain = unrendered.is_some() || failed.is_some_and(|(f, _)| f == Failure::Authentication);
    Ok(if disabled || is_vain {
        found
    } else {
        found.next(case, "start the negotiation", Command::InitiateChild)
    })
}

/// A sentence on whether an interface has an IPv4 address now; none where links or addresses were not read.
fn address_of(case: &Case<'_>, interface: &str) -> Option<String> {
    let links = case.now.links.as_ref().ok()?;
    let addresses = case.now.addresses.as_ref().ok()?;
    let Some(link) = links.iter().find(|link| link.name == interface) else {
        return Some(format!("{interface} does not exist"));
    };
    let is_own = |a: &&Address| a.ifindex == link.ifindex && a.prefix.addr().is_ipv4();
    Some(match addresses.iter().find(is_own) {
        Some(address) => format!("{interface} has the address {} now", address.prefix.addr()),
        None => format!("{interface} has no IPv4 address"),
    })
}

/// Which end should start the negotiation, by `connection-type`.
fn waiting(control: &Control<'_>) -> &'static str {
    let kinds: Vec<&str> = control.peers.iter().map(|p| p.connection_type.as_str()).collect();
    match kinds.as_slice() {
        ["respond", ..] => "this end waits for the peer to start (connection-type respond)",
        ["trap", ..] => {
            "this end waits for traffic or for the peer to start (connection-type trap)"
        }
        ["none", ..] => "this end does not start it (connection-type none)",
        _ => "no negotiation is in progress",
    }
}

/// The IKE_SAs of the connection with charon's names for their states.
fn states(control: &Control<'_>) -> String {
    if control.sas.is_empty() {
        return "charon has no IKE_SA for this connection".into();
    }
    let each = control.sas.iter().map(|a| {
        let tasks = if a.tasks_active.is_empty() {
            String::new()
        } else {
            format!(", waits for an answer to {}", a.tasks_active.join(", "))
        };
        format!("IKE_SA {}[{}] to {}: {}{tasks}", a.connection, a.unique_id, a.remote_host, a.state)
    });
    each.collect::<Vec<_>>().join("; ")
}
