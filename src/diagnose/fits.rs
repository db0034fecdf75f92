//! Which causes the classes of transmit errors since boot exclude, and with which they are consistent: conclusions from counters alone.
//! It does not choose a cause.

use super::Case;
use super::found::Found;
use crate::code::Code;
use crate::report::Counters;
use crate::snapshot::{Driver, Source};
use crate::units::{ABORTED_ONE, CARRIER_ERROR, PACKET, Share, WAS};
use crate::way::transmit::infer::Inferred;

/// From this share of the packets on, there are too many errors for short gaps.
pub(super) const MANY: f64 = 1e-3;

/// Counters of `/proc/net/xfrm_stat` that rise together with the carrier errors of packets that matched a policy.
const LOOKUPS: &[&str] =
    &["XfrmOutNoStates", "XfrmOutBundleGenError", "XfrmOutPolBlock", "XfrmOutPolError"];

/// Those that rise together with the aborted errors.
const ENCRYPTION: &[&str] = &[
    "XfrmOutStateExpired",
    "XfrmOutStateSeqError",
    "XfrmOutStateInvalid",
    "XfrmOutStateProtoError",
    "XfrmOutStateModeError",
    "XfrmOutError",
];

/// Transmit errors among the packets that were to be sent.
pub(super) fn errors_among_packets(total: &Counters) -> Share {
    Share { part: total.tx_errors, whole: total.tx_packets.saturating_add(total.tx_errors).max(1) }
}

/// The same as a number: 0 to 1.
pub(super) fn share(total: &Counters) -> f64 {
    let Share { part, whole } = errors_among_packets(total);
    part as f64 / whole as f64
}

/// Adds the counters, and what follows from them.
pub(super) fn evidence(found: Found, case: &Case<'_>, total: &Counters) -> Found {
    if case.is_brief.get() {
        return found;
    }
    let source = if case.tunnel.is_ok() { Source::Links } else { Source::ProcNetDev };
    let mut found = found.seen(case, counters(total), source);
    if let Some(inferred) = &case.counted.inferred {
        let fact = format!("driver {}: {}", modules(inferred), inferred.why);
        found = found.concluded(fact, source);
        if inferred.ip_tunnels && total.tx_carrier_column > 0 {
            let code = Code::TunnelRemoteUnreachable;
            let fact = format!(
                "if it is an IP tunnel, carrier counts packets without a route to the remote ({code}), and IPsec only where it encrypts these"
            );
            found = found.concluded(fact, source);
        }
    }
    let of = |name: &&str| {
        let mut counters = case.now.xfrm_statistics.iter().flatten();
        counters.find(|c| c.name == **name && c.value > 0)
    };
    let risen = LOOKUPS.iter().chain(ENCRYPTION).filter_map(of);
    let risen: Vec<String> = risen.map(|c| format!("{} {}", c.name, c.value)).collect();
    if !risen.is_empty() {
        let fact = format!("{} (all IPsec of this host)", risen.join(", "));
        found = found.seen(case, fact, Source::XfrmStatistics);
    }
    let no_lookup = are_zero(case, LOOKUPS);
    let no_encryption = are_zero(case, ENCRYPTION);
    if no_lookup && total.tx_carrier_column > 0 {
        let fact = format!(
            "excluded: a missing SA, a missing outer route or an unusable template, because {} are 0",
            LOOKUPS.join(", ")
        );
        found = found.concluded(fact, Source::XfrmStatistics);
    }
    let facts = [
        Some(column(case, total, no_encryption)),
        Some(collisions(total)),
        Some(rest(total)),
        outage(total),
        fitting(total, no_lookup && no_encryption),
    ];
    facts.into_iter().flatten().fold(found, |found, fact| found.concluded(fact, source))
}

/// Whether all of them were read and are 0.
fn are_zero(case: &Case<'_>, names: &[&str]) -> bool {
    names.iter().all(|name| case.now.xfrm_counter(name) == Ok(0))
}

fn counters(total: &Counters) -> String {
    let Counters { tx_packets, tx_errors, tx_dropped, collisions, tx_carrier_column, .. } = total;
    format!(
        "{} sent; errs {tx_errors}, drop {tx_dropped}, colls {collisions}, carrier {tx_carrier_column}",
        PACKET.of(*tx_packets)
    )
}

/// What the carrier column holds.
fn column(case: &Case<'_>, total: &Counters, no_encryption: bool) -> String {
    let by = match case.counted.inferred {
        Some(_) => "errs - drop, if the network stack dropped none: ",
        None => "",
    };
    match (total.tx_carrier_column, total.tx_carrier_errors, total.tx_aborted_errors) {
        (0, ..) => {
            "excluded: a failed lookup (VTI-1xx) or the encryption stage (VTI-211 to 213), because carrier is 0"
                .to_owned()
        }
        (_, Some(carrier), Some(aborted)) => format!(
            "{by}{} (no policy, SA or route: VTI-1xx), {} (encryption stage: VTI-211 to 213)",
            CARRIER_ERROR.of(carrier),
            ABORTED_ONE.of(aborted)
        ),
        (column, ..) if no_encryption => format!(
            "carrier {column} is the sum of carrier and aborted errors; none is of the encryption stage, because XfrmOutState* and \
             XfrmOutError are 0"
        ),
        (column, ..) => format!(
            "carrier {column} is the sum of failed lookups (VTI-1xx) and aborted errors of the encryption stage (VTI-211 to 213); the share \
             of each cannot be determined from this input"
        ),
    }
}

fn collisions(total: &Counters) -> String {
    match total.collisions {
        0 => "excluded: a loop through the tunnel itself (VTI-201), because colls is 0".to_owned(),
        loops => {
            let packets = PACKET.of(loops);
            format!("{packets} looped through the tunnel itself (VTI-201): colls is {loops}")
        }
    }
}

fn rest(total: &Counters) -> String {
    match total.tx_too_big_or_other {
        0 => "excluded: packets too big (VTI-202) or not IP (VTI-203), because errs = carrier + colls".to_owned(),
        rest => {
            format!(
                "{} {} too big (VTI-202) or not IP (VTI-203): errs - carrier - colls is {rest}",
                PACKET.of(rest),
                WAS.word(rest)
            )
        }
    }
}

fn outage(total: &Counters) -> Option<String> {
    let Counters { tx_packets, tx_errors, .. } = total;
    (share(total) < MANY).then(|| {
        format!(
            "excluded: a failure that lasted long under traffic, because only {} of {} {} lost",
            tx_errors,
            PACKET.of(tx_packets.saturating_add(*tx_errors)),
            WAS.word(*tx_errors)
        )
    })
}

/// What few errors of the carrier column are consistent with. `no_counter`: all of [`LOOKUPS`] and [`ENCRYPTION`] are 0.
fn fitting(total: &Counters, no_counter: bool) -> Option<String> {
    let (outside, ipv6) = (Code::TrafficOutsideSelectors, Code::Ipv6OutsideSelectors);
    let seldom = format!("single packets that no policy matches ({outside}, {ipv6})");
    let text = if no_counter {
        format!(
            "possible, among others: short gaps without SA and policy (reauthentication, a reboot of the peer, the time before the first SA); \
             {seldom}"
        )
    } else {
        format!(
            "possible, among others: short gaps without an SA (reauthentication, DPD, a reboot of the peer, the time before the first SA); \
             an SA that was deleted under traffic; an SA that reached its limit (VTI-212); {seldom}"
        )
    };
    (total.tx_carrier_column > 0 && share(total) < MANY).then_some(text)
}

/// The kernel modules, by which operators know the drivers.
fn modules(inferred: &Inferred) -> String {
    let module = |driver: &Driver| match driver {
        Driver::Vti => "ip_vti",
        Driver::Vti6 => "ip6_vti",
        Driver::Xfrm => "xfrm",
    };
    let ip_tunnels = inferred.ip_tunnels.then_some("an IP tunnel (gre, ipip, …)");
    let all: Vec<&str> = inferred.drivers.iter().map(module).chain(ip_tunnels).collect();
    if all.is_empty() { "unknown".to_owned() } else { format!("{}, inferred", all.join(" or ")) }
}
