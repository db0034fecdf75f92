//! Reports as text for a terminal or a ticket: the plain house style of VyOS, no colour, wrapped at a width.
//! It holds the order of things only; each thing is in its own file.

use super::finding::{self, Extent};
use super::page::Page;
use super::{detail, lookup as way, summary};
use crate::report::{LookupReport, Report};

/// The width where none is known.
pub const DEFAULT_WIDTH: usize = 80;

/// The report of `show`: the table, the findings, what can be said of all; then everything else with `detail`.
/// Lines are at most `width` columns, except commands, which stay whole.
pub fn report(report: &Report, width: usize, detail: bool) -> String {
    let mut page = Page::new(width);
    summary::table(&mut page, report);
    let interfaces = report.interfaces.iter().map(|i| (i.name.as_str(), i.findings.as_slice()));
    for (subject, findings) in [("host", report.findings.as_slice())].into_iter().chain(interfaces)
    {
        for (n, found) in findings.iter().enumerate() {
            if n == 0 {
                page.blank();
            }
            let extent = if n == 0 || detail { Extent::Full } else { Extent::Short };
            finding::block(&mut page, subject, found, extent);
        }
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
