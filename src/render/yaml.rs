//! Reports as YAML (1.2): the same keys and values as JSON.
//! Readers of YAML 1.1 (PyYAML) take the time in `taken_at` for a date and the words yes, no, on, off for booleans; they read the JSON.

use crate::error::{Error, Result};
use serde::Serialize;

/// A `Report` or `LookupReport` as YAML.
///
/// # Errors
/// None for the types of [`crate::report`]: they are plain data.
pub fn write(report: &impl Serialize) -> Result<String> {
    serde_yaml::to_string(report).map_err(|error| {
        Error::DataUnavailable(format!("cannot write the report as YAML: {error}"))
    })
}
