//! One finding as a block: a line that says it all, then what it means, what shows it, and what to do.

use super::page::{GAP, Page, columns};
use crate::code::Severity;
use crate::report::{Confidence, Finding};

/// Where blocks and their labels stand: `  Seen   text`.
const INDENT: usize = 2;
const LABEL: usize = 5;

/// Codes stand at this column's left even on wide terminals, near the words they belong to.
const READING_WIDTH: usize = 80;

/// How much of a finding is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everything: the root cause, or each finding with `--detail`.
    Full,
    /// What it is and what it means: the findings after the root cause.
    Short,
}

/// Writes the block. `subject` is the interface, or `host`.
pub(super) fn block(page: &mut Page, subject: &str, finding: &Finding, extent: Extent) {
    let headline = format!("{subject}  {}: {}", severity(finding.severity), words(finding.name));
    let mark = format!("{}, {}", finding.code, confidence(finding.confidence));
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
    with_commands(page, "Seen", &seen);
    let next: Vec<(&str, &str)> = finding
        .remedies
        .iter()
        .map(|r| (r.action.as_str(), r.command.as_deref().unwrap_or_default()))
        .collect();
    with_commands(page, "Next", &next);
}

/// Texts, and beside each the command that belongs to it, in one column where they fit; a command that does not fit follows on a line
/// of its own and is never wrapped, so that it can be copied.
pub(super) fn with_commands(page: &mut Page, label: &str, rows: &[(&str, &str)]) {
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
    for (row, width) in rows.iter().zip(&widths) {
        let (text, command) = *row;
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
}

/// The word for a severity; a fault is seen from afar.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Fault => "FAULT",
    }
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Possible => "possible",
        Confidence::Consistent => "consistent",
        Confidence::Proven => "proven",
    }
}

/// A finding's name as words: `no-route-to-peer` is `no route to peer`.
pub(super) fn words(name: &str) -> String {
    let word = |word| match word {
        "ike" => "IKE",
        "ip" => "IP",
        "ipv6" => "IPv6",
        "mtu" => "MTU",
        "sa" => "SA",
        "vrf" => "VRF",
        other => other,
    };
    name.split('-').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        assert_eq!(words("no-security-association"), "no security association");
        assert_eq!(words("ike-not-established"), "IKE not established");
        assert_eq!(words("peer-in-another-vrf"), "peer in another VRF");
    }

    #[test]
    fn a_command_too_long_for_the_line_follows_whole() {
        let mut page = Page::new(60);
        let long = "show log vpn ipsec and a good deal more that has to be copied whole";
        with_commands(&mut page, "Next", &[("look", "ping 192.0.2.1"), ("read the log", long)]);
        let text = page.finish();
        assert!(text.starts_with("  Next   look  ping 192.0.2.1\n"), "{text}");
        assert!(text.ends_with(&format!("         read the log\n           {long}\n")), "{text}");
    }
}
