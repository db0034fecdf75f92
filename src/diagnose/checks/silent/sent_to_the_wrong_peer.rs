//! VTI-303: an xfrm interface sends to an address that is not the peer's, or no longer is.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Driver, Missing, Observed, Sa, Source};
use crate::tunnel::Tunnel;
use std::net::IpAddr;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::SentToTheWrongPeer,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are encrypted and counted as sent, but to an address that is
    not the peer's. An xfrm interface has no tunnel addresses to compare
    with (a vti would count carrier errors, VTI-131).

Why
    The peer has a new address, or its address in the configuration was
    changed, but the old SA is still installed.

How to confirm
    {Sas}\tthe SA's src and dst
    {Connections}\tthe peer's configured address

What to do
    {renegotiate}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if tunnel.driver != Driver::Xfrm {
        return Err(Unconfirmed::NotApplicable("a vti compares the SA's addresses with its own"));
    }
    let sas = tunnel.outbound_sas()?;
    let Some(newest) = sas.iter().max_by_key(|a| a.current.add_time) else {
        return Err(Unconfirmed::NotApplicable("it has no outbound SA"));
    };
    let sends_to = newest.destination;
    match by_control(case, tunnel, sends_to) {
        // What charon and the configuration say of the peer's address counts more than what an SA of the other direction says.
        Ok(None) => Err(Unconfirmed::RuledOut),
        Ok(Some(found)) => Ok(found),
        Err(unknown) => match by_inbound_sa(case, tunnel, newest)? {
            Some(found) => Ok(found),
            None => unknown.map_or(Err(Unconfirmed::RuledOut), |missing| Err(missing.into())),
        },
    }
}

/// The peer's address by charon or the configuration: a finding where it is another, none where it is the same.
///
/// # Errors
/// Where neither says it; with the reason if they were not read.
fn by_control(
    case: &Case<'_>,
    tunnel: &Tunnel<'_>,
    sends_to: IpAddr,
) -> Result<Option<Found>, Option<Missing>> {
    let control = tunnel.control().map_err(Some)?;
    let parsed = |text: &String| text.parse::<IpAddr>().ok();
    // The address where charon itself talks to the peer: charon follows a peer that moves (MOBIKE), and the SA must follow, too.
    let talks: Vec<IpAddr> = control.established().filter_map(|a| parsed(&a.remote_host)).collect();
    if !talks.is_empty() && !talks.contains(&sends_to) {
        return Ok(Some(found(
            case,
            sends_to,
            talks.first().copied(),
            |name| format!("charon talks to {name} at"),
            Source::Charon,
        )));
    }
    let configured = control.peers.iter().flat_map(|p| &p.remote_addresses);
    let (names, source) = match configured.collect::<Vec<_>>() {
        list if list.is_empty() => {
            (control.connections.iter().flat_map(|c| &c.remote_addresses).collect(), Source::Charon)
        }
        list => (list, Source::Configuration),
    };
    // A name, a range or %any may be any address.
    let addresses: Option<Vec<IpAddr>> = names.into_iter().map(parsed).collect();
    match addresses {
        Some(list) if !list.is_empty() && !list.contains(&sends_to) => Ok(Some(found(
            case,
            sends_to,
            list.first().copied(),
            |name| format!("{name} is configured at"),
            source,
        ))),
        Some(list) if !list.is_empty() => Ok(None),
        _ if !talks.is_empty() => Ok(None),
        _ => Err(None),
    }
}

/// The peer's address by the inbound SA with the same reqid: both directions are between the same two hosts.
fn by_inbound_sa(case: &Case<'_>, tunnel: &Tunnel<'_>, outbound: &Sa) -> Observed<Option<Found>> {
    let Some(inbound) = case.inbound()? else { return Ok(None) };
    let to = outbound.destination;
    let sends_to = |address| -> Observed<bool> {
        Ok(tunnel.outbound_sas()?.iter().any(|sa| sa.destination == address))
    };
    let pair = inbound.own.iter().find(|sa| sa.reqid == outbound.reqid && sa.source != to);
    let is_answered = inbound.own.iter().any(|sa| sa.source == to);
    let Some(pair) = pair.filter(|_| !is_answered) else { return Ok(None) };
    if sends_to(pair.source)? {
        return Ok(None);
    }
    let from = pair.source;
    let summary = format!(
        "{} sends to {to}, but the SA of the other direction is for a peer at {from}",
        case.name
    );
    let found = Found::new(Confidence::Consistent, "the SA's destination is not the peer", summary);
    let of =
        |sa: &Sa| format!("SA {}: {} -> {}, reqid {}", sa.spi, sa.source, sa.destination, sa.reqid);
    Ok(Some(
        found
            .seen(case, of(outbound), Source::SecurityAssociations)
            .seen(case, of(pair), Source::SecurityAssociations)
            .next(case, "compare the addresses of both SAs", Command::Sas)
            .next(case, "restart the negotiation", Command::RestartIke),
    ))
}

fn found(
    case: &Case<'_>,
    sends_to: IpAddr,
    peer: Option<IpAddr>,
    how: fn(&str) -> String,
    source: Source,
) -> Found {
    let peer = peer.map_or_else(String::new, |peer| peer.to_string());
    let name =
        case.tunnel.as_ref().ok().and_then(|t| t.control().ok()?.name()).unwrap_or("the peer");
    let how = how(name);
    let summary = format!("{} sends to {sends_to}, but {how} {peer}", case.name);
    Found::new(Confidence::Proven, "the SA's destination is not the peer", summary)
        .seen(case, format!("the outbound SA leads to {sends_to}"), Source::SecurityAssociations)
        .seen(case, format!("{how} {peer}"), source)
        .next(case, "compare the peers' addresses", Command::Connections)
        .next(case, "restart the negotiation", Command::RestartIke)
}
