//! `lookup` of what comes from the peer: one packet through the receive model, as data.

use super::classify::inbound_cause;
use super::flows::Origin;
use super::inbound::Inbound;
use super::lookup::tunnel_of;
use super::lookup_filter::{self, Place};
use crate::code::Code;
use crate::error::Error;
use crate::report::{FlowReport, LookupReport};
use crate::snapshot::{Sa, Snapshot, Spi};
use crate::tunnel::{State, Tunnel};
use crate::way::Flow;
use crate::way::receive::{self, Encrypted, Outcome, Site, Verdict};
use std::net::IpAddr;

/// The outside of an ESP packet.
pub struct Outer {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// Its SPI.
    pub spi: Spi,
}

/// What the kernel does with a packet that the peer sends through `interface`: by the SA with this SPI, or else by the newest inbound SA.
///
/// # Errors
/// `UnconfiguredObject` where the interface does not exist, is no VTI, or has no such SA; `DataUnavailable` where links or SAs were not read;
/// `IncorrectValue` where source and destination are of different families.
pub fn lookup_decrypted(
    now: &Snapshot,
    interface: &str,
    flow: &Flow,
    spi: Option<Spi>,
) -> Result<LookupReport, Error> {
    decrypted(now, interface, flow, spi, None)
}

/// The same of a packet that the other end encrypts with the SA `sent`: as its side of the SA makes it, which may not be as this side wants it.
pub(super) fn lookup_sent(
    now: &Snapshot,
    interface: &str,
    flow: &Flow,
    sent: &Sa,
) -> Result<LookupReport, Error> {
    decrypted(now, interface, flow, Some(sent.spi), Some(sent))
}

fn decrypted(
    now: &Snapshot,
    interface: &str,
    flow: &Flow,
    spi: Option<Spi>,
    sent: Option<&Sa>,
) -> Result<LookupReport, Error> {
    let state = State::new(now);
    let tunnel = tunnel_of(&state, interface, flow)?;
    let unread = |missing: crate::snapshot::Missing| Error::DataUnavailable(missing.to_string());
    let inbound = Inbound::of(&tunnel).map_err(unread)?;
    let own = inbound.map(|inbound| inbound.own).unwrap_or_default();
    let mut fitting =
        own.into_iter().filter(|sa| spi.is_none_or(|spi| sa.spi == spi)).collect::<Vec<_>>();
    fitting.sort_by_key(|sa| sa.current.add_time);
    let Some(sa) = fitting.last() else {
        let which = spi.map_or_else(|| "inbound SA".to_owned(), |spi| format!("inbound SA {spi}"));
        return Err(Error::UnconfiguredObject(format!(
            "{interface} has no {which}: nothing comes out of it"
        )));
    };
    let mut packet = Encrypted { mark: flow.mark, ..Encrypted::of(sa, flow.clone()) };
    if let Some(sent) = sent {
        (packet.in_udp, packet.mode) = (sent.encapsulation.is_some(), sent.mode);
    }
    let text = match sent {
        Some(sent) => format!("{flow}, encrypted by SA {}", sent.spi),
        None => format!("{flow}, decrypted by SA {}", sa.spi),
    };
    let mut report = report(interface, &tunnel, text, &receive::receive(&state, &packet));
    through_the_filter(&mut report.flow, &tunnel, sa, flow);
    Ok(report)
}

/// The packet filter around the way of a packet: of its ESP before the SA, and of what is inside behind the device.
fn through_the_filter(report: &mut FlowReport, tunnel: &Tunnel<'_>, sa: &Sa, flow: &Flow) {
    let filter = lookup_filter::Asked::of(tunnel);
    let (before, arrived) = filter.arriving(tunnel, sa);
    if let Some(arrived) = arrived.filter(|_| report.outcome == "let-in") {
        let behind = filter.behind(tunnel, sa, &arrived, flow);
        let code = Code::RefusedAfterDecryption;
        lookup_filter::put(report, &Place::Last, "filter", behind, code);
    }
    let code = Code::EspFilteredOnArrival;
    lookup_filter::put(report, &Place::First, "filter (ESP)", before, code);
}

/// What the kernel does with an ESP packet, of which only the outside is known: the way ends open where the inside matters.
///
/// # Errors
/// As [`lookup_decrypted`].
pub fn lookup_encrypted(
    now: &Snapshot,
    interface: &str,
    outer: &Outer,
    in_udp: bool,
    mark: u32,
) -> Result<LookupReport, Error> {
    let state = State::new(now);
    let Outer { source, destination, spi } = *outer;
    let mut packet = Encrypted { in_udp, mark, ..Encrypted::outside(source, destination, spi) };
    let tunnel = tunnel_of(&state, interface, &packet.inner)?;
    if let Ok(Some(sa)) = state.sa_with_spi(destination, spi) {
        packet.mode = sa.mode;
        packet.inner = super::arrivals::sample(&tunnel, sa).unwrap_or(packet.inner);
    }
    let text = format!("ESP {source} -> {destination}, SPI {spi}, with {} inside", packet.inner);
    let mut report = report(interface, &tunnel, text, &receive::receive(&state, &packet));
    if let Ok(Some(sa)) = state.sa_with_spi(destination, spi) {
        through_the_filter(&mut report.flow, &tunnel, sa, &packet.inner);
    }
    Ok(report)
}

fn report(interface: &str, tunnel: &Tunnel<'_>, flow: String, verdict: &Verdict) -> LookupReport {
    let effect = &verdict.effect;
    let is_here = effect.device == Some(tunnel.link.ifindex);
    let counters = match is_here {
        true => receive::counted(effect.moves, tunnel.driver, tunnel.state.kernel),
        false => Vec::new(),
    };
    let at_another = effect.device.filter(|_| !is_here).map_or_else(String::new, |device| {
        format!(" (taken by {})", tunnel.state.link_name(device))
    });
    let (outcome, summary) = match effect.outcome {
        Outcome::LetIn => ("let-in", "let in: no policy refuses it".to_owned()),
        Outcome::Dropped => ("dropped", format!("dropped by {}{at_another}", effect.function)),
        Outcome::Elsewhere => ("elsewhere", format!("not received: {}", effect.function)),
        Outcome::Undecided => ("open", "cannot be determined from this input".to_owned()),
    };
    let open = match &verdict.site {
        Site::Undecided(missing) => vec![missing.to_string()],
        _ => Vec::new(),
    };
    LookupReport::of(
        interface,
        FlowReport {
            origin: Origin::Asked.to_string(),
            flow,
            outcome: outcome.into(),
            summary,
            site: effect.function.to_owned(),
            counters: counters.iter().map(|counter| counter.name()).collect(),
            xfrm_statistics: effect.xfrm_stats.iter().map(|stat| stat.name()).collect(),
            sender: None,
            open,
            finding: inbound_cause(tunnel, verdict),
            way: receive::reach::reach(&verdict.site),
            trail: verdict.trail.clone(),
        },
    )
}
