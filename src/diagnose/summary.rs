//! The part of an interface's report that needs no diagnosis: what it is, its addresses, its counters.

use super::case::{Case, Extent};
use super::flow_report::flow_report;
use super::{cleared, interfaces, losses, state};
use crate::report::outbound::OutboundSa;
use crate::report::{ControlReport, CounterSpans, Counters, InterfaceReport, Verdict};
use crate::snapshot::{LinkKind, OperState, Sa};
use crate::tunnel::{Control, MarkOrIfId};
use crate::units;
use std::net::IpAddr;

/// The report of an interface before any diagnosis ran.
pub(super) fn interface(case: &Case<'_>, extent: Extent) -> InterfaceReport {
    let tunnel = case.tunnel.as_ref().ok();
    let ip_tunnel = case.ip_tunnel.as_ref();
    let link = tunnel.map(|t| t.link).or(ip_tunnel.map(|t| t.link));
    let (input_mark, output_mark, if_id) = match tunnel.map(|t| t.mark_or_if_id) {
        Some(MarkOrIfId::Mark { input, output }) => {
            (Some(format!("{input:#x}")), Some(format!("{output:#x}")), None)
        }
        Some(MarkOrIfId::IfId(if_id)) => (None, None, Some(if_id.0)),
        None => (None, None, None),
    };
    let (local, remote) = endpoints(case);
    let (driver, driver_inferred) = match (tunnel, &case.counted.inferred) {
        (Some(tunnel), _) => (Some(tunnel.driver), None),
        (None, Some(inferred)) => (inferred.driver(), Some(inferred.why.clone())),
        (None, None) => (None, None),
    };
    let peers = tunnel.and_then(|t| t.peers().ok()).into_iter().flatten();
    let of_tunnel = tunnel.and_then(|t| t.control().ok());
    let known = match &case.absent {
        Some(absent) => absent.as_ref().ok(),
        None => of_tunnel.as_ref(),
    };
    InterfaceReport {
        name: case.name.into(),
        driver,
        driver_inferred,
        ip_tunnel: ip_tunnel.map(|t| t.device.info_kind.name()),
        ifindex: link.map(|l| l.ifindex),
        admin_state: link.map(|l| if l.admin_up { "up" } else { "down" }),
        oper_state: link.map(|l| oper_state(l.oper_state).into()),
        mtu: link.map(|l| l.mtu),
        if_id,
        input_mark,
        output_mark,
        local,
        remote,
        peers: peers.map(|peer| units::address(*peer)).collect(),
        control: known.map(control),
        state: state::of(case, known),
        absent: case.absent.is_some(),
        fallback_device: link.map_or_else(
            || interfaces::is_fallback_name(case.name) && carried_nothing(case),
            |l| l.is_fallback_device(),
        ),
        counters: CounterSpans {
            since_boot: case.counted.total.as_ref().ok().copied(),
            since_cleared: link
                .and_then(|l| cleared::since_cleared(case.now, l, case.counted.exported)),
            interval: case.counted.interval.as_ref().ok().copied(),
        },
        verdict: Verdict::Ok,
        least_verdict: Verdict::Ok,
        findings: Vec::new(),
        undetermined: Vec::new(),
        masked: Vec::new(),
        ruled_out: Vec::new(),
        not_applicable: Vec::new(),
        flows: tunnel
            .filter(|_| extent == Extent::Everything)
            .map(|t| case.tried.iter().map(|tried| flow_report(t, tried)).collect())
            .unwrap_or_default(),
        ends: None,
        no_other_end: None,
        inbound_sas: match extent {
            Extent::Everything => match case.losses() {
                Ok(Some(losses)) => losses::report(losses, case.now, case.earlier),
                _ => Vec::new(),
            },
            Extent::Page | Extent::Findings => Vec::new(),
        },
        outbound_sas: match (extent, tunnel.map(|tunnel| tunnel.outbound_sas())) {
            (Extent::Everything, Some(Ok(sas))) => sas.iter().map(|sa| outbound(sa)).collect(),
            _ => Vec::new(),
        },
    }
}

fn outbound(sa: &Sa) -> OutboundSa {
    OutboundSa {
        spi: sa.spi.to_string(),
        destination: units::address(sa.destination),
        // A device that takes packets whole numbers them itself.
        sequence_numbers: sa.replay.filter(|_| !sa.is_offloaded_whole()).map(|r| r.outbound),
    }
}

/// What the control plane has.
fn control(control: &Control<'_>) -> ControlReport {
    // Of several, the one that is in use and oldest tells how long the tunnel has been up.
    let ike = control
        .sas
        .iter()
        .max_by_key(|a| (a.is_current(), a.is_established(), a.established_seconds));
    let child = control.children.iter().map(|(_, child)| child);
    let child = child.max_by_key(|c| (c.is_current(), c.is_installed(), c.installed_seconds));
    ControlReport {
        peer: control.name().map(str::to_owned),
        ike_state: ike.map(|a| a.state.clone()),
        ike_seconds: ike.and_then(|a| a.established_seconds),
        child_state: child.map(|c| c.state.clone()),
        child_seconds: child.and_then(|c| c.installed_seconds),
    }
}

/// Outer addresses: the configured ones, else those of the SA or template in use where there is one answer.
fn endpoints(case: &Case<'_>) -> (Option<String>, Option<String>) {
    let set = |a: IpAddr| (!a.is_unspecified()).then(|| units::address(a));
    if let Some(tunnel) = &case.ip_tunnel {
        return (set(tunnel.device.local), set(tunnel.device.remote));
    }
    let Ok(tunnel) = &case.tunnel else { return (None, None) };
    match &tunnel.link.kind {
        LinkKind::Vti(keys) | LinkKind::Vti6(keys) => (set(keys.local), set(keys.remote)),
        _ => {
            let policies =
                tunnel.own_policies(crate::snapshot::PolicyDirection::Out).unwrap_or_default();
            let template = policies
                .iter()
                .flat_map(|p| &p.templates)
                .find(|t| !t.destination.is_unspecified());
            template.map_or((None, None), |t| (set(t.source), set(t.destination)))
        }
    }
}

const fn oper_state(state: OperState) -> &'static str {
    match state {
        OperState::Unknown => "unknown",
        OperState::NotPresent => "not-present",
        OperState::Down => "down",
        OperState::LowerLayerDown => "lower-layer-down",
        OperState::Testing => "testing",
        OperState::Dormant => "dormant",
        OperState::Up => "up",
    }
}

/// A fallback device that somebody brought up takes packets that no tunnel claims; by its name alone it is not known to be idle.
fn carried_nothing(case: &Case<'_>) -> bool {
    let moved = |c: &Counters| c.tx_packets > 0 || c.rx_packets > 0 || c.tx_errors > 0;
    !case.counted.total.as_ref().is_ok_and(moved)
}
