//! The top and the bottom of a report: one line a VTI, and what can be said of all of them together.

use super::carrier;
use super::escape::escape;
use super::page::Page;
use super::table;
use crate::code::Code;
use crate::report::{InterfaceReport, Report, SourceStatus, Status, Undetermined, Verdict};
use crate::snapshot::{Reason, Source};
use crate::units;

/// More VTIs that are well than these are a number, not rows: nobody reads two hundred of them to find the two that are broken.
const MOST_OK: usize = 20;

/// The table of the VTIs; nothing where there are none. Where it is `short`, many that are well are only counted.
pub(super) fn table(page: &mut Page, report: &Report, short: bool) {
    let well = vtis(report).filter(|interface| interface.verdict == Verdict::Ok).count();
    let counts_well = short && well > MOST_OK;
    let listed = || vtis(report).filter(|i| !counts_well || i.verdict != Verdict::Ok);
    if listed().any(|interface| interface.control.is_some()) {
        let rows: Vec<[String; 9]> = listed().map(row_with_ike).collect();
        let header = [
            "Interface",
            "S/L",
            "Peer",
            "IKE",
            "CHILD_SA",
            "In",
            "Out",
            "Carrier errors",
            "Verdict",
        ];
        table::simple(page, 0, header, &rows);
    } else if listed().next().is_some() {
        let rows: Vec<[String; 6]> = listed().map(row).collect();
        let header = ["Interface", "S/L", "Peer", "Sent", "Carrier errors", "Verdict"];
        table::simple(page, 0, header, &rows);
    }
    if counts_well {
        let well = units::VTI.of(well);
        page.paragraph(
            0,
            &format!("{well} are ok and not listed here (show them with --all, or in detail)."),
        );
    }
    let fallback = report.interfaces.iter().filter(|i| i.fallback_device);
    let fallback: Vec<&str> = fallback.map(|i| i.name.as_str()).collect();
    if !fallback.is_empty() {
        page.paragraph(0, &format!("Fallback devices, no tunnels: {}", fallback.join(", ")));
    }
}

/// What follows the findings: that all is well, or that nothing is there, or what could not be read.
pub(super) fn closing(page: &mut Page, report: &Report) {
    page.blank();
    let names: Vec<&InterfaceReport> = vtis(report).collect();
    let host_is_well = report.findings.iter().all(|f| Verdict::from(f.severity) <= Verdict::Notice);
    match names.as_slice() {
        [] => page.paragraph(0, &nothing(report)),
        all if host_is_well && all.iter().all(|i| i.verdict == Verdict::Ok) => {
            // Where others may exist, or should, those that were seen speak for themselves alone.
            let seen = if report.verdict == Verdict::Unknown { " that could be seen" } else { "" };
            let whose = match all {
                [one] => one.name.clone(),
                _ => format!("{}{seen}", units::VTI.of(all.len())),
            };
            page.paragraph(0, &format!("No fault found in {whose}. {}", checked(report)));
        }
        all => unknown(page, all),
    }
    if denied(report) {
        page.paragraph(0, "Some of the state is shown to root only: sudo vti-diagnostics show");
    }
}

/// What "no fault found" rests on, and what it does not cover: `Checked: interfaces, policies, SAs, outer routes, IKE. Not checked: …`.
fn checked(report: &Report) -> String {
    // What was read and left a cause open was not checked: a rule that cannot be decided.
    let is_open = |source: Source| {
        vtis(report).flat_map(|i| &i.undetermined).any(|open| open.missing.source == source)
    };
    let is_read = |source: Source| {
        report.sources.iter().any(|s| s.name == source.name() && s.status == Status::Read)
            && !is_open(source)
    };
    // An IP tunnel has no IKE of its own; what arrives through it, and the filter before it, are not looked at.
    let is_ip_tunnel = vtis(report).any(|interface| interface.ip_tunnel.is_some());
    let looked =
        |source: Source| !(is_ip_tunnel && matches!(source, Source::Charon | Source::PacketFilter));
    let at = CHECKED.into_iter().filter(|(source, _)| looked(*source));
    let (checked, mut not): (Vec<_>, Vec<_>) = at.partition(|(source, _)| is_read(*source));
    // Of a system without charon there is no IKE to be checked.
    let absent = |source: Source| {
        let is_absent = |s: &SourceStatus| s.name == source.name() && s.status == Status::Absent;
        report.sources.iter().any(is_absent)
    };
    not.retain(|(source, _)| !absent(*source));
    let names = |of: Vec<(Source, &'static str)>| of.into_iter().map(|(_, name)| name);
    let checked = names(checked).collect::<Vec<_>>().join(", ");
    let arrivals = is_ip_tunnel.then_some("IKE, what arrives, firewall and NAT");
    let has_both_ends = vtis(report).all(|interface| interface.ends.is_some());
    let other_end = (!has_both_ends).then_some(OTHER_END);
    let mut ends = vtis(report).filter_map(|interface| interface.ends.as_ref());
    let is_open = ends.any(|ends| ends.outward.is_unknown() || ends.inward.is_unknown());
    let other_end = other_end.into_iter().chain(is_open.then_some(BETWEEN));
    let not = names(not)
        .chain(arrivals)
        .chain(NEVER_CHECKED)
        .chain(other_end)
        .collect::<Vec<_>>()
        .join(", ");
    let checked = if checked.is_empty() { "counters".to_owned() } else { checked };
    format!("Checked: {checked}. Not checked: {not}.")
}

/// What a report looks at, by the source that it needs.
const CHECKED: [(Source, &str); 6] = [
    (Source::Links, "interfaces"),
    (Source::SecurityPolicies, "policies"),
    (Source::SecurityAssociations, "SAs"),
    (Source::RouteLookups, "outer routes"),
    (Source::Charon, "IKE"),
    (Source::PacketFilter, "firewall and NAT"),
];
/// What it does not look at.
const NEVER_CHECKED: [&str; 1] = ["path MTU"];
/// What it looks at only with the capture of the other end.
const OTHER_END: &str = "the peer's side";
/// What the captures of both ends leave open.
const BETWEEN: &str = "loss between the ends";

/// The VTIs that can carry something.
fn vtis(report: &Report) -> impl Iterator<Item = &InterfaceReport> {
    report.interfaces.iter().filter(|interface| !interface.fallback_device)
}

fn row(interface: &InterfaceReport) -> [String; 6] {
    let (sent, carrier) = match &interface.counters.since_boot {
        None if interface.absent => ("-".to_string(), "-".to_string()),
        None => ("not read".to_string(), "not read".to_string()),
        Some(total) => {
            let interval = interface.counters.interval.as_ref();
            let exported = !codes(interface).any(|code| code == Code::CountersNotExported);
            (units::count(total.tx_packets), carrier::carrier(total, interval, exported))
        }
    };
    [
        interface.name.clone(),
        state(interface),
        peer(interface),
        sent,
        carrier,
        interface.verdict.to_string(),
    ]
}

/// The row where charon was read.
fn row_with_ike(interface: &InterfaceReport) -> [String; 9] {
    let [name, state, address, out, carrier, verdict] = row(interface);
    let received = match &interface.counters.since_boot {
        None if interface.absent => "-".to_string(),
        None => "not read".to_string(),
        Some(total) => units::count(total.rx_packets),
    };
    let control = interface.control.as_ref();
    let peer = control.and_then(|c| c.peer.as_deref()).map_or(address, escape);
    let ike = control.map_or_else(
        || "-".into(),
        |c| since(c.ike_state.as_deref(), "ESTABLISHED", c.ike_seconds),
    );
    let child = control.map_or_else(
        || "-".into(),
        |c| since(c.child_state.as_deref(), "INSTALLED", c.child_seconds),
    );
    [name, state, peer, ike, child, received, out, carrier, verdict]
}

/// `up 3d` in the state that is meant, another state in charon's word, `-` without any.
fn since(state: Option<&str>, up: &str, seconds: Option<u64>) -> String {
    match (state, seconds) {
        (None, _) => "-".into(),
        (Some(state), Some(seconds)) if state == up => format!("up {}", units::age(seconds)),
        (Some(state), _) if state == up => "up".into(),
        (Some(state), _) => escape(&state.to_lowercase()),
    }
}

/// The codes of what holds for an interface, reported or masked.
fn codes(interface: &InterfaceReport) -> impl Iterator<Item = Code> {
    let reported = interface.findings.iter().map(|finding| finding.code);
    reported.chain(interface.masked.iter().map(|masked| masked.code))
}

/// State and link as VyOS prints them: `u/u`, `u/D`, `A/D`; `-/-` where there is no link. A link of state unknown counts as up: xfrm
/// interfaces have no other.
fn state(interface: &InterfaceReport) -> String {
    let admin = match interface.admin_state {
        None if interface.absent => return "-/-".to_string(),
        None => return "-".to_string(),
        Some("down") => 'A',
        Some(_) => 'u',
    };
    let link = match interface.oper_state.as_deref() {
        Some("up" | "unknown") => 'u',
        _ => 'D',
    };
    format!("{admin}/{link}")
}

fn peer(interface: &InterfaceReport) -> String {
    match interface.peers.as_slice() {
        [] => interface.remote.clone().unwrap_or_else(|| "-".to_string()),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} +{}", others.len()),
    }
}

/// Why the table is empty. A list of interfaces that could not be read is not an empty one.
fn nothing(report: &Report) -> String {
    if report.verdict != Verdict::Unknown {
        return "No VTI or xfrm interface exists on this system.".to_string();
    }
    let links = report.sources.iter().find(|source| source.name == Source::Links.name());
    match links {
        Some(SourceStatus { status: Status::Read, .. }) => {
            "None of the interfaces that were read is a VTI or an xfrm interface.".to_string()
        }
        Some(SourceStatus { name, status: Status::Denied | Status::Failed, detail }) => {
            format!("The interfaces could not be read ({name}: {detail}).")
        }
        _ => "No interface in this text has the name of a VTI (vtiN, xfrmN, ipsecN); choose one with --interface."
            .to_string(),
    }
}

/// One line for all VTIs that lack the same: what could not be read, and why.
fn unknown(page: &mut Page, vtis: &[&InterfaceReport]) {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for interface in vtis.iter().filter(|interface| interface.verdict == Verdict::Unknown) {
        let mut reason = not_read(&interface.undetermined);
        if interface.ifindex.is_none() && interface.findings.is_empty() {
            let drops = interface.driver_inferred.iter().map(|why| format!("; {why}"));
            let drops: String = drops.collect();
            reason = format!("the counters show no transmit errors{drops}; {reason}");
        }
        match groups.iter_mut().find(|(group, _)| *group == reason) {
            Some((_, names)) => names.push(&interface.name),
            None => groups.push((reason, vec![&interface.name])),
        }
    }
    for (reason, names) in groups {
        page.paragraph(0, &format!("{}  unknown: {reason}", names.join(", ")));
    }
}

/// `cannot read routes, security policies (permission denied)`, by reason, each source once.
pub fn not_read(undetermined: &[Undetermined]) -> String {
    // What was not asked for is why a diagnosis is open, but no failure; what this system does not have only matters where nothing else
    // failed.
    let weight = |reason| match reason {
        Reason::Skipped => 0,
        Reason::Absent => 1,
        _ => 2,
    };
    let worst = undetermined.iter().map(|u| weight(u.missing.reason)).max().unwrap_or(0);
    let mut reasons: Vec<(Reason, Vec<&str>)> = Vec::new();
    for missing in undetermined.iter().map(|u| &u.missing) {
        if worst == 0 || weight(missing.reason) < worst {
            continue;
        }
        let source = missing.source.words();
        match reasons.iter_mut().find(|(reason, _)| *reason == missing.reason) {
            Some((_, sources)) if sources.contains(&source) => {}
            Some((_, sources)) => sources.push(source),
            None => reasons.push((missing.reason, vec![source])),
        }
    }
    let words = |(reason, sources): &(Reason, Vec<&str>)| {
        format!("cannot read {} ({reason})", sources.join(", "))
    };
    let skipped = undetermined.iter().map(|u| &u.missing).find(|m| m.source == Source::Links);
    match (reasons.as_slice(), skipped) {
        ([], Some(missing)) if !missing.detail.is_empty() => missing.detail.clone(),
        ([], _) => "not everything that matters was read".to_string(),
        (some, _) => some.iter().map(words).collect::<Vec<_>>().join("; "),
    }
}

fn denied(report: &Report) -> bool {
    let mut open = report.interfaces.iter().flat_map(|interface| &interface.undetermined);
    report.sources.iter().any(|source| source.status == Status::Denied)
        || open.any(|u| u.missing.reason == Reason::Denied)
}
