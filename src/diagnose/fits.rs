//! What the classes of transmit errors since boot exclude, and what they fit: conclusions from counters alone.
//! No cause is picked here.

use super::Case;
use super::found::Found;
use crate::code::Code;
use crate::report::Counters;
use crate::snapshot::{Driver, Source};
use crate::units::{ABORTED_ONE, CARRIER_ERROR, PACKET, Share, WAS};

/// From this share of the packets on, errors are more than short gaps.
pub(super) const MANY: f64 = 1e-3;

/// Counters of `/proc/net/xfrm_stat` that rise with the carrier errors of a packet that a policy took.
const LOOKUPS: &[&str] =
    &["XfrmOutNoStates", "XfrmOutBundleGenError", "XfrmOutPolBlock", "XfrmOutPolError"];

/// Those that rise with the aborted errors.
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

/// Adds the counters and what follows from them.
pub(super) fn evidence(found: Found, case: &Case<'_>, total: &Counters) -> Found {
    if case.is_brief.get() {
        return found;
    }
    let source = if case.tunnel.is_ok() { Source::Links } else { Source::ProcNetDev };
    let mut found = found.seen(case, counters(total), source);
    if let Some(inferred) = &case.counted.inferred {
        let fact = format!("driver {}: {}", modules(&inferred.drivers), inferred.why);
        found = found.concluded(fact, source);
    }
    let of = |name: &&str| {
        let mut counters = case.now.xfrm_statistics.iter().flatten();
        counters.find(|c| c.name == **name && c.value > 0)
    };
    let moved = LOOKUPS.iter().chain(ENCRYPTION).filter_map(of);
    let moved: Vec<String> = moved.map(|c| format!("{} {}", c.name, c.value)).collect();
    if !moved.is_empty() {
        let fact = format!("{} (of all IPsec on the host)", moved.join(", "));
        found = found.seen(case, fact, Source::XfrmStatistics);
    }
    let no_lookup = never_moved(case, LOOKUPS);
    let no_encryption = never_moved(case, ENCRYPTION);
    if no_lookup && total.tx_carrier_column > 0 {
        let fact = format!(
            "none lacked an SA, an outer route or a usable template: {} are 0",
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
fn never_moved(case: &Case<'_>, names: &[&str]) -> bool {
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
        Some(_) => "by errs - drop, if the stack dropped none: ",
        None => "",
    };
    match (total.tx_carrier_column, total.tx_carrier_errors, total.tx_aborted_errors) {
        (0, ..) => {
            "none was a failed lookup (VTI-1xx) or a refused encryption (VTI-211 to 213): carrier is 0"
                .to_owned()
        }
        (_, Some(carrier), Some(aborted)) => format!(
            "{by}{} (no policy, SA or route: VTI-1xx), {} (encryption stage: VTI-211 to 213)",
            CARRIER_ERROR.of(carrier),
            ABORTED_ONE.of(aborted)
        ),
        (column, ..) if no_encryption => format!(
            "carrier {column} is a sum with the aborted errors, but none of these is of the encryption stage: XfrmOutState* and XfrmOutError \
             are 0"
        ),
        (column, ..) => format!(
            "carrier {column} is a sum: failed lookups (VTI-1xx), and perhaps aborted errors of the encryption stage (VTI-211 to 213); this \
             text cannot tell them apart"
        ),
    }
}

fn collisions(total: &Counters) -> String {
    match total.collisions {
        0 => "excluded: a loop through the tunnel itself (VTI-201), colls is 0".to_owned(),
        loops => format!("{loops} looped through the tunnel itself (VTI-201): colls"),
    }
}

fn rest(total: &Counters) -> String {
    match total.tx_too_big_or_other {
        0 => "excluded: too big (VTI-202) or not IP (VTI-203), errs = carrier + colls".to_owned(),
        rest => {
            format!(
                "{rest} {} too big (VTI-202) or not IP (VTI-203): errs - carrier - colls",
                WAS.word(rest)
            )
        }
    }
}

fn outage(total: &Counters) -> Option<String> {
    let Counters { tx_packets, tx_errors, .. } = total;
    (share(total) < MANY).then(|| {
        format!(
            "excluded: a lookup or an encryption that failed for long under traffic, {} lost of {}",
            PACKET.of(*tx_errors),
            tx_packets.saturating_add(*tx_errors)
        )
    })
}

/// What few errors of the carrier column fit. `no_counter`: none of [`LOOKUPS`] and [`ENCRYPTION`] ever moved.
fn fitting(total: &Counters, no_counter: bool) -> Option<String> {
    let (outside, ipv6) = (Code::TrafficOutsideSelectors, Code::Ipv6OutsideSelectors);
    let seldom = format!("now and then a packet that no policy takes ({outside}, {ipv6})");
    let text = if no_counter {
        format!(
            "fits, among others: short gaps in which the policy was gone too (reauthentication, a reboot of the peer, before the first SA); \
             {seldom}"
        )
    } else {
        format!(
            "fits, among others: short gaps without an SA (reauthentication, DPD, a reboot of the peer, before the first SA); an SA deleted \
             under traffic; a limit reached (VTI-212); {seldom}"
        )
    };
    (total.tx_carrier_column > 0 && share(total) < MANY).then_some(text)
}

/// The kernel modules that operators know the drivers by.
fn modules(drivers: &[Driver]) -> String {
    let module = |driver: &Driver| match driver {
        Driver::Vti => "ip_vti",
        Driver::Vti6 => "ip6_vti",
        Driver::Xfrm => "xfrm",
    };
    match drivers {
        [] => "not known".to_owned(),
        some => format!("{}, inferred", some.iter().map(module).collect::<Vec<_>>().join(" or ")),
    }
}
