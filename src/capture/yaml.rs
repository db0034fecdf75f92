//! A capture as YAML text and back. The text means the same to readers of YAML 1.2 and of YAML 1.1 (PyYAML).
//!
//! Only the layout is written here: the library writes plain what YAML 1.2 takes for a string, and PyYAML reads some of that as a number,
//! a boolean, a time or a date (`no`, `1_000`, `2001:1:2:3:4:5:6:7`). Reading is the library's, that of long lists
//! a part at a time (`lists`).

use super::{Capture, SCHEMA, lists};
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_yaml::Value;
use serde_yaml::value::Serializer as TreeSerializer;
use serde_yaml::with::singleton_map_recursive;
use std::net::Ipv4Addr;

/// The capture as YAML, its lists sorted: two captures of the same state are the same text.
///
/// # Errors
/// None for the types of [`crate::snapshot`]: they are plain data.
pub fn to_yaml(capture: &Capture) -> Result<String> {
    let mut capture = capture.clone();
    capture.snapshots.iter_mut().for_each(crate::snapshot::Snapshot::sort);
    // Enums with data as a map of one key (`other: 9`), not as a tag (`!other 9`) that other programs refuse.
    let tree = singleton_map_recursive::serialize(&capture, TreeSerializer)
        .map_err(|error| Error::DataUnavailable(format!("cannot write the capture: {error}")))?;
    let mut text = String::new();
    node(&mut text, &tree, 0);
    text.push('\n');
    Ok(text)
}

/// The capture that this text is. What it does not have is read as missing, what is not known is left out.
///
/// # Errors
/// `IncorrectValue`, in one sentence: the line, and what was expected there; or that the text is of a later version.
pub fn from_yaml(text: &str) -> Result<Capture> {
    parse(text).map_err(|why| Error::IncorrectValue(format!("cannot read the capture: {why}")))
}

pub(super) fn parse(text: &str) -> std::result::Result<Capture, String> {
    #[derive(Deserialize)]
    struct Head {
        schema: u32,
    }
    affordable(text)?;
    let read = match lists::capture(text) {
        Some(capture) => Ok(capture),
        None => lists::document::<Capture>(text),
    };
    // A later version may have another form altogether: its number is the better reason.
    let schema = match &read {
        Ok(capture) => Some(capture.schema),
        Err(_) => serde_yaml::from_str(text).ok().map(|head: Head| head.schema),
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
    let capture = read.map_err(|error| sentence(&error))?;
    match capture.snapshots.len() {
        1 | 2 => Ok(capture),
        0 => Err("it holds no snapshot".to_string()),
        number => Err(format!("expected one or two snapshots, have {number}")),
    }
}

/// Refuses what the library's scanner takes quadratic time for: lists and maps in brackets within each other (it looks at all that are
/// open at each word), and tags that are declared. A capture as it is written here has neither.
fn affordable(text: &str) -> std::result::Result<(), &'static str> {
    // Some seconds.
    const MOST_STEPS: usize = 1 << 30;
    let empty = text.matches("[]").count() + text.matches("{}").count();
    let brackets = text.matches(['[', '{']).count().saturating_sub(empty);
    if brackets.saturating_mul(text.len()) > MOST_STEPS {
        return Err("it has too many brackets for its size; expected YAML with indentation");
    }
    // All that ends a line in YAML 1.1.
    let mut lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    if lines.any(|line| line.starts_with("%TAG")) {
        return Err("it declares YAML tags, which no capture does");
    }
    Ok(())
}

/// The library's words on one line, cut where the text that they quote is long.
fn sentence(error: &serde_yaml::Error) -> String {
    const MOST: usize = 300;
    let text = error.to_string();
    let mut short: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    match error.location() {
        Some(at) if !short.contains(" line ") => format!("line {}: {short}", at.line()),
        _ => short,
    }
}

/// A value in block style. `depth` is the column of the keys or dashes that it may write.
fn node(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            for (n, (key, value)) in map.iter().enumerate() {
                if n > 0 {
                    new_line(text, depth);
                }
                node(text, key, depth);
                text.push(':');
                match value {
                    Value::Mapping(map) if !map.is_empty() => {
                        new_line(text, depth + 2);
                        node(text, value, depth + 2);
                    }
                    Value::Sequence(list) if !list.is_empty() => {
                        new_line(text, depth);
                        node(text, value, depth);
                    }
                    _ => {
                        text.push(' ');
                        node(text, value, depth);
                    }
                }
            }
        }
        Value::Sequence(list) if !list.is_empty() => {
            for (n, value) in list.iter().enumerate() {
                if n > 0 {
                    new_line(text, depth);
                }
                text.push_str("- ");
                node(text, value, depth + 2);
            }
        }
        Value::Mapping(_) => text.push_str("{}"),
        Value::Sequence(_) => text.push_str("[]"),
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) if is_plain(string) => text.push_str(string),
        Value::String(string) => quote(text, string),
        // Not made by the serializer above.
        Value::Tagged(tagged) => node(text, &tagged.value, depth),
    }
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth));
}

/// Whether a string can stand without quotes: surely a string in both versions of YAML, and nothing that ends or comments it.
fn is_plain(string: &str) -> bool {
    // The words of YAML 1.1 for booleans and null; all its other types begin with a digit or a sign.
    const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let address = string.split_once('/').map_or(string, |(address, _)| address);
    let begins_well = string.starts_with(|c: char| c.is_ascii_alphabetic())
        || address.parse::<Ipv4Addr>().is_ok();
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./ ()".contains(c);
    begins_well
        && string.chars().all(harmless)
        && !string.ends_with(' ')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(string))
}

/// A string in double quotes, everything but printable ASCII escaped.
fn quote(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match (c, u32::from(c)) {
            ('"' | '\\', _) => text.extend(['\\', c]),
            ('\n', _) => text.push_str("\\n"),
            ('\t', _) => text.push_str("\\t"),
            (' '..='~', _) => text.push(c),
            (_, number @ 0..=0xff) => text.push_str(&format!("\\x{number:02x}")),
            (_, number @ 0x100..=0xffff) => text.push_str(&format!("\\u{number:04x}")),
            (_, number) => text.push_str(&format!("\\U{number:08x}")),
        }
    }
    text.push('"');
}
