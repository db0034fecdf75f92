//! The one place that makes text from peers, files and arguments safe to show on a terminal.
//! It changes nothing else: what can be seen stays as it is.

use super::invisible::is_invisible;
use std::borrow::Cow;
use std::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// Whether a terminal would act on this character, or hide or reorder others because of it, or show nothing, instead of showing it.
pub fn is_active(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_control() } else { is_invisible(c) }
}

/// Whether a text is of letters that need no escape and take a column each. Nearly all texts are.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The columns that an escaped text takes on a terminal, character by character, as terminals count (`wcwidth()`): wide scripts and
/// emoji take two, combining characters none.
pub fn columns(escaped: &str) -> usize {
    if is_plain(escaped) { escaped.len() } else { escaped.chars().map(columns_of).sum() }
}

/// The columns of a character that is not active.
pub(super) fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The text with blanks behind it, up to so many columns.
pub(super) fn padded(text: &str, width: usize) -> String {
    let safe = escaped(text);
    let blanks = width.saturating_sub(columns(&safe));
    format!("{safe}{}", " ".repeat(blanks))
}

/// As [`escape`], but a text that needs no escape is not copied.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(escape(text)) }
}

/// The text with each such character written out: `\n`, `\r`, `\t`, `\x1b`, `\u{202e}`.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            // Writing to a String cannot fail.
            _ if is_active(c) && c.is_ascii() => drop(write!(safe, "\\x{:02x}", c as u32)),
            _ if is_active(c) => drop(write!(safe, "\\u{{{:x}}}", c as u32)),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        assert_eq!(escape("a\x1b[2Jb\x07\x7f"), "a\\x1b[2Jb\\x07\\x7f");
        assert_eq!(escape("one\ntwo\r\tthree"), "one\\ntwo\\r\\tthree");
        assert_eq!(escape("csi \u{9b}31m"), "csi \\u{9b}31m");
        assert_eq!(escape("\u{202e}evil\u{2066}"), "\\u{202e}evil\\u{2066}");
        assert_eq!(escape("zero\u{200b}width\u{feff}"), "zero\\u{200b}width\\u{feff}");
        assert_eq!(escape("\u{3164}\u{e0041}\u{a0}"), "\\u{3164}\\u{e0041}\\u{a0}");
    }

    #[test]
    fn columns_are_those_of_a_terminal() {
        for (text, expected) in
            [("vti0", 4), ("Zürich", 6), ("東京", 4), ("u\u{308}", 1), ("🙂", 2), ("ｶ", 1), ("", 0)]
        {
            assert_eq!(columns(text), expected, "{text}");
        }
        assert_eq!(padded("東京", 6), "東京  ");
        assert_eq!(padded("東京", 3), "東京");
    }

    #[test]
    fn what_can_be_seen_stays() {
        assert_eq!(escape("Zürich 東京 C:\\x"), "Zürich 東京 C:\\x");
    }
}
