//! VTI-303: an xfrm interface sends to an address that is not, or no longer, the peer's.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Driver, Source};
use std::net::IpAddr;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::SentToTheWrongPeer,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are encrypted and counted as sent, to an address where the
    peer is not. An xfrm interface has no addresses of its own that
    could be compared (a vti would count carrier errors, VTI-131).

Why
    The peer moved, or its address in the configuration was changed, and
    the SA of before is still installed.

How to confirm
    {Sas}\tsrc and dst of the SA
    {Connections}\tthe peer's configured address

What to do
    {anew}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if tunnel.driver != Driver::Xfrm {
        return Err(Unconfirmed::NotApplicable(
            "the device compares the SA's addresses with its own",
        ));
    }
    let sas = tunnel.outbound_sas()?;
    let Some(newest) = sas.iter().max_by_key(|a| a.current.add_time) else {
        return Err(Unconfirmed::NotApplicable("it has no outbound SA"));
    };
    let control = tunnel.control()?;
    let parsed = |text: &String| text.parse::<IpAddr>().ok();
    let sends_to = newest.destination;
    // Where charon itself talks to the peer: it follows a peer that moves (MOBIKE), the SA must too.
    let talks: Vec<IpAddr> = control.established().filter_map(|a| parsed(&a.remote_host)).collect();
    if !talks.is_empty() && !talks.contains(&sends_to) {
        return Ok(found(
            case,
            sends_to,
            talks.first().copied(),
            "charon talks to it at",
            Source::Charon,
        ));
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
        Some(list) if !list.is_empty() && !list.contains(&sends_to) => {
            Ok(found(case, sends_to, list.first().copied(), "it is configured as", source))
        }
        _ => Err(Unconfirmed::RuledOut),
    }
}

fn found(
    case: &Case<'_>,
    sends_to: IpAddr,
    peer: Option<IpAddr>,
    how: &str,
    source: Source,
) -> Found {
    let peer = peer.map_or_else(String::new, |peer| peer.to_string());
    let name = case.tunnel.as_ref().ok().and_then(|t| t.control().ok()?.name()).unwrap_or("PEER");
    let summary =
        format!("{} sends to {sends_to}, and {name} is not there: {how} {peer}", case.name);
    Found::new(Confidence::Proven, "the SA's destination is not the peer", summary)
        .seen(case, format!("the outbound SA leads to {sends_to}"), Source::SecurityAssociations)
        .seen(case, format!("{how} {peer}"), source)
        .next(case, "compare the addresses", Command::Connections)
        .next(case, "negotiate anew", Command::RestartIke)
}
