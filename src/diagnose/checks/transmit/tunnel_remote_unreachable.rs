//! VTI-124: an IP tunnel (GRE, IPIP, 6in4, …) has no way to its remote.

use crate::code::{Code, Severity};
use crate::diagnose::call::Call;
use crate::diagnose::case::Case;
use crate::diagnose::checks::of_ip_tunnel;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::interfaces;
use crate::diagnose::ip_tunnel::IpTunnelState;
use crate::snapshot::{Family, RouteQuery, Source};
use crate::units::address as written;
use crate::way::errno_name;
use crate::way::ip_tunnel::{End, function};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::TunnelRemoteUnreachable,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    An IP tunnel (gre, gretap, ipip, sit, ip6tnl, ip6gre, ip6gretap)
    drops every packet routed into it and counts a carrier error for
    each; one over IPv6 counts a drop, too. It is no VTI: no policy and
    no SA belongs to it. show names it with --interface or
    --all-tunnels.

Why
    ip_tunnel_xmit() finds no route to the remote address
    (ip_route_output_key()): the route is missing, or is a blackhole,
    unreachable or prohibit route, or the local address is not on this
    host. With an IPsec policy for the outer packet the route of its SA
    counts, too. ip6_tnl_xmit() also refuses a tunnel without a local
    address of this host, and one whose remote is on this host; GRE over
    IPv6 counts tx_errors alone then.

How to confirm
    {RouteToPeer}\tfrom the tunnel's local address
    {Counters}

What to do
    Restore the route to the remote: check the WAN interface and its
    gateway. If the local address has changed, set the tunnel's source
    address to the new one.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(tunnel) = &case.ip_tunnel else {
        return match &case.tunnel {
            Err(missing) if !interfaces::is_vti_name(case.name) => Err(missing.clone().into()),
            _ => Err(Unconfirmed::NotApplicable("the interface is a VTI, no IP tunnel")),
        };
    };
    let end = match of_ip_tunnel::end(case, |c| c.tx_carrier_errors.unwrap_or(c.tx_errors))? {
        Some(end) => end,
        None => return Err(Unconfirmed::RuledOut),
    };
    let xmit = function(tunnel.device);
    let (site, why, query) = match end {
        End::NoRoute { query, errno, of_sa } => (
            format!("{xmit}: {} = {}", lookup(tunnel), errno_name(*errno)),
            no_route(tunnel, query, *errno, *of_sa),
            Some(query.clone()),
        ),
        End::NotUnicast { query } => (
            format!("{xmit}: rt->rt_type"),
            format!(
                "the route to its remote {} leads to no single host",
                written(query.destination)
            ),
            Some(query.clone()),
        ),
        End::LocalAddressGone { address } => (
            endpoint_check(tunnel),
            if address.is_unspecified() {
                "it has no local address, without which a tunnel over IPv6 sends nothing".to_owned()
            } else {
                format!("its local address {} is not an address of this host", written(*address))
            },
            None,
        ),
        End::RemoteIsLocal { address } => (
            endpoint_check(tunnel),
            format!("its remote {} is an address of this host", written(*address)),
            None,
        ),
        End::Loop { .. } | End::PolicyBlocks { .. } | End::NoSa { .. } | End::Sent { .. } => {
            return Err(Unconfirmed::RuledOut);
        }
    };
    let found = of_ip_tunnel::proven(case, tunnel, site, &why, Severity::Fault);
    Ok(match query {
        Some(query) => {
            let get = Call::from(Command::RouteToPeer).with_route(&query, tunnel.vrf());
            found
                .seen(case, "the kernel itself was asked for this route", Source::RouteLookups)
                .next(case, "ask the kernel for the route to the remote", get)
        }
        None => found,
    }
    .next(case, "list the outer interfaces and their addresses", Command::OuterInterfaces))
}

fn no_route(tunnel: &IpTunnelState<'_>, query: &RouteQuery, errno: i32, of_sa: bool) -> String {
    let to = written(query.destination);
    let from = query.source.map(|source| format!(" from {}", written(source))).unwrap_or_default();
    let within = tunnel.vrf().map(|name| format!(" in VRF {name}")).unwrap_or_default();
    let whose = if of_sa {
        format!("{to}, the end of the SA that encrypts its packets,")
    } else {
        format!("its remote {to}")
    };
    format!("there is no route to {whose}{from}{within} ({})", errno_name(errno))
}

/// The function that asks for the route.
const fn lookup(tunnel: &IpTunnelState<'_>) -> &'static str {
    match tunnel.device.info_kind.family() {
        Family::Inet6 => "ip6_route_output()",
        _ => "ip_route_output_key()",
    }
}

/// Where an address is refused.
fn endpoint_check(tunnel: &IpTunnelState<'_>) -> String {
    let kind = tunnel.device.info_kind;
    match kind.family() {
        Family::Inet6 if kind.is_gre() => "ip6gre_tunnel_xmit: ip6_tnl_xmit_ctl()".to_owned(),
        Family::Inet6 => "ip6_tnl_xmit: ip6_tnl_xmit_ctl()".to_owned(),
        _ => format!("{}: ip_route_output_key()", function(tunnel.device)),
    }
}
