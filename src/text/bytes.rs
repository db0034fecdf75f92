//! From the bytes of a file to text: editors of Windows save UTF-16, terminals save colours, forums make blanks that are none. Nothing is refused
//! here: what is no text becomes replacement characters, and is then not recognised.

use super::prefixes;

/// The text of a file.
pub fn text_of(bytes: &[u8]) -> String {
    let units = |of: fn([u8; 2]) -> u16, rest: &[u8]| -> String {
        let units: Vec<u16> =
            rest.chunks_exact(2).filter_map(|pair| Some(of(pair.try_into().ok()?))).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    let plain = without_control(&text);
    prefixes::without(&prefixes::decoded(&plain)).into_owned()
}

/// The text without escape sequences (ECMA-48: `ESC [ … letter`, `ESC ] … BEL`) and other control characters, with plain blanks.
fn without_control(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => match rest.next() {
                Some('[') => {
                    // Parameters are below the final byte.
                    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                    rest.next_if(|c| matches!(c, '@'..='~'));
                }
                Some(']') => {
                    while rest.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {}
                    rest.next_if(|c| *c == '\u{7}');
                }
                _ => {}
            },
            // `ls` of a pager: a character, a backspace, the character again.
            '\u{8}' => drop(plain.pop()),
            '\n' | '\t' => plain.push(character),
            // A carriage return alone ends a line on old systems, too.
            '\r' => {
                if rest.peek() != Some(&'\n') {
                    plain.push('\n');
                }
            }
            '\u{a0}' | '\u{2007}' | '\u{202f}' => plain.push(' '),
            '\u{200b}' | '\u{2060}' => {}
            other if other.is_control() => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_and_terminals_save_is_text() {
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "a é\r\n".encode_utf16().flat_map(bytes).collect()
        };
        assert_eq!(text_of(&[&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat()), "a é\n");
        assert_eq!(text_of(&[&[0xfe, 0xff][..], &utf16(u16::to_be_bytes)].concat()), "a é\n");
        assert_eq!(text_of(b"\x1b[1;31mvti1\x1b[0m:\x1b]0;title\x07 up\r\n"), "vti1: up\n");
        assert_eq!(text_of("a\u{a0}b\u{200b}c\rd\0".as_bytes()), "a bc\nd");
        assert_eq!(text_of(b"x\xff\x1b[\x1b[3"), "x\u{fffd}");
        assert_eq!(text_of(b"ab\x08b"), "ab");
    }
}
