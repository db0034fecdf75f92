//! A page of fixed width: every text that reaches it is escaped, and wrapped where that may be done.
//! It knows nothing of reports.

use super::escape::{self, columns_of, escaped, is_plain};
use std::borrow::Cow;
use std::ops::Range;

/// Below this no table or paragraph can be read; narrower terminals wrap by themselves.
const MINIMUM_WIDTH: usize = 40;

/// Columns between two cells, as tabulate's "simple" style has them.
pub(super) const GAP: usize = 2;

/// Blanks, to be written many at a time.
const BLANKS: &str = "                                                                ";

/// Text under construction.
pub(super) struct Page {
    text: String,
    width: usize,
}

impl Page {
    /// An empty page of so many columns.
    pub(super) fn new(width: usize) -> Self {
        Self { text: String::new(), width: width.max(MINIMUM_WIDTH) }
    }

    /// Its columns.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// What remains of a line after so many columns.
    pub(super) fn room(&self, used: usize) -> usize {
        self.width.saturating_sub(used).max(1)
    }

    /// An empty line, but not two in a row and not the first.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line that is never wrapped: a command, which is copied.
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        self.blanks(indent);
        self.text.push_str(&escaped(text));
        self.end_line();
    }

    /// A paragraph from this column to the right margin.
    pub(super) fn paragraph(&mut self, indent: usize, text: &str) {
        self.row(indent, &[(text, self.room(indent))]);
    }

    /// A label of so many columns, and a text from there to the right margin.
    pub(super) fn labelled(&mut self, indent: usize, label: (&str, usize), text: &str) {
        let room = self.room(indent + label.1 + GAP);
        self.row(indent, &[label, (text, room)]);
    }

    /// Cells side by side, each wrapped in its own width.
    pub(super) fn row(&mut self, indent: usize, cells: &[(&str, usize)]) {
        if cells.iter().all(|(text, width)| fits(text, *width)) {
            return self.one_line(indent, cells);
        }
        let safe: Vec<(Cow<'_, str>, usize)> =
            cells.iter().map(|(text, width)| (escaped(text), *width)).collect();
        let cells: Vec<(Vec<&str>, usize)> =
            safe.iter().map(|(text, width)| (wrap(text, *width), *width)).collect();
        let height = cells.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
        for n in 0..height {
            self.blanks(indent);
            for (lines, width) in &cells {
                let cell = lines.get(n).copied().unwrap_or_default();
                self.text.push_str(cell);
                self.blanks(width.saturating_sub(escape::columns(cell)) + GAP);
            }
            self.end_line();
        }
    }

    /// Cells of which each [`fits`].
    fn one_line(&mut self, indent: usize, cells: &[(&str, usize)]) {
        self.blanks(indent);
        for (text, width) in cells {
            self.text.push_str(text);
            self.blanks(width.saturating_sub(text.len()) + GAP);
        }
        self.end_line();
    }

    /// Its bytes so far.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn blanks(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let part = BLANKS.get(..left).unwrap_or(BLANKS);
            self.text.push_str(part);
            left -= part.len();
        }
    }

    /// Ends a line, without blanks at its end.
    fn end_line(&mut self) {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }
}

/// Columns that a text takes once it is escaped.
pub(super) fn columns(text: &str) -> usize {
    escape::columns(&escaped(text))
}

/// Lines that a text takes in so many columns.
pub(super) fn lines(text: &str, width: usize) -> usize {
    if fits(text, width) { 1 } else { wrap(&escaped(text), width).len() }
}

/// How many bytes of a text go into so many columns: at least one character, and what combines with it.
fn prefix(text: &str, width: usize) -> usize {
    let mut used = 0;
    let end = text.char_indices().find(|(at, c)| {
        used += columns_of(*c);
        used > width && *at > 0
    });
    end.map_or(text.len(), |(at, _)| at)
}

/// Whether a text is its own only line in so many columns: there is nothing to escape and nothing to wrap.
fn fits(text: &str, width: usize) -> bool {
    text.len() <= width && is_plain(text) && !text.starts_with(' ') && !text.ends_with(' ')
}

/// Lines of at most `width` columns, broken at spaces, or inside a word that is longer than a line. Spaces inside a line stay as many as
/// they are, so that each line is a part of the text.
fn wrap(text: &str, width: usize) -> Vec<&str> {
    let width = width.max(1);
    let part = |range: Range<usize>| text.get(range).unwrap_or_default();
    let mut lines = Vec::new();
    // The line so far, and its columns.
    let (mut line, mut used) = (0..0, 0);
    let mut next = 0;
    for word in text.split(' ') {
        let start = next;
        let end = start + word.len();
        next = end + 1;
        if word.is_empty() {
            continue;
        }
        let columns = escape::columns(word);
        let gap = start.saturating_sub(line.end);
        if !line.is_empty() && used + gap + columns <= width {
            (line.end, used) = (end, used + gap + columns);
            continue;
        }
        if !line.is_empty() {
            lines.push(part(line));
        }
        (line, used) = (start..end, columns);
        while used > width {
            let whole = part(line.clone());
            let at = prefix(whole, width);
            if at == whole.len() {
                break;
            }
            lines.push(part(line.start..line.start + at));
            used -= escape::columns(part(line.start..line.start + at));
            line.start += at;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(part(line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::escape::escape;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_wrap_at_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("vti1  FAULT: a", 12), ["vti1  FAULT:", "a"]);
        assert_eq!(wrap("  a   b  c", 5), ["a   b", "c"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(
            wrap("東京都 u\u{308}u\u{308}u\u{308}", 5),
            ["東京", "都", "u\u{308}u\u{308}u\u{308}"]
        );
        assert_eq!(wrap("u\u{308}u\u{308}u\u{308}", 2), ["u\u{308}u\u{308}", "u\u{308}"]);
        assert_eq!(wrap("東京", 1), ["東", "京"]);
    }

    #[test]
    fn blank_lines_do_not_pile_up() {
        let mut page = Page::new(80);
        page.blank();
        page.line(0, "a");
        page.blank();
        page.blank();
        page.line(2, "b");
        assert_eq!(page.finish(), "a\n\n  b\n");
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_character_and_keeps_the_width(text in "[a-c 東\u{308}🙂]{0,60}", width in 2usize..20) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|l| escape::columns(l) <= width));
            let squeeze = |s: &str| s.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
        }

        #[test]
        fn what_fits_is_written_as_what_is_wrapped(cells in prop::collection::vec("[a-c ]{0,6}|[é\\n]", 1..4), width in 1usize..8) {
            for text in cells.iter().filter(|text| fits(text, width)) {
                let safe = escape(text);
                prop_assert_eq!(wrap(&safe, width), [text.as_str()]);
                prop_assert_eq!(columns(text), escape::columns(&safe));
            }
        }

        #[test]
        fn nothing_but_line_ends_can_act_on_the_terminal(text in any::<String>(), width in 0usize..100) {
            let mut page = Page::new(width);
            page.line(1, &text);
            page.paragraph(2, &text);
            let done = page.finish();
            prop_assert!(done.chars().all(|c| c == '\n' || !super::super::escape::is_active(c)));
        }
    }
}
