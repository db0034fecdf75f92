//! The account of both ends of a tunnel: a line for each direction, with how many packets passed, and where the rest went.

use super::page::{Page, columns};
use crate::report::InterfaceReport;
use crate::report::ends::{Ends, Passed};
use crate::units::PACKET;

/// Where its lines stand, below those of the interface.
const INDENT: usize = 2;

/// Writes it; `host`: the name of this host.
pub(super) fn block(page: &mut Page, host: &str, interface: &InterfaceReport, ends: &Ends) {
    let there = ends.other_end(host);
    page.blank();
    page.paragraph(0, &format!("{} here and {} of {there}", interface.name, ends.interface));
    let (out, back) = (format!("to {there}"), format!("from {there}"));
    let label = columns(&out).max(columns(&back));
    let is_explained = ends.explained_by.is_some();
    let outward = passed(&ends.outward, is_explained, ["here", "there"]);
    let inward = passed(&ends.inward, is_explained, ["there", "here"]);
    page.labelled(INDENT, (&out, label), &outward);
    page.labelled(INDENT, (&back, label), &inward);
}

/// At most so many interfaces are named with one reason.
const MOST_NAMES: usize = 12;

/// The interfaces of which the capture of the other end says nothing, with the reason: `t0: the other end's capture has no tunnel to this host`.
pub(super) fn unjoined(page: &mut Page, interfaces: &[InterfaceReport]) {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for interface in interfaces {
        let Some(why) = interface.no_other_end.as_deref() else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(&interface.name),
            None => reasons.push((why, vec![&interface.name])),
        }
    }
    for (why, names) in reasons {
        let (shown, rest) = names.split_at(names.len().min(MOST_NAMES));
        let more = match rest.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        page.blank();
        page.paragraph(0, &format!("{}{more}: {why}.", shown.join(", ")));
    }
}

/// `1210 packets sent > 1150 arrived > 1150 decrypted; 58 lost on the way, 2 more lost or not here yet`.
fn passed(passed: &Passed, is_explained: bool, [sender, receiver]: [&str; 2]) -> String {
    let mut parts = Vec::new();
    match passed.sas {
        0 => parts.push("no SA that both ends have".to_owned()),
        _ => {
            let sent = passed.sent.map(|sent| format!("{} sent", PACKET.of(sent)));
            let arrived = passed.arrived.map(|arrived| format!("{arrived} arrived"));
            let decrypted = passed.decrypted.map(|decrypted| format!("{decrypted} decrypted"));
            let known: Vec<String> = [sent, arrived, decrypted].into_iter().flatten().collect();
            parts.extend(Some(known.join(" > ")).filter(|known| !known.is_empty()));
        }
    }
    let some = |count: Option<u64>, what: &str, end: &str| {
        count.filter(|count| *count > 0).map(|count| format!("{count} {what} {end}"))
    };
    parts.extend(some(passed.dropped_before, "dropped by the interface", sender));
    if is_explained {
        let uncounted =
            passed.sent.zip(passed.arrived).map(|(sent, here)| sent.saturating_sub(here));
        parts.extend(some(uncounted, "not counted by an SA", receiver));
    } else {
        parts.extend(on_the_way(passed, receiver));
    }
    parts.extend(some(passed.refused, "late or changed", receiver));
    parts.extend(some(passed.undelivered, "dropped after decryption", receiver));
    parts.join("; ")
}

/// What is lost, and what may be; none where nothing is missing.
fn on_the_way(passed: &Passed, receiver: &str) -> Option<String> {
    let Some(lost) = passed.lost else {
        let why = passed.undetermined.as_ref()?;
        return Some(format!("lost on the way: unknown: {why}"));
    };
    let is_open = passed.is_open();
    let least = if is_open { "at least " } else { "" };
    let known = (lost > 0).then(|| format!("{least}{lost} lost on the way"));
    let more = if lost > 0 { " more" } else { "" };
    let rest = match passed.unsettled {
        0 => None,
        rest if is_open => Some(format!("{rest}{more} sent later, or lost")),
        rest => Some(format!("{rest}{more} lost or not {receiver} yet")),
    };
    let parts: Vec<String> = known.into_iter().chain(rest).collect();
    Some(parts.join(", ")).filter(|parts| !parts.is_empty())
}
