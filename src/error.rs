//! The errors that end a run: one sentence for the operator, in the classes that VyOS's op-mode names.
//! A source that cannot be read is not one of them: it becomes a `Missing` in the report.

use thiserror::Error;

/// Why no report can be made. Each message is one sentence: what was to be done, and what stood against it.
#[derive(Debug, Error)]
pub enum Error {
    /// The named object does not exist on this system (VyOS: UnconfiguredObject).
    #[error("{0}")]
    UnconfiguredObject(String),
    /// What was asked for cannot be read at all (VyOS: DataUnavailable).
    #[error("{0}")]
    DataUnavailable(String),
    /// The system forbids it (VyOS: PermissionDenied).
    #[error("{0}")]
    PermissionDenied(String),
    /// An argument or an input file is not what it must be (VyOS: IncorrectValue).
    #[error("{0}")]
    IncorrectValue(String),
    /// An input is larger than this program accepts (VyOS: InsufficientResources).
    #[error("{0}")]
    InsufficientResources(String),
    /// The output could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where to.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A result whose error ends the run.
pub type Result<T> = std::result::Result<T, Error>;
