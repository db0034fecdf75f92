//! `lookup`: one flow through the model, as data. `show --detail` uses the same form of flows.

use super::flow_report::flow_report;
use super::flows::Origin;
use super::flows::Trace;
use crate::error::Error;
use crate::report::{LookupReport, Step};
use crate::snapshot::{RouteAnswer, RouteQuery, Snapshot};
use crate::tunnel::{State, Tunnel};
use crate::way::{At, Flow, transmit};

/// What the kernel would do with one packet that is routed into `interface`.
///
/// # Errors
/// `UnconfiguredObject` where the interface does not exist or is no VTI, `DataUnavailable` where the links were not read,
/// `IncorrectValue` where source and destination are of different families.
pub fn lookup(now: &Snapshot, interface: &str, flow: &Flow) -> Result<LookupReport, Error> {
    let state = State::new(now);
    let tunnel = tunnel_of(&state, interface, flow)?;
    let verdict = transmit::send(&tunnel, flow);
    let mut report =
        flow_report(&tunnel, &Trace { origin: Origin::Asked, flow: flow.clone(), verdict });
    let route = inside_route(&tunnel, flow);
    if let Some(first) = report.way.first_mut() {
        first.result.clone_from(&route.result);
    }
    report.trail.insert(0, route);
    Ok(LookupReport::of(interface, report))
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
