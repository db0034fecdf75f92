//! What a parser of a format is: it looks at the lines from some line on, and takes the thing that begins there, or nothing. It knows no format.

use super::entry::Entry;
use super::lines::Line;

/// What a parser took: how many lines, and what they say.
#[derive(Debug, PartialEq)]
pub(super) struct Taken {
    pub lines: usize,
    pub entries: Vec<Entry>,
}

impl Taken {
    /// One line that says one thing.
    pub(super) fn line(entry: Entry) -> Self {
        Self { lines: 1, entries: vec![entry] }
    }
}

/// What was typed before the lines, as far as it says what they cannot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'a> {
    /// The words of the command; empty where it is not known.
    pub typed: &'a str,
}

impl Context<'_> {
    /// Whether the command has this word.
    pub(super) fn has(&self, word: &str) -> bool {
        self.typed.split_whitespace().any(|typed| typed == word)
    }

    /// The word behind this one.
    pub(super) fn after(&self, word: &str) -> Option<&str> {
        let mut words = self.typed.split_whitespace();
        words.by_ref().find(|typed| *typed == word)?;
        words.next()
    }
}

/// Takes what begins with the first of these lines; none where that is not of the format. Never more lines than there are, and not none.
pub(super) type Reader = fn(&[Line<'_>], &Context<'_>) -> Option<Taken>;
