//! VTI-103: IPv6 packets are sent into a tunnel that was negotiated for IPv4 only.

use super::drops;
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
    The interface drops IPv6 packets and counts carrier errors. Often
    these are only a few packets that the router itself sends, and no
    user traffic is lost. If IPv6 is routed into the tunnel, all of it
    is lost, while IPv4 passes.

Why
    The tunnel's policies are for IPv4 only. On an interface with IPv6
    the kernel sends multicast listener reports and, on xfrm interfaces
    without forwarding, router solicitations; OSPFv3 sends hellos. None
    of these packets matches a policy.

How to confirm
    {OutboundPolicies}\tno IPv6 selector
    {Ipv6Packets}

What to do
    If the tunnel is for IPv4 only, remove IPv6 from the interface; then
    the errors stop:
    {NoLinkLocal}
    Otherwise let both peers also negotiate ::/0.
";

fn check(case: &Case<'_>) -> Outcome {
    let routed = case.lost_to(Code::Ipv6OutsideSelectors)?;
    if let Some(first) = routed.first() {
        let summary = format!(
            "{}: the packets are IPv6, but the tunnel was negotiated for IPv4 only",
            drops(case, &routed)
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
        // No such packet was counted, or another cause explains the count better.
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "{} drops every {} that this host itself sends: the tunnel has no IPv6 policy",
        case.name, first.origin
    );
    let site = Found::proven(case, first, summary);
    // It is proven that such packets are lost, but not that only they are in the counter.
    let rising = case.counted.rise(carrier).is_ok_and(|rise| rise > 0);
    let found = Found { confidence: Confidence::Consistent, ..site };
    let found = found.severity(if rising { Severity::Warning } else { Severity::Notice });
    Ok(advice(case, found))
}

/// Carrier errors; if they were not read, the column that includes them.
fn carrier(c: &Counters) -> u64 {
    c.tx_carrier_errors.unwrap_or(c.tx_carrier_column)
}

fn advice(case: &Case<'_>, found: Found) -> Found {
    found
        .seen(
            case,
            "no outbound policy of the tunnel has an IPv6 selector that matches",
            Source::SecurityPolicies,
        )
        .next(case, "show the IPv6 packets", Command::Ipv6Packets)
        .next(
            case,
            "if the tunnel is for IPv4 only, remove the link-local address from the interface",
            Command::NoLinkLocal,
        )
}
