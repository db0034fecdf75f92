//! The one place that makes text from peers, files and arguments safe to show on a terminal.
//! It changes nothing else: what can be seen stays as it is.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal would act on this character, or hide or reorder others because of it, instead of showing it: C0, DEL and C1,
/// line separators, zero-width characters, and the bidirectional controls of Unicode (UAX #9).
pub fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// Whether a text is of letters that need no escape and take a column each. Nearly all texts are.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
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
    }

    #[test]
    fn what_can_be_seen_stays() {
        assert_eq!(escape("Zürich 東京 C:\\x"), "Zürich 東京 C:\\x");
    }
}
