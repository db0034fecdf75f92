//! How a rule, or an element of a map, ends: nft's words for verdicts. It reads no condition.

use super::tokens::{Cursor, Token};
use crate::snapshot::filter::Verdict;

/// The words of verdicts without a chain.
const VERDICTS: [(&str, Verdict); 4] = [
    ("accept", Verdict::Accept),
    ("drop", Verdict::Drop),
    ("continue", Verdict::Continue),
    ("return", Verdict::Return),
];

/// The verdict of this word, where it needs no chain.
pub(super) fn plain(word: &str) -> Option<Verdict> {
    VERDICTS.iter().find(|(name, _)| *name == word).map(|(_, verdict)| verdict.clone())
}

/// The name of a chain.
pub(super) fn chain(cursor: &mut Cursor<'_, '_>) -> Option<String> {
    match cursor.next()? {
        Token::Word(name) | Token::Quoted(name) => Some(name.to_owned()),
        _ => None,
    }
}

/// The verdict of an element of a map.
pub(super) fn verdict(tokens: &[Token<'_>]) -> Option<Verdict> {
    let mut cursor = Cursor::new(tokens);
    let word = cursor.word()?;
    match word {
        "jump" => chain(&mut cursor).map(Verdict::Jump),
        "goto" => chain(&mut cursor).map(Verdict::Goto),
        "queue" => Some(Verdict::Queue),
        word => plain(word),
    }
}
