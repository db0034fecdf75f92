//! Reports as YAML: the same keys and values as JSON, and the same to readers of YAML 1.2 and of YAML 1.1.

use crate::error::{Error, Result};
use crate::yaml;
use serde::Serialize;

/// A `Report` or `LookupReport` as YAML.
///
/// # Errors
/// None for the types of [`crate::report`]: they are plain data.
pub fn write(report: &impl Serialize) -> Result<String> {
    yaml::text(report).map_err(|error| {
        Error::DataUnavailable(format!("cannot write the report as YAML: {error}"))
    })
}
