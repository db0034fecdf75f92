//! How far packets get, as one line: `route ok > policy ok > SA none matches > outer route - > encryption -`. It is the model's answer, and
//! nothing here judges it.

use super::page::Page;
use crate::report::Reached;

/// Writes the line; nothing where there are no stages.
pub(super) fn line(page: &mut Page, indent: usize, way: &[Reached]) {
    if way.is_empty() {
        return;
    }
    let stages = way.iter().map(|reached| format!("{} {}", reached.stage, reached.result));
    page.paragraph(indent, &stages.collect::<Vec<_>>().join(" > "));
}
