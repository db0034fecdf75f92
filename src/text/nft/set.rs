//! Sets and maps of nft's output. What their elements are say the rules that look something up in them.

use super::selector::Selector;
use super::tokens::Token;
use super::value;
use super::verdict::verdict;
use crate::snapshot::filter::{Element, Set, TableFamily, Unread, Value, Verdict};

/// An element as it is printed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawElement {
    /// The words of its key, those of each field by themselves; none for `*`.
    key: Vec<Key>,
    /// What a map has for it; none of a set, or where it is no verdict.
    verdict: Option<Verdict>,
}

/// The word of a key. It is kept by itself, because a set is read before the rules that use it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    text: String,
    is_quoted: bool,
}

/// A set with a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Raw {
    pub name: String,
    /// None where they are of no known form.
    pub elements: Option<Vec<RawElement>>,
}

impl Raw {
    /// The name of a set that has none, as the kernel gives it.
    pub(super) fn inline_name(number: usize) -> String {
        format!("__set{number}")
    }

    /// The set as a rule that asks so uses it.
    pub(super) fn set(self, family: TableFamily, table: &str, asked: &[Selector]) -> Set {
        let (unread, elements) = match self.elements {
            Some(raw) => (None, elements(asked, &raw)),
            None => (Some(Unread::Failed), Vec::new()),
        };
        Set { family, table: table.to_owned(), set: self.name, unread, elements }
    }
}

/// The elements between braces; none where they are of no known form.
pub(super) fn raw(tokens: &[Token<'_>]) -> Option<Vec<RawElement>> {
    let tokens: Vec<Token<'_>> =
        tokens.iter().copied().filter(|token| *token != Token::End).collect();
    let elements = tokens.split(|token| *token == Token::Comma);
    elements.filter(|element| !element.is_empty()).map(element).collect()
}

/// `10.9.0.0/16 . 50-100 timeout 5m : jump x`.
fn element(tokens: &[Token<'_>]) -> Option<RawElement> {
    let colon = tokens.iter().position(|token| *token == Token::Word(":"));
    let (left, right) = match colon {
        Some(at) => (tokens.get(..at)?, tokens.get(at + 1..)),
        None => (tokens, None),
    };
    let mut key = Vec::new();
    let mut expects = true;
    for token in left {
        match (token, expects) {
            (Token::Word("*"), true) if key.is_empty() => break,
            (Token::Word("."), false) => expects = true,
            (Token::Word(text), true) => {
                key.push(Key { text: (*text).to_owned(), is_quoted: false });
                expects = false;
            }
            (Token::Quoted(text), true) => {
                key.push(Key { text: (*text).to_owned(), is_quoted: true });
                expects = false;
            }
            // What follows is a timeout, a counter or a comment.
            (Token::Word(_), false) => break,
            _ => return None,
        }
    }
    let is_whole = !key.is_empty() || left.first() == Some(&Token::Word("*"));
    is_whole.then(|| RawElement { key, verdict: right.and_then(verdict) })
}

/// The values of an element: one for each part.
fn values(asked: &[Selector], key: &[Key]) -> Vec<Value> {
    if asked.len() != key.len() {
        return asked.iter().flat_map(value::unknown).collect();
    }
    let pairs = asked.iter().zip(key);
    pairs
        .flat_map(|(selector, key)| {
            let token = match key.is_quoted {
                true => Token::Quoted(&key.text),
                false => Token::Word(&key.text),
            };
            value::of(selector, token)
        })
        .collect()
}

/// All values of a set with one field.
pub(super) fn merged(asked: &Selector, raw: &[RawElement]) -> Value {
    let mut all: Option<Value> = None;
    for element in raw {
        let mut of = values(std::slice::from_ref(asked), &element.key);
        // `*` is every value.
        let value = if element.key.is_empty() { Value::Any } else { of.swap_remove(0) };
        match &mut all {
            Some(all) => value::merge(all, value),
            None => all = Some(value),
        }
    }
    all.unwrap_or(Value::Numbers(Vec::new()))
}

/// The elements in the terms of packets: those of a plain set with one field are one element.
fn elements(asked: &[Selector], raw: &[RawElement]) -> Vec<Element> {
    let (named, catch_all): (Vec<&RawElement>, Vec<&RawElement>) =
        raw.iter().partition(|element| !element.key.is_empty());
    let is_map = raw.iter().any(|element| element.verdict.is_some());
    let mut all: Vec<Element> = Vec::new();
    for element in named {
        let values = values(asked, &element.key);
        match (all.last_mut(), values.as_slice()) {
            (Some(last), [value]) if !is_map => {
                if let Some(known) = last.values.first_mut() {
                    value::merge(known, value.clone());
                }
            }
            _ => all.push(Element { values, verdict: element.verdict.clone() }),
        }
    }
    all.extend(
        catch_all.into_iter().map(|e| Element { values: Vec::new(), verdict: e.verdict.clone() }),
    );
    all
}
