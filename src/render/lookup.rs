//! One packet's way through the transmit path: numbered steps with what was compared, then its fate.

use super::page::{GAP, Page, columns};
use super::way;
use crate::report::{FlowReport, Step};

/// `finding  VTI-112`.
const LABEL: usize = 7;

/// Writes the steps and the fate of a flow from this column on.
pub(super) fn fate(page: &mut Page, indent: usize, flow: &FlowReport) {
    way::line(page, indent, &flow.way);
    trail(page, indent, &flow.trail);
    page.paragraph(indent, &flow.summary);
    let mut fact = |label: &str, text: &str| page.labelled(indent, (label, LABEL), text);
    let counted = [flow.counters.join(", "), flow.xfrm_statistics.join(", ")];
    let counted: Vec<String> = counted.into_iter().filter(|text| !text.is_empty()).collect();
    if !counted.is_empty() {
        fact("counts", &counted.join("; "));
    }
    if let Some(answer) = &flow.sender {
        fact("sender", &format!("gets {answer}"));
    }
    for question in &flow.open {
        fact("open", question);
    }
    if let Some(code) = flow.finding {
        fact("finding", &format!("{code} (vti-diagnostics explain {code})"));
    }
}

/// The steps in three columns: number and name, what was looked at, the result; candidates that did not fit below.
fn trail(page: &mut Page, indent: usize, steps: &[Step]) {
    let widest = |of: fn(&Step) -> &str| steps.iter().map(|s| columns(of(s))).max().unwrap_or(0);
    let number = steps.len().to_string().len();
    let name = number + 1 + widest(|step| step.name);
    // A result is a word or two; longer ones wrap rather than squeeze what was looked at.
    let result = widest(|step| &step.result).min(page.width() / 4);
    let room = page.room(indent + name + GAP + GAP + result);
    let looked_at = widest(|step| &step.looked_at).min(room);
    for (n, step) in (1..).zip(steps) {
        let numbered = format!("{n:>number$} {}", step.name);
        page.row(
            indent,
            &[(&numbered, name), (&step.looked_at, looked_at), (&step.result, result)],
        );
        for note in &step.notes {
            page.paragraph(indent + name + GAP + 2, note);
        }
    }
}
