//! VTI-141: packets without a route reach the interface, and the route lookup out of the interface fails.

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
    Carrier errors are rising, although the packets that were tried pass
    the tunnel. No counter of /proc/net/xfrm_stat rises, and no
    sender gets an ICMP message.

Why
    A program hands packets to the interface without a route: through
    packet sockets (tcpreplay, some DHCP and discovery daemons), or by a
    redirect of tc or BPF. The driver then looks up a route out of the
    interface itself. For IPv6 this fails if no IPv6 route leads into
    the tunnel.

How to confirm
    {Packets}\tpackets without a route
    {Ipv6RoutesInto}

What to do
    Find the sender and stop it, or add a route into the interface:
    {PacketSockets}\tpacket sockets, their owners
    {TrafficFilters}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let rise = case.counted.rise(|c| c.tx_carrier_errors.unwrap_or(c.tx_carrier_column))?;
    if rise == 0 || !tunnel.link.admin_up {
        return Err(Unconfirmed::RuledOut);
    }
    // A packet without an inner route is dropped before the policy lookup.
    if LOOKUP_FAILED.iter().any(|name| case.risen(name).is_ok_and(|rise| rise > 0)) {
        return Err(Unconfirmed::RuledOut);
    }
    let routes = tunnel.state.routes_through(tunnel.link.ifindex)?;
    let has_ipv6 =
        routes.iter().any(|r| r.destination.addr().is_ipv6() && r.route_type == RouteType::Unicast);
    if has_ipv6 || !case.all_sent() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "carrier errors are rising, and no packet that was tried on {} is lost: a program may send packets to it without a route",
        case.name
    );
    Ok(Found::new(
        Confidence::Possible,
        "dst is NULL and the route lookup through the device fails",
        summary,
    )
    .errors(case)
    .seen(case, format!("no IPv6 route leads into {}", case.name), Source::Routes)
    .next(case, "show the packets", Command::Packets)
    .next(case, "list the programs that send without a route", Command::PacketSockets))
}
