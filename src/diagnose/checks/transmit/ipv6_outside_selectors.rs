//! VTI-103: IPv6 enters a tunnel that was negotiated for IPv4 only.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::counted::LOOKUP_FAILED;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::{Confidence, Counters};
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::Ipv6OutsideSelectors,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::NoOutboundPolicy, Code::TunnelLoopsIntoItself]),
    check,
};

const EXPLAIN: &str = "
What happens
    A few carrier errors now and then, with no traffic lost that anybody
    misses; or all IPv6 is lost while IPv4 passes.

Why
    The tunnel's policies are for IPv4 only. On an interface with IPv6
    the kernel sends multicast listener reports and, on xfrm interfaces
    without forwarding, router solicitations; OSPFv3 sends hellos. Each
    finds no policy and counts as a carrier error.

How to confirm
    {OutboundPolicies}\tno IPv6 selector
    {Ipv6Packets}

What to do
    If the tunnel is for IPv4 only, take IPv6 off the interface; the
    errors are then gone:
    {NoLinkLocal}
    Else let the peers agree on ::/0 too.
";

fn check(case: &Case<'_>) -> Outcome {
    let routed = case.lost_to(Code::Ipv6OutsideSelectors)?;
    if let Some(first) = routed.first() {
        let summary = format!(
            "{} is IPv6, and the tunnel was negotiated for IPv4 only",
            Case::prefixes(&routed)
        );
        return Ok(advice(case, Found::proven(case, first, summary)));
    }
    let noise =
        case.link_local_lost_to(&[Code::TrafficOutsideSelectors, Code::Ipv6OutsideSelectors])?;
    let Some(first) = noise.first() else { return Err(Unconfirmed::RuledOut) };
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    let lookup_failed =
        LOOKUP_FAILED.iter().any(|name| case.risen(name).is_ok_and(|rise| rise > 0));
    if !case.others_sent() || carrier(total) == 0 || lookup_failed {
        // Nothing of it was counted, or another cause explains the count better.
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "the {} that {} sends by itself finds no IPv6 policy and counts as an error",
        first.origin, case.name
    );
    let site = Found::proven(case, first, summary);
    // That such packets are lost is proven; that the counter is theirs alone is not.
    let rising = case.counted.rise(carrier).is_ok_and(|rise| rise > 0);
    let found = Found { confidence: Confidence::Consistent, ..site };
    let found = found.severity(if rising { Severity::Warning } else { Severity::Notice });
    Ok(advice(case, found))
}

/// Carrier errors, or what may be such.
fn carrier(c: &Counters) -> u64 {
    c.tx_carrier_errors.unwrap_or(c.tx_carrier_column)
}

fn advice(case: &Case<'_>, found: Found) -> Found {
    found
        .seen(
            case,
            "no outbound policy of the tunnel has an IPv6 selector that covers it",
            Source::SecurityPolicies,
        )
        .next(case, "see the packets", Command::Ipv6Packets)
        .next(
            case,
            "if the tunnel is for IPv4 only, take the link-local address off the interface",
            Command::NoLinkLocal,
        )
}
