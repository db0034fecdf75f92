//! VTI-409: what the tunnel delivers is dropped before it is forwarded: forwarding is off, or there is no route.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::counted;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::lans::{self, Lan};
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::{Family, Observed, Source};
use crate::units::PACKET;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NotForwarded,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(super::NOT_DECRYPTED),
    check,
};

const EXPLAIN: &str = "
What happens
    The tunnel decrypts and delivers packets for hosts behind this one,
    rx_packets of the interface is rising, and the kernel drops the
    packets instead of forwarding them. No error counter of the
    interface is rising.

Why
    For IPv4 the setting forwarding of the interface by which a packet
    comes decides, so that of the tunnel; for IPv6 that of all. Without
    it the kernel drops the packet and sends no ICMP message
    (InAddrErrors). The device of a network behind this host decides
    likewise for what its hosts send, answers among it. Or no route
    leads to the packet's destination (InNoRoutes): then the sender gets
    net unreachable. In a VRF the routes of the VRF alone count.

How to confirm
    {Forwarding}
    {IpCounters}

What to do
    Turn forwarding on (on VyOS it is on unless
    `system ip disable-forwarding` is set), or add the route to the
    network behind this host:
    {EnableForwarding}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let received = case.counted.rise(|c| c.rx_packets)?;
    if let Some(found) = off_behind(case)? {
        return Ok(found);
    }
    if received == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let mut open = None;
    for (family, off, no_route) in [
        (Family::Inet, "IpInAddrErrors", "IpExtInNoRoutes"),
        (Family::Inet6, "Ip6InAddrErrors", "Ip6InNoRoutes"),
    ] {
        let forwards = tunnel.state.forwards(tunnel.link.ifindex, family)?;
        match (risen(case, off), risen(case, no_route)) {
            (Ok(dropped), _) if dropped > 0 && !forwards => {
                return Ok(off_here(case, family, off, dropped, received));
            }
            (_, Ok(dropped)) if dropped > 0 && dropped.saturating_mul(2) >= received => {
                return Ok(without_route(case, family, no_route, dropped, received));
            }
            (Err(missing), _) | (_, Err(missing)) if family == Family::Inet => {
                open.get_or_insert(missing);
            }
            _ => {}
        }
    }
    Err(open.map_or(Unconfirmed::RuledOut, Unconfirmed::Undetermined))
}

/// Forwarding is off on the device of a network behind this host, while the tunnel's packets are forwarded to it: what its hosts send, answers
/// among it, is dropped.
fn off_behind(case: &Case<'_>) -> Observed<Option<Found>> {
    const COUNTER: &str = "IpInAddrErrors";
    let tunnel = case.tunnel()?;
    let lans = lans::that_receive(tunnel, Family::Inet)?;
    let sending = lans::that_send(tunnel, Family::Inet)?;
    let is_off =
        |lan: &&Lan<'_>| !sending.iter().any(|other| other.link.ifindex == lan.link.ifindex);
    let Some(off) = lans.iter().find(is_off) else { return Ok(None) };
    // A host that is no router has it off everywhere.
    if !tunnel.state.forwards(tunnel.link.ifindex, Family::Inet)? {
        return Ok(None);
    }
    let dropped = risen(case, COUNTER).unwrap_or(0);
    if dropped == 0 {
        return Ok(None);
    }
    let name = &off.link.name;
    let summary = format!(
        "forwarding of IPv4 is off on {name}: what hosts behind it send into {}, answers among it, is dropped",
        case.name
    );
    // The counter is that of the host: other interfaces may have counted.
    let found = Found::new(Confidence::Consistent, "ip_error(): forwarding is off", summary)
        .severity(Severity::Warning)
        .seen(case, format!("forwarding of IPv4 is off on {name}"), Source::DeviceConfiguration)
        .seen(case, format!("{COUNTER} +{dropped} {}", case.during()), Source::IpCounters);
    let at = |command: Command| command.with(Word::Interface, name);
    Ok(Some(found.next(case, "check the setting", at(Command::Forwarding)).next(
        case,
        "forward what comes in by the interface",
        at(Command::EnableForwarding),
    )))
}

/// How much a counter rose between the two samples.
fn risen(case: &Case<'_>, name: &str) -> Observed<u64> {
    counted::ip_rise(case.now, case.before()?, name)
}

/// Forwarding is off, and packets were dropped for that.
fn off_here(case: &Case<'_>, family: Family, counter: &str, dropped: u64, received: u64) -> Found {
    let (version, scope) = match family {
        Family::Inet6 => ("IPv6", "this host"),
        _ => ("IPv4", case.name),
    };
    let summary = format!(
        "{} delivered {} {}, and forwarding of {version} is off on {scope}: {} for other hosts {} dropped",
        case.name,
        PACKET.of(received),
        case.during(),
        PACKET.of(dropped),
        crate::units::WAS.word(dropped)
    );
    // The counter is that of the host: other interfaces may have counted, too.
    let is_enough = dropped <= received;
    let confidence = if is_enough { Confidence::Proven } else { Confidence::Consistent };
    // A host that is no router drops what is not for it.
    let severity =
        if dropped.saturating_mul(2) >= received { Severity::Fault } else { Severity::Warning };
    Found::new(confidence, "ip_error(): forwarding is off", summary)
        .severity(severity)
        .seen(
            case,
            format!("forwarding of {version} is off on {scope}"),
            Source::DeviceConfiguration,
        )
        .seen(case, format!("{counter} +{dropped} {}", case.during()), Source::IpCounters)
        .seen_if(case, case.counted.words("rx_packets", |c| c.rx_packets), Source::Links)
        .next(case, "check the setting", Command::Forwarding)
        .next(case, "forward what comes in by the interface", Command::EnableForwarding)
}

/// No route leads to where the packets go.
fn without_route(
    case: &Case<'_>,
    family: Family,
    counter: &str,
    dropped: u64,
    received: u64,
) -> Found {
    let version = if family == Family::Inet6 { "IPv6" } else { "IPv4" };
    let summary = format!(
        "{} delivered {} {}, and this host has no {version} route for {} that it received",
        case.name,
        PACKET.of(received),
        case.during(),
        PACKET.of(dropped),
    );
    Found::new(Confidence::Consistent, "ip_error(): no route", summary)
        .severity(Severity::Warning)
        .seen(case, format!("{counter} +{dropped} {}", case.during()), Source::IpCounters)
        .seen_if(case, case.counted.words("rx_packets", |c| c.rx_packets), Source::Links)
        .next(case, "see where the packets go to", Command::Packets)
        .next(case, "show the routes", Command::Routes)
}
