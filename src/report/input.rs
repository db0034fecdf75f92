//! What was recognised in texts that were given, and what was not. It shows no line of them: a text may have secrets.

use serde::Serialize;

/// What was made of the texts of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Moments that the texts show: 1 or 2.
    pub samples: usize,
    /// What was recognised, in the order of the texts.
    pub parts: Vec<Part>,
    /// The lines that were not.
    pub unread: Vec<Unread>,
    /// What was assumed, because it is not in the texts.
    pub assumed: Vec<String>,
    /// The command whose output would help most next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The file, or standard input.
    pub input: String,
    /// Its first line, from 1.
    pub first_line: usize,
    /// Its last line.
    pub last_line: usize,
    /// What it is: the command that prints it, or the file.
    pub what: &'static str,
    /// How many things are in it.
    pub entries: usize,
}

/// Lines that are not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The file, or standard input.
    pub input: String,
    /// The first line, from 1.
    pub first_line: usize,
    /// The last line.
    pub last_line: usize,
    /// Why not.
    pub why: &'static str,
}

impl Input {
    /// Adds a part; one that goes on with the last is one with it.
    pub fn add(&mut self, part: Part) {
        match self.parts.last_mut() {
            Some(last) if last.input == part.input && last.what == part.what => {
                last.last_line = part.last_line;
                last.entries += part.entries;
            }
            _ => self.parts.push(part),
        }
    }
}
