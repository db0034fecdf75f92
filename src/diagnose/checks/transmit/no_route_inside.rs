//! VTI-141: packets without a route reach the device, and the lookup through it fails.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::counted::LOOKUP_FAILED;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::snapshot::{RouteType, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoRouteInside,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::is_transmit_error),
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
    {Packets}\tpackets that no route explains
    {Ipv6RoutesInto}

What to do
    Find the sender, or give the interface the route:
    {PacketSockets}\tpacket sockets and whose they are
    {TrafficFilters}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let rise = case.counted.rise(|c| c.tx_carrier_errors.unwrap_or(c.tx_carrier_column))?;
    if rise == 0 || !tunnel.link.admin_up {
        return Err(Unconfirmed::RuledOut);
    }
    // A packet that has no route inside never comes as far as the policies.
    if LOOKUP_FAILED.iter().any(|name| case.risen(name).is_ok_and(|rise| rise > 0)) {
        return Err(Unconfirmed::RuledOut);
    }
    let routes = tunnel.state.routes_through(tunnel.link.ifindex)?;
    let has_ipv6 =
        routes.iter().any(|r| r.destination.addr().is_ipv6() && r.route_type == RouteType::Unicast);
    if has_ipv6 || !case.all_sent() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = "carrier errors rise although all that is routed into the tunnel passes; packets handed over without a route fit";
    Ok(Found::new(
        Confidence::Possible,
        "dst is NULL and the route lookup through the device fails",
        summary,
    )
    .errors(case)
    .seen(case, format!("no IPv6 route leads into {}", case.name), Source::Routes)
    .next(case, "see what is sent", Command::Packets)
    .next(case, "see who sends without a route", Command::PacketSockets))
}
