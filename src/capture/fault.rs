//! Why a document cannot be read: the line, the keys that lead to the place, and the reason, in one sentence.

use granit_parser::ScanError;
use serde::de::Error;
use std::fmt;

/// Why a text cannot be read, and where.
#[derive(Debug)]
pub(super) struct Fault(Box<Place>);

#[derive(Debug)]
struct Place {
    line: Option<usize>,
    /// Keys and indices, the innermost first.
    path: Vec<String>,
    why: String,
}

impl Fault {
    /// With its line, if it has none yet.
    pub fn at(mut self, line: usize) -> Self {
        self.0.line.get_or_insert(line);
        self
    }

    /// With a key or an index around those that it has.
    pub fn under(mut self, step: String) -> Self {
        self.0.path.push(step);
        self
    }
}

impl fmt::Display for Fault {
    /// `line 7: snapshots[0].links: why`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.0.line {
            write!(f, "line {line}: ")?;
        }
        for (n, step) in self.0.path.iter().rev().enumerate() {
            let dot = if n == 0 || step.starts_with('[') { "" } else { "." };
            write!(f, "{dot}{step}")?;
        }
        if !self.0.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.0.why)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(Box::new(Place { line: None, path: Vec::new(), why: why.to_string() }))
    }
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        Self::custom(error.info()).at(error.marker().line())
    }
}
