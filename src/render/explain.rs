//! The catalogue of findings as text: one entry in full, or the list of all.

use super::finding::severity;
use super::page::{Page, columns};
use super::table;
use crate::code::{Code, Stage};

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
        entry.code.title(),
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

/// All entries, one line each, in the order given, below where packets are lost.
pub fn list<'a>(entries: impl Iterator<Item = Entry<'a>>, width: usize) -> String {
    let entries: Vec<Entry<'a>> = entries.collect();
    let mut page = Page::new(width);
    for (heading, stages) in GROUPS {
        let members = entries.iter().filter(|e| stages.contains(&e.code.info().stage));
        let rows: Vec<[String; 3]> = members
            .map(|e| [e.code.to_string(), e.severity_word(), e.code.title().to_string()])
            .collect();
        if rows.is_empty() {
            continue;
        }
        page.blank();
        page.paragraph(0, heading);
        table::rows(&mut page, 2, &rows);
    }
    page.blank();
    page.paragraph(
        0,
        "vti-diagnostics explain CODE explains one: what happens, why, how to confirm, what to do.",
    );
    page.finish()
}

/// Where packets are lost, in the order of their way; then what is no place on it.
const GROUPS: [(&str, &[Stage]); 10] = [
    ("On the way to the interface", &[Stage::Enters, Stage::Rules, Stage::Filter, Stage::Nat]),
    ("At the policy", &[Stage::Policy]),
    ("At the SA", &[Stage::Sa]),
    ("At the outer route, and at the checks of the interface", &[Stage::OuterRoute, Stage::Device]),
    ("At the size of the packet, and at the encryption", &[Stage::Mtu, Stage::Encryption]),
    ("After the encryption", &[Stage::Queue, Stage::Beyond, Stage::Ends]),
    ("On arrival", &[Stage::Receive]),
    ("No SA: IKE and its configuration", &[Stage::Control]),
    ("Host and configuration", &[Stage::Host, Stage::Namespace]),
    ("Losses in the past, and losses without a known cause", &[Stage::Past, Stage::Residue]),
];

impl Entry<'_> {
    fn severity_word(&self) -> String {
        severity(self.code.info().severity).to_lowercase()
    }
}
