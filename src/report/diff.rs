//! What differs between two states of a host, as data.

use super::Verdict;
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
    /// Sources that were read of neither state, by their names in reports: whether they differ is not known.
    pub not_known_of_either: Vec<&'static str>,
}

/// One of the two states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// RFC 3339, UTC; none where the input has no time.
    pub taken_at: Option<String>,
    /// The verdict on the whole state.
    pub verdict: Verdict,
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
