//! The errors that end a run: one sentence for the operator, in the classes of VyOS's op-mode.
//! A source that cannot be read is not one of them: it becomes a `Missing` in the report.

use thiserror::Error;

/// Why no report can be made. Each message is one sentence: what failed, and why.
#[derive(Debug, Error)]
pub enum Error {
    /// The named object does not exist on this system (VyOS: UnconfiguredObject).
    #[error("{0}")]
    UnconfiguredObject(String),
    /// The requested data cannot be read at all (VyOS: DataUnavailable).
    #[error("{0}")]
    DataUnavailable(String),
    /// The system denies it (VyOS: PermissionDenied).
    #[error("{0}")]
    PermissionDenied(String),
    /// An argument or an input file is invalid (VyOS: IncorrectValue).
    #[error("{0}")]
    IncorrectValue(String),
    /// An input is larger than this program accepts (VyOS: InsufficientResources).
    #[error("{0}")]
    InsufficientResources(String),
    /// The output could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or stream.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
}

/// A result whose error ends the run.
pub type Result<T> = std::result::Result<T, Error>;
