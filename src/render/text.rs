//! Reports as text for a terminal or a ticket: the plain house style of VyOS, no colour, wrapped at a width.
//! It holds the order of things only; each thing is in its own file.

use super::finding::{self, Extent};
use super::page::Page;
use super::{detail, ends, input, lookup as way, summary};
use crate::report::{LookupReport, Report, Stretch};
use crate::units;

/// The width where none is known.
pub const DEFAULT_WIDTH: usize = 80;

/// How much of a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The first screen: what is wrong, and of many VTIs that are well only how many they are.
    Page,
    /// The same, with every VTI in the table.
    All,
    /// Everything.
    Detail,
}

/// The report of `show`: the table, the findings, what can be said of all; then everything else in detail.
/// Lines are at most `width` columns, except commands, which stay whole.
pub fn report(report: &Report, width: usize, shown: Shown) -> String {
    let detail = shown == Shown::Detail;
    let mut page = Page::new(width);
    if let Some(given) = &report.input {
        input::block(&mut page, given);
    }
    summary::table(&mut page, report, shown == Shown::Page);
    let interfaces =
        report.interfaces.iter().map(|i| (i.name.as_str(), i.findings.as_slice(), Some(i)));
    let mut shortened = 0;
    let host = [("host", report.findings.as_slice(), None)];
    for (subject, findings, interface) in host.into_iter().chain(interfaces) {
        for (n, found) in findings.iter().enumerate() {
            if n == 0 {
                page.blank();
            }
            let is_root = n == 0 || detail;
            let extent = match is_root && !found.is_brief {
                true if detail => Extent::Whole,
                true => Extent::Page,
                false => Extent::Short,
            };
            shortened += usize::from(is_root && found.is_brief);
            finding::block(&mut page, subject, found, extent);
        }
        if let Some((interface, both)) = interface.and_then(|i| Some((i, i.ends.as_ref()?))) {
            ends::block(&mut page, &report.host.hostname, interface, both);
        }
    }
    ends::unjoined(&mut page, &report.interfaces);
    if shortened > 0 {
        page.blank();
        let more = units::FINDING.of(shortened);
        page.paragraph(
            0,
            &format!(
                "{more} {} shown without evidence and next steps: the same causes are shown in full above. To see one interface in full:",
                units::IS.word(shortened)
            ),
        );
        page.line(2, "vti-diagnostics show --interface IF");
    }
    summary::closing(&mut page, report);
    report.notes.iter().for_each(|note| page.paragraph(0, note));
    if detail {
        for interface in report.interfaces.iter().filter(|i| !i.fallback_device) {
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
    for stretch in &report.beyond {
        page.blank();
        let host = match stretch.hostname.as_str() {
            "" => String::new(),
            name => format!(" of {name}"),
        };
        let Stretch { interface, what, flow, .. } = stretch;
        page.paragraph(0, &format!("{what}, {interface}{host}: {}", flow.flow));
        way::fate(&mut page, 0, flow);
    }
    page.finish()
}
