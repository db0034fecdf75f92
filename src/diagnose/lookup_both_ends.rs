//! `lookup` with the capture of the other end: one packet out of here and into the other end, and its answer back, stretch by stretch, as far as it
//! comes.

use super::ends::counterpart;
use super::inbound_lookup::{Outer, lookup_encrypted, lookup_sent};
use super::lookup::{lookup, tunnel_of};
use super::same_host;
use super::unconfirmed::Unconfirmed;
use crate::error::Error;
use crate::report::{LookupReport, Stretch};
use crate::snapshot::{Sa, Snapshot, Spi};
use crate::tunnel::{State, Tunnel};
use crate::way::{Flow, Site, transmit};

/// What the kernels of both ends would do with one packet that is routed into `interface`, and with its answer.
///
/// # Errors
/// Those of [`lookup`]; `IncorrectValue` where both are of one host, `UnconfiguredObject` where the other end has no tunnel to this one, `DataUnavailable` where that is not known.
pub fn lookup_both_ends(
    now: &Snapshot,
    other: &Snapshot,
    interface: &str,
    flow: &Flow,
    from: Option<&str>,
) -> Result<LookupReport, Error> {
    same_host::refuse(now, other)?;
    let mut report = lookup(now, interface, flow, from)?;
    let (here, there) = (State::new(now), State::new(other));
    let tunnel = tunnel_of(&here, interface, flow)?;
    let away = counterpart(&tunnel, &there).map_err(|why| no_other_end(interface, why))?;
    let answer = answer(flow);
    let is_there = [false, true];
    let legs = [(&tunnel, &away, flow), (&away, &tunnel, &answer)];
    for ((sender, receiver, packet), is_back) in legs.into_iter().zip(is_there) {
        let sent = match is_back {
            false => report.flow.clone(),
            true => lookup(&sender.state.snapshot, &sender.link.name, packet, None)?.flow,
        };
        let is_sent = sent.outcome == "sent";
        if is_back {
            report.beyond.push(stretch(sender, "the answer", sent));
        }
        let site = transmit::send(sender, packet).site;
        let Site::Sent { spi, .. } = site else { return Ok(report) };
        // Its own packet filter may drop it before or behind the device.
        if !is_sent {
            return Ok(report);
        }
        let arrived = arrives(sender, receiver, packet, spi)?;
        let is_let_in = arrived.flow.outcome == "let-in";
        let what = if is_back { "the answer arrives" } else { "it arrives" };
        report.beyond.push(stretch(receiver, what, arrived.flow));
        if !is_let_in {
            return Ok(report);
        }
    }
    Ok(report)
}

fn stretch(tunnel: &Tunnel<'_>, what: &'static str, flow: crate::report::FlowReport) -> Stretch {
    Stretch {
        hostname: tunnel.state.snapshot.host.hostname.clone(),
        interface: tunnel.link.name.clone(),
        what,
        flow,
    }
}

/// What becomes of a packet that one end encrypted with the SA of this SPI.
fn arrives(
    sender: &Tunnel<'_>,
    receiver: &Tunnel<'_>,
    packet: &Flow,
    spi: Spi,
) -> Result<LookupReport, Error> {
    let (now, name) = (&receiver.state.snapshot, receiver.link.name.as_str());
    let is_it = |sa: &&Sa| sa.spi == spi && !sa.is_larval();
    let sent = sender.state.snapshot.sas.iter().flatten().find(is_it);
    let sent =
        sent.ok_or_else(|| Error::DataUnavailable(format!("the SA with SPI {spi} was not read")))?;
    // Where no SA of the interface has the SPI, the outside alone says where it ends.
    lookup_sent(now, name, packet, sent).or_else(|_| {
        let outer = Outer { source: sent.source, destination: sent.destination, spi };
        lookup_encrypted(now, name, &outer, sent.encapsulation.is_some(), 0)
    })
}

/// The packet that answers: an echo reply, or the ports exchanged.
fn answer(flow: &Flow) -> Flow {
    let (source_port, destination_port) = match (flow.protocol, flow.source_port) {
        // ICMP and ICMPv6 have type and code for ports: an echo request is answered by a reply.
        (1, 8) => (0, 0),
        (58, 128) => (129, 0),
        _ => (flow.destination_port, flow.source_port),
    };
    Flow {
        source: flow.destination,
        destination: flow.source,
        source_port,
        destination_port,
        mark: 0,
        ..flow.clone()
    }
}

fn no_other_end(interface: &str, why: Unconfirmed) -> Error {
    match why {
        Unconfirmed::Undetermined(missing) => Error::DataUnavailable(missing.to_string()),
        Unconfirmed::NotApplicable(_) | Unconfirmed::RuledOut => Error::UnconfiguredObject(
            format!("the other end's capture has no tunnel that belongs to {interface}"),
        ),
    }
}
