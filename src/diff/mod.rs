//! What differs between two states of one host, one that works and one that does not: in the order in which it matters for a tunnel,
//! without what always changes (SPIs, times, counters of what is carried). It judges nothing itself: which differences come first, the
//! diagnosis of the second state says by what its first finding stands on.

#![deny(clippy::disallowed_methods)]

mod changes;
mod charon;
mod filter;
mod links;
mod routes;
mod xfrm;

use crate::report::Report;
use crate::report::diff::{DiffReport, Side};
use crate::report::time::rfc3339;
use crate::snapshot::Snapshot;
use changes::{Changes, NOT_KNOWN};

/// The changes from `a` to `b`, and what the reports say of both.
pub fn report(a: (&Snapshot, &Report), b: (&Snapshot, &Report)) -> DiffReport {
    let mut changes = Changes::default();
    links::compare(a.0, b.0, &mut changes);
    xfrm::compare(a.0, b.0, &mut changes);
    routes::compare(a.0, b.0, &mut changes);
    filter::compare(a.0, b.0, &mut changes);
    charon::compare(a.0, b.0, &mut changes);
    let mut all = changes.all;
    let order = relevance(b.1);
    // What was not read of one state is said last: it is no change of the tunnel.
    all.sort_by_key(|change| {
        (
            change.text.contains(NOT_KNOWN),
            order.iter().position(|source| *source == change.source).unwrap_or(usize::MAX),
        )
    });
    let known = all.iter().position(|change| change.text.contains(NOT_KNOWN)).unwrap_or(all.len());
    all.splice(known..known, changes.counted);
    let not_known_of_either = changes.unknown.iter().map(|source| source.name()).collect();
    let (schema, a, b) = (crate::report::SCHEMA, side(a), side(b));
    DiffReport { schema, a, b, changes: all, not_known_of_either }
}

/// The sources on which the findings of a report stand, the deciding one of the first finding first.
fn relevance(report: &Report) -> Vec<&'static str> {
    let findings = report.interfaces.iter().flat_map(|interface| &interface.findings);
    let sources =
        findings.flat_map(|finding| finding.evidence.iter().map(|evidence| evidence.source));
    let mut order: Vec<&'static str> = Vec::new();
    for source in sources {
        if !order.contains(&source) {
            order.push(source);
        }
    }
    order
}

fn side((snapshot, report): (&Snapshot, &Report)) -> Side {
    let verdicts =
        report.interfaces.iter().filter(|interface| !interface.fallback_device).map(|interface| {
            let finding = interface.findings.first();
            let finding = finding
                .map(|finding| format!(" {} ({})", finding.code, finding.title))
                .unwrap_or_default();
            format!("{} {}{finding}", interface.name, interface.verdict)
        });
    let (taken_at, verdicts) = (rfc3339(snapshot.taken_at_ms), verdicts.collect());
    Side { taken_at, verdict: report.verdict, verdicts }
}
