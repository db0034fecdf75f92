//! The catalogue of findings as text: one entry in full, or the list of all.

use super::finding::{severity, words};
use super::page::{Page, columns};
use super::table;
use crate::code::Code;

/// One diagnosis, as much of it as is shown here.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its code.
    pub code: Code,
    /// Paragraphs, separated by empty lines; lines that begin with a space (commands) stay as they are.
    pub explain: &'a str,
}

/// Code, name, usual severity, and the explanation.
pub fn entry(entry: &Entry<'_>, width: usize) -> String {
    let mut page = Page::new(width);
    let code = entry.code.to_string();
    let name = format!(
        "{} ({}), usually a {}",
        words(entry.code.name()),
        entry.code.name(),
        entry.severity_word()
    );
    page.labelled(0, (&code, columns(&code)), &name);
    page.blank();
    let mut paragraph = String::new();
    for line in entry.explain.lines() {
        if line.trim().is_empty() || line.starts_with(' ') {
            flush(&mut page, &mut paragraph);
            if line.trim().is_empty() { page.blank() } else { page.line(0, line) }
        } else {
            paragraph.push_str(line);
            paragraph.push(' ');
        }
    }
    flush(&mut page, &mut paragraph);
    page.finish()
}

fn flush(page: &mut Page, paragraph: &mut String) {
    if !paragraph.is_empty() {
        page.paragraph(0, paragraph);
        paragraph.clear();
    }
}

/// All entries, one line each, in the order given.
pub fn list<'a>(entries: impl Iterator<Item = Entry<'a>>, width: usize) -> String {
    let rows: Vec<[String; 3]> = entries
        .map(|e| [e.code.to_string(), e.severity_word(), e.code.name().to_string()])
        .collect();
    let mut page = Page::new(width);
    table::simple(&mut page, 0, ["Code", "Usually", "Name"], &rows);
    page.finish()
}

impl Entry<'_> {
    fn severity_word(&self) -> String {
        severity(self.code.info().severity).to_lowercase()
    }
}
