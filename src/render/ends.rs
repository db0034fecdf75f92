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
    page.labelled(INDENT, (&out, label), &passed(&ends.outward, ["here", "there"]));
    page.labelled(INDENT, (&back, label), &passed(&ends.inward, ["there", "here"]));
}

/// `1210 packets sent > 1150 arrived > 1150 decrypted; 60 lost on the way`.
fn passed(passed: &Passed, [sender, receiver]: [&str; 2]) -> String {
    let mut parts = Vec::new();
    match passed.sas {
        0 => parts.push("no SA that both ends have".to_owned()),
        _ => parts.push(format!(
            "{} sent > {} arrived > {} decrypted",
            PACKET.of(passed.sent),
            passed.arrived,
            passed.decrypted
        )),
    }
    let counts = [
        (passed.dropped_before, format!("dropped by the interface {sender}")),
        (passed.lost, "lost on the way".to_owned()),
        (Some(passed.refused), format!("late or changed {receiver}")),
        (passed.undelivered, format!("dropped after decryption {receiver}")),
    ];
    let more =
        counts.into_iter().filter_map(|(count, what)| Some((count.filter(|n| *n > 0)?, what)));
    parts.extend(more.map(|(count, what)| format!("{count} {what}")));
    if let Some(why) = &passed.undetermined {
        parts.push(format!("lost on the way: unknown: {why}"));
    }
    parts.join("; ")
}
