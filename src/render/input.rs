//! What was recognised in the texts that were given, before everything else: the reader must know what the report stands on.

use super::page::Page;
use crate::report::input::{Input, Unread};
use crate::units;

/// Columns of the labels.
const LABEL: usize = 10;

/// More passages are only counted.
const MOST_UNREAD: usize = 6;

/// The block of the texts.
pub(super) fn block(page: &mut Page, input: &Input) {
    let one_file = input
        .parts
        .iter()
        .all(|part| Some(&part.input) == input.parts.first().map(|first| &first.input));
    let place = |name: &str, first: usize, last: usize| {
        let lines =
            if first == last { format!("line {first}") } else { format!("lines {first}-{last}") };
        if one_file { lines } else { format!("{name} {lines}") }
    };
    let samples = if input.samples > 1 { ", two samples" } else { "" };
    for (n, part) in input.parts.iter().enumerate() {
        let samples = if n == 0 { samples } else { "" };
        let entries = units::ENTRY.of(part.entries);
        let text = format!(
            "{}: {entries}, {}{samples}",
            part.what,
            place(&part.input, part.first_line, part.last_line)
        );
        page.labelled(0, (if n == 0 { "Read" } else { "" }, LABEL), &text);
    }
    let (shown, rest) = input.unread.split_at(input.unread.len().min(MOST_UNREAD));
    for (n, Unread { input, first_line, last_line, why }) in shown.iter().enumerate() {
        let text = format!("{}: {why}", place(input, *first_line, *last_line));
        page.labelled(0, (if n == 0 { "Not read" } else { "" }, LABEL), &text);
    }
    if !rest.is_empty() {
        let lines: usize = rest.iter().map(|unread| unread.last_line - unread.first_line + 1).sum();
        page.labelled(0, ("", LABEL), &format!("and {} more", units::LINE.of(lines)));
    }
    if !input.assumed.is_empty() {
        page.labelled(0, ("Assumed", LABEL), &format!("{}.", input.assumed.join("; ")));
    }
    if let Some(next) = &input.next {
        page.labelled(0, ("Paste too", LABEL), next);
    }
    page.blank();
}
