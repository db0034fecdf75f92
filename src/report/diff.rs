//! What differs between two states of a host, as data.

use serde::Serialize;

/// The answer of `diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffReport {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The first state.
    pub a: Side,
    /// The second state.
    pub b: Side,
    /// What differs, what matters most first.
    pub changes: Vec<Change>,
}

/// One of the two states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// RFC 3339, UTC; none where the input has no time.
    pub taken_at: Option<String>,
    /// Each interface with its verdict and its first finding.
    pub verdicts: Vec<String>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The source that shows it, by its name in reports.
    pub source: &'static str,
    /// The interface that it is about, where it is about one.
    pub interface: Option<String>,
    /// What it is now, and what it was.
    pub text: String,
}
