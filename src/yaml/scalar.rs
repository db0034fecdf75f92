//! Which strings can stand without quotes, and those that cannot, in quotes. It knows no place in a document.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

/// Whether a string can stand without quotes: surely a string in both versions of YAML, and nothing that ends or comments it.
pub(super) fn is_plain(string: &str) -> bool {
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
pub(super) fn quote(out: &mut dyn Write, string: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in string.chars() {
        match (c, u32::from(c)) {
            ('"' | '\\', _) => write!(out, "\\{c}"),
            ('\n', _) => out.write_str("\\n"),
            ('\t', _) => out.write_str("\\t"),
            (' '..='~', _) => out.write_char(c),
            (_, number @ 0..=0xff) => write!(out, "\\x{number:02x}"),
            (_, number @ 0x100..=0xffff) => write!(out, "\\u{number:04x}"),
            (_, number) => write!(out, "\\U{number:08x}"),
        }?;
    }
    out.write_char('"')
}
