//! The text of a plugin: `VTI CRITICAL - … | performance data`, and a line a VTI that is not ok. A `|` begins performance data in every line, so no
//! other one is written.

use super::status::Status;
use crate::render::escape::escape;
use crate::render::summary::not_read;
use crate::report::{Finding, InterfaceReport, Report, Verdict};
use crate::units;

/// More VTIs than these are counted, not listed: Nagios takes 4 KiB of a plugin's output, NRPE's older form 1 KiB.
const MOST: usize = 16;

/// Everything.
pub(super) fn text(
    status: Status,
    report: &Report,
    vtis: &[&InterfaceReport],
    data: &str,
) -> String {
    let mut text = first(status, &summary(status, report, vtis));
    if !data.is_empty() {
        text += &format!(" | {data}");
    }
    text.push('\n');
    let mut bad: Vec<&&InterfaceReport> =
        vtis.iter().filter(|vti| vti.verdict > Verdict::Notice).collect();
    // Stable: among equals in the order of their names.
    bad.sort_by_key(|vti| std::cmp::Reverse(vti.verdict));
    for vti in bad.iter().take(MOST) {
        text += &plain(&format!("{}: {}", vti.name, judged(vti)));
        text.push('\n');
        if let Some(next) = vti.findings.first().and_then(next) {
            text += &plain(&format!("{}: {next}", vti.name));
            text.push('\n');
        }
    }
    if let Some(more) = bad.len().checked_sub(MOST).filter(|more| *more > 0) {
        text += &format!("{}\n", units::MORE_INTERFACE.of(more));
    }
    text
}

/// The line without performance data and without a line end.
pub(super) fn first(status: Status, summary: &str) -> String {
    format!("VTI {} - {}", status.name(), plain(summary))
}

fn summary(status: Status, report: &Report, vtis: &[&InterfaceReport]) -> String {
    let all = units::VTI.of(vtis.len());
    let of = |verdict, what: &str| {
        let mut of = vtis.iter().filter(|vti| vti.verdict == verdict);
        let first = of.next()?;
        let cause = first.findings.first().map_or_else(String::new, brief);
        Some(format!("{} of {all} {what}: {}{cause}", 1 + of.count(), first.name))
    };
    let found = match status {
        Status::Critical | Status::Warning => {
            of(Verdict::Fault, "at fault").or_else(|| of(Verdict::Warning, "with a warning"))
        }
        Status::Unknown => Some(unread(report, vtis)),
        Status::Ok => None,
    };
    found.unwrap_or_else(|| match vtis {
        [vti] => format!("no fault found in {}", vti.name),
        _ => format!("no fault found in {all}"),
    })
}

/// What keeps the verdict open.
fn unread(report: &Report, vtis: &[&InterfaceReport]) -> String {
    let open = vtis.iter().find(|vti| vti.verdict == Verdict::Unknown);
    let note = || report.notes.first().cloned();
    match open {
        Some(vti) => format!("{}: {}", vti.name, not_read(&vti.undetermined)),
        None if vtis.is_empty() => {
            note().unwrap_or_else(|| "nothing was checked: there is no VTI".to_owned())
        }
        None => note().unwrap_or_else(|| "some of the state could not be read".to_owned()),
    }
}

/// ` no SA (VTI-111, proven)`.
fn brief(finding: &Finding) -> String {
    format!(", {} ({}, {})", finding.title, finding.code, finding.confidence.name())
}

/// The line of a VTI.
fn judged(vti: &InterfaceReport) -> String {
    match vti.findings.first() {
        Some(finding) if Verdict::from(finding.severity) == vti.verdict => format!(
            "{}, {}, {}: {}",
            vti.verdict,
            finding.code,
            finding.confidence.name(),
            finding.summary
        ),
        _ => format!("{}: {}", vti.verdict, not_read(&vti.undetermined)),
    }
}

/// The first command that is safe to be copied from here.
fn next(finding: &Finding) -> Option<String> {
    let mut remedies = finding.remedies.iter();
    remedies.find_map(|remedy| {
        let command = remedy.command.as_ref().filter(|command| !command.contains('|'))?;
        Some(format!("{}: {command}", remedy.action))
    })
}

/// Without what acts on a terminal, and without the character that begins performance data.
fn plain(text: &str) -> String {
    escape(text).replace('|', "\\x7c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_performance_data_or_another_line() {
        assert_eq!(plain("a|b\nc\x1b"), "a\\x7cb\\nc\\x1b");
        assert_eq!(first(Status::Unknown, "x|y"), "VTI UNKNOWN - x\\x7cy");
    }
}
