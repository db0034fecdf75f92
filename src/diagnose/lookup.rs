//! `lookup`: one flow through the model, as data. `show --detail` uses the same form of flows.

use super::flow_report::flow_report;
use super::flows::Origin;
use super::flows::Trace;
use super::lookup_filter::{self, Place};
use crate::code::Code;
use crate::error::Error;
use crate::report::{LookupReport, Step};
use crate::snapshot::{RouteAnswer, RouteQuery, Snapshot};
use crate::tunnel::{State, Tunnel};
use crate::way::{At, Flow, Site, transmit};
use std::net::IpAddr;

/// What the kernel would do with one packet that is routed into `interface`: the packet filter before the device, the device, and the filter
/// behind it. `from` is the device that the packet comes in by; without it the network of its source decides.
///
/// # Errors
/// `UnconfiguredObject` where an interface does not exist or is no VTI, `DataUnavailable` where the links were not read,
/// `IncorrectValue` where source and destination are of different families.
pub fn lookup(
    now: &Snapshot,
    interface: &str,
    flow: &Flow,
    from: Option<&str>,
) -> Result<LookupReport, Error> {
    let state = State::new(now);
    let tunnel = tunnel_of(&state, interface, flow)?;
    let named = |name: &str| now.links.iter().flatten().find(|link| link.name == name);
    let from = from
        .map(|name| named(name).ok_or_else(|| super::interfaces::no_such_interface(now, name)))
        .transpose()?;
    let filter = lookup_filter::Asked::of(&tunnel);
    let (before, at_device) = filter.before(&tunnel, flow, from);
    let verdict = transmit::send(&tunnel, &at_device);
    let site = verdict.site.clone();
    let mut report =
        flow_report(&tunnel, &Trace { origin: Origin::Asked, flow: at_device.clone(), verdict });
    report.flow = flow.to_string();
    let is_translated =
        (at_device.source, at_device.destination) != (flow.source, flow.destination);
    if is_translated && report.finding == Some(Code::TrafficOutsideSelectors) {
        report.finding = Some(Code::TranslatedBeforeTheTunnel);
    }
    let route = inside_route(&tunnel, flow);
    if let Some(first) = report.way.first_mut() {
        first.result.clone_from(&route.result);
    }
    report.trail.insert(0, route);
    if let Site::Sent { spi, .. } = site {
        let sas = tunnel.outbound_sas().unwrap_or_default();
        if let Some(sa) = sas.iter().find(|sa| sa.spi == spi) {
            let leaving = filter.leaving(&tunnel, sa, &at_device);
            let code = Code::EncryptionFailed;
            lookup_filter::put(&mut report, &Place::Last, "filter (ESP)", leaving, code);
        }
    }
    let code = Code::RefusedBeforeTheTunnel;
    lookup_filter::put(&mut report, &Place::BehindRoute, "filter", before, code);
    Ok(LookupReport::of(interface, report))
}

/// The source that this host gives its own packets into `interface`, where nobody says another: the kernel's answer, or what the routes and
/// the interface's address say (`fib_select_path()`, `inet_select_addr()`).
///
/// # Errors
/// `UnconfiguredObject` where the interface does not exist or is no VTI, `DataUnavailable` where the source is not known.
pub fn own_source(now: &Snapshot, interface: &str, destination: IpAddr) -> Result<IpAddr, Error> {
    let state = State::new(now);
    let tunnel = tunnel_of(&state, interface, &Flow::probe(destination, destination))?;
    let vrf = state.vrf_of(tunnel.link.ifindex).ok().flatten().map(|link| link.ifindex);
    let query = RouteQuery { destination, source: None, mark: 0, vrf };
    let told = match state.route(&query) {
        Ok(RouteAnswer::Route { source, .. }) => *source,
        Ok(RouteAnswer::Error { .. }) | Err(_) => None,
    };
    let routes = state.routes_through(tunnel.link.ifindex).unwrap_or_default();
    let covering = routes.iter().filter(|route| route.destination.contains(&destination));
    let preferred = covering
        .max_by_key(|route| route.destination.prefix_len())
        .and_then(|route| route.preferred_source);
    let own = state.addresses_of(tunnel.link.ifindex).unwrap_or_default();
    let of_family = |own: &IpAddr| own.is_ipv4() == destination.is_ipv4();
    let own = || own.iter().map(|own| own.prefix.addr()).find(of_family);
    told.or(preferred).or_else(own).ok_or_else(|| {
        Error::DataUnavailable(format!(
            "which source this system gives to packets to {destination} is not known: say it with --source"
        ))
    })
}

/// The tunnel that is asked for, if the flow is of one family.
pub(super) fn tunnel_of<'a>(
    state: &'a State<'a>,
    interface: &str,
    flow: &Flow,
) -> Result<Tunnel<'a>, Error> {
    if flow.source.is_ipv4() != flow.destination.is_ipv4() {
        let (source, destination) = (flow.source, flow.destination);
        return Err(Error::IncorrectValue(format!(
            "{source} and {destination} are of different address families"
        )));
    }
    let tunnels = state.tunnels().unwrap_or_default();
    let found = tunnels.into_iter().find(|t| t.link.name == interface);
    found.ok_or_else(|| super::interfaces::no_such_interface(&state.snapshot, interface))
}

/// Whether the flow is routed into the interface at all: by the kernel's answer, or else by the routes through the interface.
fn inside_route(tunnel: &Tunnel<'_>, flow: &Flow) -> Step {
    let (state, link) = (tunnel.state, tunnel.link);
    let step =
        |looked_at: String, result: &str| At::RouteInside.step(looked_at, result, Vec::new());
    let vrf = state.vrf_of(link.ifindex).ok().flatten().map(|l| l.ifindex);
    let query = RouteQuery {
        destination: flow.destination,
        source: Some(flow.source),
        mark: flow.mark,
        vrf,
    };
    let any_source = RouteQuery { source: None, ..query.clone() };
    match state.route(&query).or_else(|_| state.route(&any_source)) {
        Ok(RouteAnswer::Route { oif, .. }) if *oif == link.ifindex => {
            step(format!("{} dev {}", flow.destination, link.name), "ok")
        }
        Ok(RouteAnswer::Route { oif, .. }) => {
            let other = state.link_name(*oif);
            step(format!("{} dev {other}", flow.destination), &format!("to {other}"))
        }
        // The source of a forwarded packet is no address of this host, so the kernel rejects the question with that source.
        Ok(RouteAnswer::Error { errno }) => step(
            flow.destination.to_string(),
            &format!("none ({})", crate::way::errno_name(*errno)),
        ),
        Err(_) => {
            let routes = state.routes_through(link.ifindex).unwrap_or_default();
            let covering = routes.iter().filter(|r| r.destination.contains(&flow.destination));
            match covering.max_by_key(|r| r.destination.prefix_len()) {
                Some(route) => step(format!("{} dev {}", route.destination, link.name), "ok"),
                None => step(format!("no known route dev {}", link.name), "assumed"),
            }
        }
    }
}
