//! Reports as text for a terminal or a ticket: the plain house style of VyOS, no colour, wrapped at a width.
//! It holds the order of things only; each thing is in its own file.

use super::finding::{self, Extent};
use super::page::Page;
use super::{detail, lookup as way, summary};
use crate::code::Code;
use crate::report::{LookupReport, Report};
use crate::units;
use std::collections::BTreeMap;

/// The width where none is known.
pub const DEFAULT_WIDTH: usize = 80;

/// How many times a cause is shown with evidence and remedies. An operator of a hundred interfaces with one cause needs them once.
const IN_FULL: usize = 3;

/// The report of `show`: the table, the findings, what can be said of all; then everything else with `detail`.
/// Lines are at most `width` columns, except commands, which stay whole.
pub fn report(report: &Report, width: usize, detail: bool) -> String {
    let mut page = Page::new(width);
    summary::table(&mut page, report);
    let interfaces = report.interfaces.iter().map(|i| (i.name.as_str(), i.findings.as_slice()));
    let mut told: BTreeMap<Code, usize> = BTreeMap::new();
    for (subject, findings) in [("host", report.findings.as_slice())].into_iter().chain(interfaces)
    {
        for (n, found) in findings.iter().enumerate() {
            if n == 0 {
                page.blank();
            }
            let extent = if detail {
                Extent::Full
            } else if n > 0 {
                Extent::Short
            } else {
                let times = told.entry(found.code).or_default();
                *times += 1;
                if *times <= IN_FULL { Extent::Full } else { Extent::Short }
            };
            finding::block(&mut page, subject, found, extent);
        }
    }
    let shortened: usize = told.values().map(|times| times.saturating_sub(IN_FULL)).sum();
    if shortened > 0 {
        page.blank();
        let more = units::FINDING.of(shortened);
        page.paragraph(
            0,
            &format!(
                "{more} {} shown without evidence and next steps: the same causes are shown in full before. To see one interface in full:",
                units::IS.word(shortened)
            ),
        );
        page.line(2, "vti-diagnostics show --interface IF");
    }
    summary::closing(&mut page, report);
    report.notes.iter().for_each(|note| page.paragraph(0, note));
    if detail {
        for interface in &report.interfaces {
            page.blank();
            detail::interface(&mut page, interface);
        }
        page.blank();
        detail::sources(&mut page, &report.sources);
    }
    page.finish()
}

/// The answer of `lookup`: the flow, its way, and its fate.
pub fn lookup(report: &LookupReport, width: usize) -> String {
    let mut page = Page::new(width);
    page.paragraph(0, &format!("{}: {}", report.interface, report.flow.flow));
    way::fate(&mut page, 0, &report.flow);
    page.finish()
}
