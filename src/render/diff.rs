//! What differs between two states as text: the changes first, then the verdicts on both.

use super::page::Page;
use crate::report::Verdict;
use crate::report::diff::{DiffReport, Side};

/// Columns of the labels.
const LABEL: usize = 7;

/// The answer of `diff`.
pub fn diff(report: &DiffReport, width: usize) -> String {
    let mut page = Page::new(width);
    let unknown = &report.not_known_of_either;
    if report.changes.is_empty() {
        page.paragraph(
            0,
            match unknown.is_empty() {
                true => "Nothing that matters for a tunnel differs.",
                false => "Nothing differs in what was read of both.",
            },
        );
    }
    for change in &report.changes {
        page.paragraph(0, &change.text);
    }
    if !unknown.is_empty() {
        page.paragraph(0, &format!("Not known of either: {}.", unknown.join(", ")));
    }
    page.blank();
    side(&mut page, "A", &report.a);
    side(&mut page, "B", &report.b);
    page.finish()
}

fn side(page: &mut Page, name: &str, side: &Side) {
    let verdicts = match (side.verdicts.as_slice(), side.verdict) {
        ([], Verdict::Unknown) => "unknown".to_owned(),
        ([], _) => "no VTI".to_owned(),
        (verdicts, _) => verdicts.join("; "),
    };
    page.labelled(0, (name, LABEL), &verdicts);
}
