//! What differs between two states as text: the changes first, then the verdicts on both.

use super::page::Page;
use crate::report::diff::{DiffReport, Side};

/// Columns of the labels.
const LABEL: usize = 7;

/// The answer of `diff`.
pub fn diff(report: &DiffReport, width: usize) -> String {
    let mut page = Page::new(width);
    if report.changes.is_empty() {
        page.paragraph(0, "Nothing that matters for a tunnel differs.");
    }
    for change in &report.changes {
        page.paragraph(0, &change.text);
    }
    page.blank();
    side(&mut page, "A", &report.a);
    side(&mut page, "B", &report.b);
    page.finish()
}

fn side(page: &mut Page, name: &str, side: &Side) {
    let verdicts =
        if side.verdicts.is_empty() { "no VTI".to_owned() } else { side.verdicts.join("; ") };
    page.labelled(0, (name, LABEL), &verdicts);
}
