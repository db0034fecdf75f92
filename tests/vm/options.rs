//! Options among the words of a run. It knows none of them.

use crate::Fallible;

/// Takes an option out of the words: whether it was there.
pub fn flag(words: &mut Vec<&str>, name: &str) -> bool {
    let before = words.len();
    words.retain(|word| *word != name);
    words.len() < before
}

/// Takes an option and its number out of the words, where it is there.
pub fn number(words: &mut Vec<&str>, name: &str) -> Fallible<Option<u64>> {
    let Some(at) = words.iter().position(|word| *word == name) else { return Ok(None) };
    let text = *words.get(at + 1).ok_or_else(|| format!("{name} wants a number"))?;
    let number = text.parse().map_err(|error| format!("{name} {text}: {error}"))?;
    words.drain(at..=at + 1);
    Ok(Some(number))
}
