//! Which characters cannot be seen, as a table. What is done with them is decided in `escape`.

/// Characters that a terminal acts on, that hide or reorder others, or that leave nothing but a blank: first and last of each range. From
/// the Unicode Character Database, version 16.0.0: Default_Ignorable_Code_Point (DerivedCoreProperties.txt; soft hyphen, combining
/// grapheme joiner, Hangul fillers, variation selectors, tags, zero-width and reserved ones), Bidi_Control and White_Space
/// (PropList.txt; without U+0020), general categories Cc and Cf (DerivedGeneralCategory.txt; also the interlinear annotations
/// U+FFF9 to U+FFFB), and the two symbols without ink, U+2800 and U+1D159.
const INVISIBLE: &[(u32, u32)] = &[
    (0x0000, 0x001F),
    (0x007F, 0x00A0),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
];

/// Whether the table has this character.
pub(super) fn is_invisible(c: char) -> bool {
    let number = u32::from(c);
    // The first range that does not end before it.
    let at = INVISIBLE.partition_point(|(_, last)| *last < number);
    INVISIBLE.get(at).is_some_and(|(first, _)| *first <= number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn the_table_is_that_of_unicode() {
        let table = r"[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{White_Space}\p{Cc}\p{Cf}\u{2800}\u{1D159}--\x20]";
        let expected = Regex::new(table).unwrap();
        for c in char::MIN..=char::MAX {
            let text = c.encode_utf8(&mut [0; 4]).to_string();
            assert_eq!(is_invisible(c), expected.is_match(&text), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn what_peers_were_seen_to_send_is_in_it() {
        for c in "\u{3164}\u{115f}\u{1160}\u{ffa0}\u{34f}\u{2800}\u{fe00}\u{fe0f}\u{fff9}\u{fffb}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{200b}\u{202e}\u{2069}\u{feff}\u{ad}".chars() {
            assert!(is_invisible(c), "U+{:04X}", u32::from(c));
        }
        assert!(!" aZ~éß東京한글🙂\u{301}\u{fffd}".chars().any(is_invisible));
    }
}
