//! One finding as a block: a line that says it all, then what it means, what shows it, and what to do.

use super::page::{self, GAP, Page, columns};
use super::way;
use crate::code::Severity;
use crate::report::Finding;
use crate::units;

/// Where blocks and their labels stand: `  Seen    text`.
const INDENT: usize = 2;
const LABEL: usize = 6;

/// Codes stand at this column's left even on wide terminals, near the words they belong to.
const READING_WIDTH: usize = 80;

/// So many lines of evidence are on the first screen; the rest is detail.
const MOST_LINES: usize = 5;

/// How much of a finding is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everything, as with `--detail`.
    Whole,
    /// The root cause: of the evidence, what decides.
    Page,
    /// What it is and what it means: the findings after the root cause.
    Short,
}

/// Writes the block. `subject` is the interface, or `host`.
pub(super) fn block(page: &mut Page, subject: &str, finding: &Finding, extent: Extent) {
    let headline = format!("{subject}  {}: {}", severity(finding.severity), finding.title);
    let mark = format!("{}, {}", finding.code, finding.confidence.name());
    let column = page.width().min(READING_WIDTH).saturating_sub(columns(&mark) + GAP);
    let column = column.max(columns(&headline));
    if column + GAP + columns(&mark) <= page.width() {
        page.row(0, &[(&headline, column), (&mark, columns(&mark))]);
    } else {
        page.paragraph(0, &headline);
        page.paragraph(INDENT, &mark);
    }
    page.paragraph(INDENT, &finding.summary);
    if extent == Extent::Short {
        return;
    }
    way::line(page, INDENT, &finding.way);
    let mut seen: Vec<(&str, &str)> =
        finding.evidence.iter().map(|e| (e.fact.as_str(), e.see.as_str())).collect();
    // A command that shows several facts in a row is named once.
    let mut above = "";
    for (_, command) in &mut seen {
        if *command == above {
            *command = "";
        } else if !command.is_empty() {
            above = command;
        }
    }
    let most = if extent == Extent::Page { MOST_LINES } else { usize::MAX };
    let shown = with_commands(page, "Seen", &seen, most);
    if shown < seen.len() {
        let more = units::MORE_FACT.of(seen.len() - shown);
        page.labelled(INDENT, ("", LABEL), &format!("{more} with detail"));
    }
    // Read-only steps come first, and what changes something says so.
    for (label, changes) in [("Next", false), ("Change", true)] {
        let remedies = finding.remedies.iter().filter(|remedy| remedy.changes == changes);
        let rows: Vec<(&str, &str)> = remedies
            .map(|r| (r.action.as_str(), r.command.as_deref().unwrap_or_default()))
            .collect();
        with_commands(page, label, &rows, usize::MAX);
    }
}

/// Texts, and beside each the command that belongs to it, in one column where they fit; a command that does not fit follows on a line
/// of its own and is never wrapped, so that it can be copied. As many as go into `most` lines, but at least one; how many were written.
pub(super) fn with_commands(
    page: &mut Page,
    label: &str,
    rows: &[(&str, &str)],
    most: usize,
) -> usize {
    let start = INDENT + LABEL + GAP;
    let room = page.room(start);
    let widths: Vec<(usize, usize)> =
        rows.iter().map(|(text, command)| (columns(text), columns(command))).collect();
    let fits = |(text, command): &(usize, usize), column: usize| {
        *command > 0 && *text <= column && column + GAP + command <= room
    };
    // The narrowest text column that lets most commands stand beside their text.
    let column = widths
        .iter()
        .map(|(text, _)| *text)
        .min_by_key(|&at| (rows.len() - widths.iter().filter(|row| fits(row, at)).count(), at))
        .unwrap_or(room);
    let mut label = label;
    let mut lines = 0;
    for (written, (row, width)) in rows.iter().zip(&widths).enumerate() {
        let (text, command) = *row;
        let below = usize::from(!command.is_empty() && !text.is_empty());
        lines += if fits(width, column) { 1 } else { page::lines(text, room) + below };
        if lines > most && written > 0 {
            return written;
        }
        if fits(width, column) {
            page.row(INDENT, &[(label, LABEL), (text, column), (command, width.1)]);
        } else if text.is_empty() {
            page.row(INDENT, &[(label, LABEL)]);
            page.line(start, command);
        } else {
            page.labelled(INDENT, (label, LABEL), text);
            if !command.is_empty() {
                page.line(start + INDENT, command);
            }
        }
        label = "";
    }
    rows.len()
}

/// The word for a severity; a fault is seen from afar.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Fault => "FAULT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_too_long_for_the_line_follows_whole() {
        let mut page = Page::new(60);
        let long = "show log vpn ipsec and a good deal more that has to be copied whole";
        with_commands(
            &mut page,
            "Next",
            &[("look", "ping 192.0.2.1"), ("read the log", long)],
            usize::MAX,
        );
        let text = page.finish();
        assert!(text.starts_with("  Next    look  ping 192.0.2.1\n"), "{text}");
        assert!(text.ends_with(&format!("          read the log\n            {long}\n")), "{text}");
    }
}
