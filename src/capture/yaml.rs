//! A capture as YAML text and back. The text means the same to readers of YAML 1.2 and of YAML 1.1 (PyYAML).
//!
//! How the text is laid out is in `crate::yaml`. What is read may come from a stranger: `document` reads it with safe Rust alone, and
//! `limits` bounds it.

use super::document::Document;
use super::limits::{Budget, MAX_SIZE};
use super::{Capture, SCHEMA, bounded};
use crate::error::{Error, Result};
use crate::yaml;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::{Display, Write};

/// Writes the capture as YAML, its lists sorted: two captures of the same state are the same text. A large capture is never in memory as
/// text.
///
/// # Errors
/// `DataUnavailable` where `out` takes no more; else none for the types of [`crate::snapshot`]: they are plain data.
pub fn write(mut capture: Capture, out: &mut dyn Write) -> Result<()> {
    capture.snapshots.iter_mut().for_each(crate::snapshot::Snapshot::sort);
    yaml::write(&capture, out)
        .map_err(|error| Error::DataUnavailable(format!("cannot write the capture: {error}")))
}

/// The capture as YAML, see [`write()`].
///
/// # Errors
/// None for the types of [`crate::snapshot`].
pub fn to_yaml(capture: &Capture) -> Result<String> {
    let mut text = String::new();
    write(capture.clone(), &mut text)?;
    Ok(text)
}

/// The capture that this text is. What it does not have is read as missing, what is not known is left out.
///
/// # Errors
/// `IncorrectValue`, in one sentence: the line, and what was expected there; or that the text is of a later version.
pub fn from_yaml(text: &str) -> Result<Capture> {
    parse(text, MAX_SIZE)
        .map_err(|why| Error::IncorrectValue(format!("cannot read the capture: {why}")))
}

/// The capture that this text is, YAML or JSON; `max_size` is what it may have at most, see [`limits`](super::limits).
pub(super) fn parse(text: &str, max_size: u64) -> std::result::Result<Capture, String> {
    #[derive(Deserialize)]
    struct Head {
        schema: u32,
    }
    let read: std::result::Result<Capture, String> = document(text, max_size);
    // A later version may have another form altogether: its number is the better reason.
    let schema = match &read {
        Ok(capture) => Some(capture.schema),
        Err(_) => document(text, max_size).ok().map(|head: Head| head.schema),
    };
    match schema {
        Some(newer) if newer > SCHEMA => {
            return Err(format!(
                "it is a capture of version {newer}, and this program reads up to {SCHEMA}"
            ));
        }
        Some(0) => return Err("schema: expected 1, have 0".to_string()),
        _ => {}
    }
    let capture = read?;
    match capture.snapshots.len() {
        1 | 2 => Ok(capture),
        0 => Err("it contains no snapshot".to_string()),
        number => Err(format!("expected one or two snapshots, have {number}")),
    }
}

/// A value from a text. JSON has a reader of its own: its escapes of two parts (`\ud83d\ude00`) are no YAML.
fn document<T: DeserializeOwned>(text: &str, max_size: u64) -> std::result::Result<T, String> {
    let said = |budget: Budget, error: &dyn Display| {
        budget.reached().unwrap_or_else(|| sentence(&error.to_string()))
    };
    if text.trim_start().starts_with('{') {
        let budget = Budget::new(text.len(), max_size);
        let mut json = serde_json::Deserializer::from_str(text);
        match bounded::value(&mut json, &budget).and_then(|value| json.end().map(|()| value)) {
            Ok(value) => return Ok(value),
            // A map in brackets, as YAML has it.
            Err(error) if error.is_syntax() && budget.is_left() => {}
            Err(error) => return Err(said(budget, &error)),
        }
    }
    let budget = Budget::new(text.len(), max_size);
    let mut yaml = Document::new(text);
    match bounded::value(&mut yaml, &budget).and_then(|value| yaml.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(said(budget, &error)),
    }
}

/// A reader's words on one line, cut where the text that they quote is long.
fn sentence(error: &str) -> String {
    const MOST: usize = 300;
    let mut short: String =
        error.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    if short.len() < error.len() {
        short.push('…');
    }
    short
}
