//! VTI-502: there is no IKE_SA with the tunnel's peer.

use crate::code::{Code, Severity};
use crate::diagnose::attempt;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
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
    Without an IKE_SA there is no CHILD_SA, and without that no SA in
    the kernel: what is routed into the tunnel is lost.

Why
    The peer does not answer (routing, a filter on UDP 500 and 4500, the
    wrong address); it answers and refuses (secret or identity, no
    common proposal); the connection is disabled, or waits for the other
    end. On VyOS with dhcp-interface: it had no address when the
    configuration was committed, and charon got no connection at all.

How to confirm
    {IkeSas}
    {IkeLog}\tthe last attempt and its end

What to do
    {Ping}
    {anew}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let control = tunnel.control()?;
    let Some(name) = control.name() else {
        return Err(Unconfirmed::NotApplicable("no connection of charon belongs to it"));
    };
    if control.established().next().is_some() || !tunnel.outbound_sas()?.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let disabled = control.peers.iter().all(|p| p.disabled) && !control.peers.is_empty();
    let failed = attempt::last(case, &control);
    let unrendered = control.unrendered();
    let (summary, severity) = match failed {
        _ if disabled => {
            (format!("peer {name} is disabled in the configuration"), Severity::Notice)
        }
        Some((failure, _)) => {
            (format!("no IKE_SA with {name}: {}", failure.words()), case.grade(Severity::Fault))
        }
        None if unrendered.is_some() => {
            let interface = unrendered.map_or("its interface", |(_, interface)| interface);
            let summary = format!(
                "no IKE_SA with {name}: charon has no connection for it; VyOS creates none until {interface} has an address from DHCP"
            );
            (summary, case.grade(Severity::Fault))
        }
        None if control.sas.is_empty() => {
            (format!("no IKE_SA with {name}: {}", waiting(&control)), case.grade(Severity::Fault))
        }
        None => {
            (format!("the IKE_SA with {name} is being negotiated"), case.grade(Severity::Fault))
        }
    };
    let confidence =
        if failed.is_some() || disabled { Confidence::Proven } else { Confidence::Consistent };
    let mut found = Found::new(confidence, "no IKE_SA, so no CHILD_SA", summary).severity(severity);
    found = found.seen(case, states(&control), Source::Charon).errors(case);
    if let Some((peer, interface)) = unrendered {
        let fact = format!("dhcp-interface {interface} is set for {name}");
        found = found
            .seen(case, fact, Source::Configuration)
            .seen_if(case, address_of(case, interface), Source::Addresses)
            .next(case, "see whether it has an address", Command::OuterInterfaces);
        if !peer.remote_access {
            let action = "once it has one, commit a change of the peer";
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
    found = found.next(case, "see the last attempts", Command::IkeLog.with(Word::Since, "-10min"));
    if disabled {
        found = found.keeps_severity("the operator switched the peer off");
    }
    let is_vain = unrendered.is_some() || failed.is_some_and(|(f, _)| f == Failure::Authentication);
    Ok(if disabled || is_vain {
        found
    } else {
        found.next(case, "retry the negotiation", Command::InitiateChild)
    })
}

/// Whether an interface has an IPv4 address now, in words; none where that was not read.
fn address_of(case: &Case<'_>, interface: &str) -> Option<String> {
    let links = case.now.links.as_ref().ok()?;
    let addresses = case.now.addresses.as_ref().ok()?;
    let Some(link) = links.iter().find(|link| link.name == interface) else {
        return Some(format!("{interface} does not exist"));
    };
    let is_own = |a: &&Address| a.ifindex == link.ifindex && a.prefix.addr().is_ipv4();
    Some(match addresses.iter().find(is_own) {
        Some(address) => format!("{interface} has {} now", address.prefix.addr()),
        None => format!("{interface} has no IPv4 address"),
    })
}

/// Who should begin.
fn waiting(control: &Control<'_>) -> &'static str {
    let kinds: Vec<&str> = control.peers.iter().map(|p| p.connection_type.as_str()).collect();
    match kinds.as_slice() {
        ["respond", ..] => "this end waits for the peer to begin (connection-type respond)",
        ["trap", ..] => {
            "this end waits for traffic, or for the peer to begin (connection-type trap)"
        }
        ["none", ..] => "neither end is told to begin here (connection-type none)",
        _ => "none is up or being negotiated",
    }
}

/// charon's IKE_SAs of the connection, in its words.
fn states(control: &Control<'_>) -> String {
    if control.sas.is_empty() {
        return "charon has no IKE_SA of this connection".into();
    }
    let each = control.sas.iter().map(|a| {
        let tasks = if a.tasks_active.is_empty() {
            String::new()
        } else {
            format!(", waits for the answer to {}", a.tasks_active.join(", "))
        };
        format!("IKE_SA {}[{}] to {}: {}{tasks}", a.connection, a.unique_id, a.remote_host, a.state)
    });
    each.collect::<Vec<_>>().join("; ")
}
