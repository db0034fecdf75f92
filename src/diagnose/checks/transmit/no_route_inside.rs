//! VTI-141: packets without a route reach the device, and the lookup through it fails.

use crate::diagnose::checks::past::unexplained::LOOKUP_FAILED;
use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Observed, RouteType, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(141),
    name: "no-route-inside",
    severity: Severity::Warning,
    explain: EXPLAIN,
    masked_by: crate::diagnose::registry::TRANSMIT,
    check,
};

const EXPLAIN: &str = "
What happens
    Carrier errors rise while everything that is routed into the tunnel
    passes. No counter of /proc/net/xfrm_stat moves, and no sender gets
    an ICMP message.

Why
    Packet sockets (tcpreplay, some DHCP and discovery daemons), tc and
    BPF redirects hand the device packets without a route. The driver
    then looks one up itself, out of this device; for IPv6 that fails
    where no IPv6 route leads into the tunnel.

How to confirm
    tcpdump -ni IFACE                 packets that no route explains
    ip -6 route show dev IFACE

What to do
    Find the sender (ss -0p lists packet sockets; tc filter show), or
    give the interface the route.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let tunnel = case.tunnel()?;
    let rise = case.counted.rise(|c| c.tx_carrier_errors.unwrap_or(c.tx_carrier_column))?;
    if rise == 0 || !tunnel.link.admin_up {
        return Ok(None);
    }
    // A packet that has no route inside never comes as far as the policies.
    if LOOKUP_FAILED.iter().any(|name| case.risen(name).is_ok_and(|rise| rise > 0)) {
        return Ok(None);
    }
    let routes = tunnel.state.routes_through(tunnel.link.ifindex)?;
    let has_ipv6 =
        routes.iter().any(|r| r.destination.addr().is_ipv6() && r.route_type == RouteType::Unicast);
    if has_ipv6 || !case.all_sent() {
        return Ok(None);
    }
    let summary = "carrier errors rise although all that is routed into the tunnel passes; packets handed over without a route fit";
    Ok(Some(
        Found::new(
            Confidence::Possible,
            "dst is NULL and the route lookup through the device fails",
            summary,
        )
        .errors(case)
        .seen(case, format!("no IPv6 route leads into {}", case.name), Source::Routes)
        .next(case, "see what is sent", "monitor traffic interface IFACE", "tcpdump -ni IFACE")
        .next(case, "see who sends without a route", "sudo ss -0p", "ss -0p"),
    ))
}
