//! What `--detail` adds: the device, all counters, the flows that were tried, and every diagnosis that did not become a finding.

use super::inbound;
use super::lookup;
use super::page::Page;
use super::table;
use crate::code::Code;
use crate::report::outbound::OutboundSa;
use crate::report::{
    ClearedCounters, Counters, FlowReport, InterfaceReport, NotApplicable, SourceStatus, Status,
    Undetermined,
};
use crate::snapshot::{Missing, Source};
use crate::units::{PACKET, Span};

/// Where labels and their texts stand: `  Ruled out  text`.
const INDENT: usize = 2;
const LABEL: usize = 9;

/// Everything about one interface that is not in its findings.
pub(super) fn interface(page: &mut Page, interface: &InterfaceReport) {
    page.line(0, &format!("{} in detail", interface.name));
    labelled(page, "Device", &device(interface));
    if let Some(reason) = &interface.driver_inferred {
        labelled(page, "Driver", &format!("not read from the kernel: {reason}"));
    }
    if interface.local.is_some() || interface.remote.is_some() {
        let end = |address: &Option<String>| address.clone().unwrap_or_else(|| "any".to_string());
        labelled(
            page,
            "Outer",
            &format!("{} -> {}", end(&interface.local), end(&interface.remote)),
        );
    }
    if !interface.peers.is_empty() {
        labelled(page, "Peers", &interface.peers.join(", "));
    }
    counters(page, interface);
    for sa in &interface.inbound_sas {
        let lines = inbound::lines(sa, interface);
        for (number, line) in lines.iter().enumerate() {
            labelled(page, if number == 0 { "Inbound" } else { "" }, line);
        }
    }
    for (number, sa) in interface.outbound_sas.iter().enumerate() {
        labelled(page, if number == 0 { "Outbound" } else { "" }, &outbound(sa));
    }
    for tried in &interface.flows {
        flow(page, tried);
    }
    for masked in &interface.masked {
        let text = format!(
            "{} {}, from {}: {}",
            masked.code,
            masked.code.title(),
            masked.masked_by,
            masked.summary
        );
        labelled(page, "Follows", &text);
    }
    for (missing, names) in undetermined(&interface.undetermined) {
        labelled(page, "Unknown", &format!("{}: {missing}", names.join(", ")));
    }
    if !interface.ruled_out.is_empty() {
        let ruled_out: Vec<String> =
            interface.ruled_out.iter().map(|c| format!("{} {}", c.code, c.code.title())).collect();
        labelled(page, "Ruled out", &ruled_out.join(", "));
    }
    for (why, names) in not_asked(&interface.not_applicable) {
        labelled(page, "Not asked", &format!("{}: {why}", names.join(", ")));
    }
}

/// What was read, and what became of the rest.
pub(super) fn sources(page: &mut Page, sources: &[SourceStatus]) {
    let rows: Vec<[String; 3]> = sources
        .iter()
        .map(|s| {
            [Source::words_of(s.name).to_string(), status(s.status).to_string(), s.detail.clone()]
        })
        .collect();
    if !rows.is_empty() {
        table::simple(page, 0, ["Source", "Status", "Detail"], &rows);
    }
}

fn labelled(page: &mut Page, label: &str, text: &str) {
    page.labelled(INDENT, (label, LABEL), text);
}

/// What was missing, and all that it leaves open, in the order of the first.
fn undetermined(open: &[Undetermined]) -> Vec<(&Missing, Vec<String>)> {
    grouped(open.iter().map(|u| (&u.missing, u.code)))
}

/// Why a question does not arise, and all of which that holds.
fn not_asked(none: &[NotApplicable]) -> Vec<(&str, Vec<String>)> {
    grouped(none.iter().map(|n| (n.why, n.code)))
}

/// Diagnoses by their reason, in the order of the first.
fn grouped<R: PartialEq>(all: impl Iterator<Item = (R, Code)>) -> Vec<(R, Vec<String>)> {
    let mut groups: Vec<(R, Vec<String>)> = Vec::new();
    for (reason, code) in all {
        let text = format!("{code} {}", code.title());
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(text),
            None => groups.push((reason, vec![text])),
        }
    }
    groups
}

/// `xfrm, if_id 2, ifindex 7, MTU 1500, admin up, oper unknown`.
fn device(interface: &InterfaceReport) -> String {
    if interface.absent {
        return "configured, and no such link exists".to_string();
    }
    let kind = interface.driver.map(|driver| driver.kind()).or(interface.ip_tunnel);
    let known = [
        Some(kind.unwrap_or("driver unknown").to_string()),
        interface.fallback_device.then(|| "fallback device, carries nothing".to_string()),
        interface.if_id.map(|if_id| format!("if_id {if_id}")),
        interface.input_mark.as_ref().map(|mark| format!("input mark {mark}")),
        interface.output_mark.as_ref().map(|mark| format!("output mark {mark}")),
        interface.ifindex.map(|ifindex| format!("ifindex {ifindex}")),
        interface.mtu.map(|mtu| format!("MTU {mtu}")),
        interface.admin_state.map(|state| format!("admin {state}")),
        interface.oper_state.as_ref().map(|state| format!("oper {state}")),
    ];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The counters by name, one column for each span that was measured.
fn counters(page: &mut Page, interface: &InterfaceReport) {
    let spans = &interface.counters;
    let Some(since_boot) = &spans.since_boot else {
        return labelled(page, "Counters", "not read");
    };
    let interval = spans.interval.as_ref().and_then(|span| span.milliseconds);
    let heading = interval.map_or(String::new(), |ms| format!("In {}", Span(ms)));
    let since_cleared = spans.since_cleared.as_ref();
    if let Some(at) = since_cleared.and_then(|cleared| cleared.cleared_at.as_deref()) {
        labelled(page, "Cleared", at);
    }
    let cleared = since_cleared.map_or("", |_| "Since cleared");
    let rows: Vec<[String; 4]> = COUNTERS
        .iter()
        .map(|(name, value, value_since_cleared)| {
            let cell = |value: Option<u64>| value.map_or("-".to_string(), |n| n.to_string());
            [
                name.to_string(),
                cell(value(since_boot)),
                since_cleared.map_or(String::new(), |span| cell(value_since_cleared(span))),
                spans.interval.as_ref().map_or(String::new(), |span| cell(value(span))),
            ]
        })
        .collect();
    table::simple(page, INDENT, ["Counter", "Since boot", cleared, &heading], &rows);
}

/// A counter's name, how to read it, and how since it was cleared: VyOS keeps some of them only.
type Counter = (&'static str, fn(&Counters) -> Option<u64>, fn(&ClearedCounters) -> Option<u64>);

const COUNTERS: &[Counter] = &[
    ("tx_packets", |c| Some(c.tx_packets), |c| Some(c.tx_packets)),
    ("tx_bytes", |c| Some(c.tx_bytes), |c| Some(c.tx_bytes)),
    ("tx_errors", |c| Some(c.tx_errors), |c| Some(c.tx_errors)),
    ("tx_carrier_errors", |c| c.tx_carrier_errors, |c| c.tx_carrier_errors),
    ("tx_aborted_errors", |c| c.tx_aborted_errors, |_| None),
    ("carrier in /proc/net/dev", |c| Some(c.tx_carrier_column), |_| None),
    ("tx_dropped", |c| Some(c.tx_dropped), |c| Some(c.tx_dropped)),
    ("collisions", |c| Some(c.collisions), |c| Some(c.collisions)),
    ("too big, or not IP", |c| Some(c.tx_too_big_or_other), |_| None),
    ("rx_packets", |c| Some(c.rx_packets), |c| Some(c.rx_packets)),
    ("rx_bytes", |c| Some(c.rx_bytes), |c| Some(c.rx_bytes)),
    ("rx_errors", |c| Some(c.rx_errors), |c| Some(c.rx_errors)),
    ("rx_dropped", |c| Some(c.rx_dropped), |c| Some(c.rx_dropped)),
];

/// `SA 0xc1000002 to 192.0.2.1: 1210 packets numbered; how many arrived, only the peer knows`
fn outbound(sa: &OutboundSa) -> String {
    let sent = match sa.sequence_numbers {
        Some(numbers) => format!("{} numbered", PACKET.of(numbers)),
        None => "packets unknown".to_owned(),
    };
    format!("SA {} to {}: {sent}; how many arrived, only the peer knows", sa.spi, sa.destination)
}

fn flow(page: &mut Page, flow: &FlowReport) {
    labelled(page, "Flow", &format!("{} ({}): {}", flow.flow, flow.origin, flow.outcome));
    lookup::fate(page, INDENT + 2, flow);
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Read => "read",
        Status::Absent => "absent",
        Status::Denied => "denied",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
    }
}
