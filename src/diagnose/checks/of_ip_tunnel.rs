//! What of the causes of VTIs an IP tunnel has, too: a loop, an IPsec policy for its outer packet that blocks or has no SA, and errors that no
//! cause explains now. The cause of its own is VTI-124. Checks: they neither read the system nor print.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::counted;
use crate::diagnose::diagnosis::{Diagnosis, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::ip_tunnel::IpTunnelState;
use crate::report::{Confidence, Counters};
use crate::snapshot::{Family, Missing, Observed, Reason, Source};
use crate::units::{ERROR, PACKET, address as written};
use crate::way::ip_tunnel::{End, function};

/// What a diagnosis comes to for an IP tunnel, which encrypts nothing: it has a cause of its own, those in which its outer packet is a packet as
/// any other, and errors that none of these explains. What concerns the SAs of a VTI does not arise.
pub fn judged(case: &Case<'_>, tunnel: &IpTunnelState<'_>, diagnosis: &Diagnosis) -> Outcome {
    match diagnosis.code {
        Code::TunnelRemoteUnreachable => (diagnosis.check)(case),
        Code::TunnelLoopsIntoItself => loops(case, tunnel),
        Code::PolicyBlocks => policy_blocks(case, tunnel),
        Code::NoSecurityAssociation => no_sa(case, tunnel),
        Code::PastErrorsOnly => past(case, tunnel),
        Code::Unexplained => rising(case, tunnel),
        _ => Err(Unconfirmed::NotApplicable(
            "the interface is an IP tunnel without SAs of its own, no VTI",
        )),
    }
}

/// Where the packets end. None where each packet has its own end, but none of them has counted in `counter`: then the cause that counts there
/// is none of those since the device was made.
pub fn end<'c>(
    case: &'c Case<'_>,
    counter: impl Fn(&Counters) -> u64,
) -> Observed<Option<&'c End>> {
    let Some(tunnel) = &case.ip_tunnel else { return Err(counted::no_interval()) };
    match &tunnel.end {
        Ok(end) => Ok(Some(end)),
        Err(missing) if missing.reason == Reason::Undecidable => {
            let total = case.counted.total.as_ref().map(&counter);
            if total == Ok(0) { Ok(None) } else { Err(missing.clone()) }
        }
        Err(missing) => Err(missing.clone()),
    }
}

/// A cause that the model proves for every packet.
pub fn proven(
    case: &Case<'_>,
    tunnel: &IpTunnelState<'_>,
    site: String,
    why: &str,
    usual: Severity,
) -> Found {
    let name = case.name;
    let (summary, severity) = if tunnel.link.admin_up {
        (format!("{name} drops every packet: {why}"), usual)
    } else {
        (format!("{name} is down, and would drop every packet: {why}"), Severity::Notice)
    };
    let found = Found::new(Confidence::Proven, site, summary).severity(severity).errors(case);
    let bound = tunnel.state.link(tunnel.device.link).ok().flatten();
    let bound = bound.map(|link| format!("{name} is bound to {}", link.name));
    Found { by_model: true, ..found }.seen_if(case, bound, Source::Links)
}

fn loops(case: &Case<'_>, tunnel: &IpTunnelState<'_>) -> Outcome {
    let Some(End::Loop { destination }) = end(case, |c| c.collisions)? else {
        return Err(Unconfirmed::RuledOut);
    };
    let why = format!(
        "the route to its remote {} leads into {} itself",
        written(*destination),
        case.name
    );
    let site = format!("{}: dst.dev == dev", function(tunnel.device));
    Ok(proven(case, tunnel, site, &why, Severity::Fault)
        .seen_if(case, case.counted.words("collisions", |c| c.collisions), Source::Links)
        .next(case, "ask the kernel for the route to the remote", Command::RouteToPeer)
        .next(case, "add a route to the remote through the WAN", Command::AddRouteToPeer))
}

fn policy_blocks(case: &Case<'_>, tunnel: &IpTunnelState<'_>) -> Outcome {
    let Some(End::PolicyBlocks { policy }) = of_policies(case)? else {
        return Err(Unconfirmed::RuledOut);
    };
    let (why, source, command) = match policy {
        Some(policy) => (
            format!("an IPsec policy blocks what it sends ({policy})"),
            Source::SecurityPolicies,
            Command::OutboundPolicies,
        ),
        None => (
            "no IPsec policy matches what it sends, and the default policy is block".to_owned(),
            Source::DefaultPolicies,
            Command::DefaultPolicies,
        ),
    };
    let site = format!("{}: xfrm_lookup() = -EPERM", function(tunnel.device));
    Ok(proven(case, tunnel, site, &why, Severity::Fault)
        .concluded("the policy was looked up for the outer packet", source)
        .next(case, "show the policies", command))
}

fn no_sa(case: &Case<'_>, tunnel: &IpTunnelState<'_>) -> Outcome {
    let Some(End::NoSa { policy, destination }) = of_policies(case)? else {
        return Err(Unconfirmed::RuledOut);
    };
    let to = written(*destination);
    let why = format!("an IPsec policy must encrypt what it sends, and there is no SA to {to}");
    let (site, counts) = match tunnel.device.info_kind.family() {
        Family::Inet6 => (
            "xfrm_lookup() = -EREMOTE",
            "over IPv6 each packet without an SA is a carrier error and a drop",
        ),
        _ => (
            "xfrm_lookup_route() returns a blackhole route",
            "over IPv4 a packet without an SA counts as sent: no error counter shows it",
        ),
    };
    let site = format!("{}: {site}", function(tunnel.device));
    Ok(proven(case, tunnel, site, &why, Severity::Fault)
        .seen(case, format!("policy {policy}"), Source::SecurityPolicies)
        .concluded(counts, Source::Links)
        .next(case, "list the IKE_SAs", Command::IkeSas)
        .next(case, "read the log of the IKE daemon", Command::IkeLog))
}

/// The end, where that rests on policies and SAs: only if these did not change while they were read.
fn of_policies<'c>(case: &'c Case<'_>) -> Observed<Option<&'c End>> {
    // Packets that are lost for a policy may count as sent: no counter rules it out.
    let end = end(case, |_| 1)?;
    match end {
        Some(End::NoSa { .. } | End::PolicyBlocks { .. }) if case.now.unsettled.any => {
            let source = Source::SecurityAssociations;
            Err(Missing::new(source, Reason::Inconsistent, "run the command again"))
        }
        end => Ok(end),
    }
}

/// VTI-901: errors since the device was made, and no cause of them now.
fn past(case: &Case<'_>, tunnel: &IpTunnelState<'_>) -> Outcome {
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    let still = match &case.counted.interval {
        Ok(interval) if interval.tx_errors > 0 => return Err(Unconfirmed::RuledOut),
        Ok(_) => format!("none {}", case.during()),
        Err(_) => "whether they are rising is unknown (1 sample)".to_owned(),
    };
    if total.tx_errors == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let now = match &tunnel.end {
        Ok(_) => "none of the checked causes is present now",
        Err(_) => "whether a cause is present now is unknown",
    };
    let summary = format!("{} since boot; {still}; {now}", ERROR.of(total.tx_errors));
    let has_stopped = case.counted.interval.as_ref().is_ok_and(|i| i.milliseconds > Some(0));
    let found = Found::new(Confidence::Possible, "unknown: it is in the past", summary)
        .severity(Severity::Notice);
    let found = if has_stopped { found.titled("transmit errors, not rising now") } else { found };
    Ok(classes(found, case, tunnel, total).next(
        case,
        "check whether the errors are rising",
        Command::ShowInterfaceTwice,
    ))
}

/// VTI-999: errors are rising, and no checked cause explains them.
fn rising(case: &Case<'_>, tunnel: &IpTunnelState<'_>) -> Outcome {
    let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
    if interval.tx_errors == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "{} {}, but none of the checked causes explains them",
        ERROR.of(interval.tx_errors),
        case.during()
    );
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    let found = Found::new(Confidence::Possible, "unknown", summary);
    Ok(classes(found, case, tunnel, total).next(
        case,
        "save a capture while the errors are rising",
        Command::Capture,
    ))
}

/// Which sites of the device's transmit function the errors are of, as far as the counters show it.
fn classes(found: Found, case: &Case<'_>, tunnel: &IpTunnelState<'_>, total: &Counters) -> Found {
    let is_v6 = tunnel.device.info_kind.family() == Family::Inet6;
    let fifo = tunnel.link.statistics.map_or(0, |statistics| statistics.tx_fifo_errors);
    let carrier = total.tx_carrier_errors.unwrap_or(0);
    let aborted = total.tx_aborted_errors.unwrap_or(0);
    let rest = total.tx_too_big_or_other.saturating_sub(fifo);
    let alone = if is_v6 {
        "too big, not what the tunnel carries, or an address of GRE that does not fit"
    } else {
        "too big, or not what the tunnel carries"
    };
    let refused = if is_v6 { "a local or remote address" } else { "an address" };
    let all = [
        (
            carrier,
            "tx_carrier_errors",
            format!("no route to the remote, {refused} that does not fit, or an IPsec policy"),
        ),
        (total.collisions, "collisions", "the outer route led into the tunnel itself".to_owned()),
        (
            fifo,
            "tx_fifo_errors",
            "packets without a destination in a tunnel without a remote".to_owned(),
        ),
        (
            aborted,
            "tx_aborted_errors",
            "the outer packet was refused on its way out (filter, encryption, queue)".to_owned(),
        ),
        (rest, "tx_errors alone", alone.to_owned()),
    ];
    // IPv6 counts each of its errors as a drop, too.
    let dropped = if is_v6 { 0 } else { total.tx_dropped };
    let found = all.into_iter().filter(|(count, ..)| *count > 0).fold(
        found,
        |found, (count, counter, why)| {
            found.seen(case, format!("{counter} {count}: {why}"), Source::Links)
        },
    );
    let lost = (dropped > 0).then(|| {
        format!("{} dropped: refused on the way out (filter, encryption, queue), or the interface was down", PACKET.of(dropped))
    });
    found.seen_if(case, lost, Source::Links)
}
