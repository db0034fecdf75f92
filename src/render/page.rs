//! A page of fixed width: every text that reaches it is escaped, and wrapped where that may be done.
//! It knows nothing of reports.

use super::escape::escape;
use std::mem;

/// Below this no table or paragraph can be read; narrower terminals wrap by themselves.
const MINIMUM_WIDTH: usize = 40;

/// Columns between two cells, as tabulate's "simple" style has them.
pub(super) const GAP: usize = 2;

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
        self.push(&format!("{:indent$}{}", "", escape(text)));
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
        let cells: Vec<(Vec<String>, usize)> =
            cells.iter().map(|(text, width)| (wrap(&escape(text), *width), *width)).collect();
        let height = cells.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
        for n in 0..height {
            let mut line = " ".repeat(indent);
            for (lines, width) in &cells {
                let cell = lines.get(n).map_or("", String::as_str);
                line.push_str(&format!("{cell:<width$}{:GAP$}", "", width = *width));
            }
            self.push(&line);
        }
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end_matches(' '));
        self.text.push('\n');
    }
}

/// Columns that a text takes once it is escaped. One a character: wide scripts may stand out, they never break a line.
pub(super) fn columns(text: &str) -> usize {
    escape(text).chars().count()
}

/// Lines of at most `width` columns, broken at spaces, or inside a word that is longer than a line. Spaces inside a line stay as many as
/// they are.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut used, mut gap) = (Vec::new(), String::new(), 0, 0);
    for word in text.split(' ') {
        if word.is_empty() {
            gap += 1;
            continue;
        }
        if used > 0 && used + gap + word.chars().count() <= width {
            line.extend(std::iter::repeat_n(' ', gap));
            used += gap;
        } else if used > 0 {
            lines.push(mem::take(&mut line));
            used = 0;
        }
        for c in word.chars() {
            if used >= width.max(1) {
                lines.push(mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += 1;
        }
        gap = 1;
    }
    if used > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_wrap_at_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("vti1  FAULT: a", 12), ["vti1  FAULT:", "a"]);
        assert_eq!(wrap("  a   b  c", 5), ["a   b", "c"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
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
        fn wrapping_loses_no_character_and_keeps_the_width(text in "[a-c ]{0,60}", width in 1usize..20) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|l| l.chars().count() <= width));
            let squeeze = |s: &str| s.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
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
