//! Captures: one or two snapshots of a host as a file, to be diagnosed anywhere.
//! What is in the snapshots is decided by `collect` and `snapshot`; nothing here diagnoses.

mod address;
mod archive;
mod bounded;
mod document;
mod fault;
mod file;
mod filter_names;
mod forms;
mod known;
mod limits;
mod names;
mod order;
mod pages;
pub mod pasted;
mod redact;
mod scalar;
mod texts;
mod yaml;

pub use archive::{load_archive, texts_of_archive};
pub use file::{load, load_within};
pub use limits::MAX_SIZE;
pub use pasted::{load_text, load_texts};
pub use redact::{redact, redact_beside, redact_with};
pub use yaml::{from_yaml, to_yaml, write};

use crate::snapshot::Snapshot;
use serde::{Deserialize, Serialize};

/// The version of the file's form. Added fields do not raise it; a file of a later version is rejected.
pub const SCHEMA: u32 = 1;

/// The content of a capture file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// [`SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// The version of the program that wrote it.
    #[serde(default)]
    pub tool_version: String,
    /// Addresses and names were replaced, see [`redact()`].
    #[serde(default)]
    pub redacted: bool,
    /// One, or two of the same host, the earlier first.
    pub snapshots: Vec<Snapshot>,
}
