//! A tree as YAML text, for captures and reports: block style, the same for readers of YAML 1.2 and of YAML 1.1 (PyYAML).
//!
//! serde_yaml writes plain what YAML 1.2 takes for a string, and PyYAML reads some of that as a number, a boolean, a time or a date (`no`,
//! `1_000`, `2001:1:2:3:4:5:6:7`). It also leaves characters as they are that cannot be seen, or that a terminal acts on; here all but
//! printable ASCII is escaped, and reads back as it was.

#![deny(clippy::disallowed_methods)]

use serde_yaml::Value;
use std::net::Ipv4Addr;

/// The tree as a document, with a line end.
pub fn text(tree: &Value) -> String {
    let mut text = String::new();
    node(&mut text, tree, 0);
    text.push('\n');
    text
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
