//! Stub: the interface of captures.
#![expect(missing_docs, reason = "stub")]

use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub const SCHEMA: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Capture {
    pub schema: u32,
    pub tool_version: String,
    pub redacted: bool,
    pub snapshots: Vec<Snapshot>,
}

pub fn load(path: &Path) -> Result<Capture> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::DataUnavailable(format!("cannot read {}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    serde_yaml::from_str(&text).map_err(|error| failed(&error))
}

pub use crate::pasted::load_text;

pub fn to_yaml(capture: &Capture) -> String {
    serde_yaml::to_string(capture).unwrap_or_default()
}

pub fn redact(capture: &Capture) -> Capture {
    capture.clone()
}
