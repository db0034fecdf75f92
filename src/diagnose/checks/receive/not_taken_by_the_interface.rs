//! VTI-413: the encrypted packets of the peer are taken by another interface, or by none.

use crate::code::Code;
use crate::diagnose::arrivals::{self, Arrival};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::{Driver, LinkKind, Source};
use crate::tunnel::Tunnel;
use crate::way::receive::Outcome as Fate;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NotTakenByTheInterface,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::EndpointMismatch]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets arrive from the peer and are dropped, and the interface that
    they are for does not count them: another interface takes them, or
    none does.

Why
    A vti is chosen by the outer addresses of a packet alone, before its
    SA is looked up: by local and remote of the interface. Its mark is
    not compared.
    A vti with the same addresses as the SA of an xfrm interface, or of
    a policy-based tunnel, takes their packets, and finds no SA or no
    policy of its own mark. A vti whose remote is another address than
    that from which the peer sends gets nothing: after a change of the
    peer's address, or of the NAT in front of it, XfrmInNoStates is
    rising, and no counter of the interface.

How to confirm
    {LinkInDetail}\tlocal and remote of each vti
    {Sas}\tsrc and dst of the inbound SA

What to do
    Give the vti the addresses of its SA, or remove the vti that is in
    the way. Where the peer's address changes, use an xfrm interface, or
    a vti with remote any.
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let arrivals = case.arrivals()?;
    if arrivals.is_empty() {
        return Err(Unconfirmed::NotApplicable("it has no inbound SA"));
    }
    let is_lost =
        |a: &&Arrival<'_>| a.is_of_another(tunnel) && a.verdict.effect.outcome == Fate::Dropped;
    if let Some(missing) = arrivals::open(&arrivals::kinds(arrivals)) {
        return Err(missing.into());
    }
    // One that the interface takes speaks for all of its SAs.
    let (Some(lost), true) = (arrivals.iter().find(is_lost), arrivals.iter().all(|a| is_lost(&a)))
    else {
        return Err(Unconfirmed::RuledOut);
    };
    Ok(found(case, tunnel, lost))
}

fn found(case: &Case<'_>, tunnel: &Tunnel<'_>, lost: &Arrival<'_>) -> Found {
    let (sa, name) = (lost.sa, case.name);
    let (from, to) = (sa.source, sa.destination);
    let summary = match lost.verdict.effect.device {
        Some(other) => {
            let other = tunnel.state.link_name(other);
            format!(
                "packets from the peer are dropped: {other}, which has the same local and remote address, takes what is for {name}"
            )
        }
        None => format!(
            "packets from the peer are dropped: they come from {from}, but {name} takes {}",
            taken_by(tunnel)
        ),
    };
    Found::proven_inbound(case, lost, summary)
        .seen(case, format!("inbound SA {}: {from} -> {to}", sa.spi), Source::SecurityAssociations)
        .before(case, lost)
        .next(case, "compare local and remote with the SA", Command::LinkInDetail)
}

/// The addresses that a vti takes packets of.
fn taken_by(tunnel: &Tunnel<'_>) -> String {
    match (&tunnel.link.kind, tunnel.driver) {
        (LinkKind::Vti(device) | LinkKind::Vti6(device), Driver::Vti | Driver::Vti6) => {
            format!("only what comes from {} to {}", device.remote, device.local)
        }
        _ => "nothing of it".to_owned(),
    }
}
