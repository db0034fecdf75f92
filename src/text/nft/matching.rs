//! The conditions of a rule: what is asked, and the values that follow. It does not know what becomes of a packet.

use super::reader::{Lost, Reader};
use super::selector::{Form, Selector};
use super::set;
use super::symbols::Kind;
use super::tokens::{Cursor, Token};
use super::value;
use crate::snapshot::filter::{Field, Match, Part, Range, Step, Value, VerdictMap};

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// No sign: bits of a state, or the value.
    Implied,
    Equal,
    NotEqual,
    Below,
    Above,
    AtMost,
    AtLeast,
    /// `!`: none of these bits.
    Without,
}

fn comparison(cursor: &mut Cursor<'_, '_>) -> Comparison {
    let Some(Token::Word(word)) = cursor.peek() else { return Comparison::Implied };
    let found = match word {
        "==" | "eq" => Comparison::Equal,
        "!=" | "ne" => Comparison::NotEqual,
        "<" | "lt" => Comparison::Below,
        ">" | "gt" => Comparison::Above,
        "<=" | "le" => Comparison::AtMost,
        ">=" | "ge" => Comparison::AtLeast,
        "!" => Comparison::Without,
        _ => return Comparison::Implied,
    };
    cursor.next();
    found
}

/// The condition that begins with these questions.
pub(super) fn condition(
    reader: &mut Reader,
    cursor: &mut Cursor<'_, '_>,
    mut asked: Vec<Selector>,
) -> Result<(), Lost> {
    for selector in &asked {
        reader.require(selector.family, selector.protocol);
    }
    if cursor.eat("vmap") {
        return verdicts(reader, cursor, asked);
    }
    if let [selector] = asked.as_mut_slice() {
        value::presence(selector, cursor.peek());
        let is_masked = cursor.eat("&") || cursor.eat("and");
        if is_masked {
            let mask = cursor.word().and_then(mask).ok_or(Lost("bitwise"))?;
            return masked(reader, cursor, selector, mask);
        }
    }
    let comparison = comparison(cursor);
    let is_not = comparison == Comparison::NotEqual;
    let of: Vec<Part> = asked.iter().flat_map(|selector| selector.parts.clone()).collect();
    if let Some(Token::Word(word)) = cursor.peek() {
        if let Some(name) = word.strip_prefix('@') {
            cursor.next();
            reader.uses.push((name.to_owned(), asked));
            let set = Some(name.to_owned());
            reader.steps.push(Step::Match(Match { of, not: is_not, values: Vec::new(), set }));
            return Ok(());
        }
    }
    if let Some(elements) = cursor.braces() {
        let raw = set::raw(elements).ok_or(Lost("lookup"))?;
        let step = match (asked.as_slice(), of.as_slice()) {
            ([selector], [_]) => {
                let values = vec![set::merged(selector, &raw)];
                Match { of, not: is_not, values, set: None }
            }
            _ => {
                let name = reader.inline(raw);
                reader.uses.push((name.clone(), asked));
                Match { of, not: is_not, values: Vec::new(), set: Some(name) }
            }
        };
        reader.steps.push(Step::Match(step));
        return Ok(());
    }
    let step = match asked.as_slice() {
        [selector] => one(selector, comparison, cursor),
        // `ip saddr . tcp dport 10.0.0.1 . 22`.
        _ => together(&asked, is_not, cursor),
    };
    let step = step.ok_or(Lost("cmp"))?;
    reader.learn(&step);
    reader.steps.push(Step::Match(step));
    Ok(())
}

/// `vmap`.
fn verdicts(
    reader: &mut Reader,
    cursor: &mut Cursor<'_, '_>,
    asked: Vec<Selector>,
) -> Result<(), Lost> {
    let of = asked.iter().flat_map(|selector| selector.parts.clone()).collect();
    let set = match cursor.braces() {
        Some(elements) => {
            let raw = set::raw(elements).ok_or(Lost("lookup"))?;
            reader.inline(raw)
        }
        None => {
            let name = cursor.word().and_then(|word| word.strip_prefix('@'));
            name.ok_or(Lost("lookup"))?.to_owned()
        }
    };
    reader.uses.push((set.clone(), asked));
    reader.steps.push(Step::VerdictMap(VerdictMap { of, set }));
    Ok(())
}

fn mask(word: &str) -> Option<u64> {
    super::symbols::number(Kind::Number, word)
}

/// `& 0x000000ff == 0x00000005`.
fn masked(
    reader: &mut Reader,
    cursor: &mut Cursor<'_, '_>,
    selector: &Selector,
    mask: u64,
) -> Result<(), Lost> {
    let not = match comparison(cursor) {
        Comparison::Equal => false,
        Comparison::NotEqual => true,
        _ => return Err(Lost("bitwise")),
    };
    let ([Part { field, mask: None }], Form::Number { kind, shift: 0 }) =
        (selector.parts.as_slice(), selector.form)
    else {
        return Err(Lost("bitwise"));
    };
    let number = cursor.word().and_then(|word| super::symbols::number(kind, word));
    let values = vec![Value::Numbers(vec![Range::of(number.ok_or(Lost("bitwise"))?)])];
    let of = vec![Part { field: field.clone(), mask: Some(mask) }];
    reader.steps.push(Step::Match(Match { of, not, values, set: None }));
    Ok(())
}

/// One field and one value.
fn one(selector: &Selector, comparison: Comparison, cursor: &mut Cursor<'_, '_>) -> Option<Match> {
    let token = cursor.next()?;
    let of = selector.parts.clone();
    if let (Form::Number { kind: Kind::CtState, .. }, Token::Word(word)) = (selector.form, token) {
        return state(comparison, word, cursor);
    }
    let not = comparison == Comparison::NotEqual;
    let values = match comparison {
        Comparison::Implied | Comparison::Equal | Comparison::NotEqual => {
            value::of(selector, token)
        }
        Comparison::Without => return None,
        _ => {
            let (Form::Number { kind, shift: 0 }, Token::Word(word)) = (selector.form, token)
            else {
                return None;
            };
            let number = super::symbols::number(kind, word)?;
            let most = u64::from(u32::MAX);
            let (first, last) = match comparison {
                Comparison::Below => (0, number.checked_sub(1)?),
                Comparison::AtMost => (0, number),
                Comparison::Above => (number.checked_add(1)?, most),
                _ => (number, most),
            };
            vec![Value::Numbers(if first <= last { vec![Range { first, last }] } else { vec![] })]
        }
    };
    // Bits of a status are printed as words with commas, or with `|` between them.
    if let Form::Number { kind: Kind::Unknown, .. } = selector.form {
        while cursor.eat("|") || cursor.eat("/") {
            cursor.word()?;
        }
    }
    Some(Match { of, not, values, set: None })
}

/// `ct state established,related`: any of these bits. With a sign the state is compared as a whole: `!= established | related`; before a
/// mask are the bits that must be set: `new / invalid,new`.
fn state(comparison: Comparison, word: &str, cursor: &mut Cursor<'_, '_>) -> Option<Match> {
    let mut bits = value::bits(Kind::CtState, word)?;
    while cursor.eat("|") {
        bits |= value::bits(Kind::CtState, cursor.word()?)?;
    }
    let (mask, not, number) = if cursor.eat("/") {
        let mask = value::bits(Kind::CtState, cursor.word()?)?;
        match comparison {
            Comparison::Implied | Comparison::Equal => (Some(mask), false, bits),
            Comparison::NotEqual => (Some(mask), true, bits),
            _ => return None,
        }
    } else {
        match comparison {
            Comparison::Implied => (Some(bits), true, 0),
            Comparison::Without => (Some(bits), false, 0),
            Comparison::Equal => (None, false, bits),
            Comparison::NotEqual => (None, true, bits),
            _ => return None,
        }
    };
    let of = vec![Part { field: Field::CtState, mask }];
    let values = vec![Value::Numbers(vec![Range::of(number)])];
    Some(Match { of, not, values, set: None })
}

/// Takes the value of something that is not followed; leaves the cursor where it was where that is no value.
pub(super) fn skip_value(cursor: &mut Cursor<'_, '_>) -> bool {
    let before = cursor.clone();
    comparison(cursor);
    let is_taken = cursor.braces().is_some()
        || matches!(cursor.next(), Some(Token::Word(_) | Token::Quoted(_)));
    if !is_taken {
        *cursor = before;
    }
    is_taken
}

/// Takes what `tcp flags` are compared with: `syn`, `syn / syn,rst`, `& (fin | syn | rst | ack) == syn`.
pub(super) fn skip_flags(cursor: &mut Cursor<'_, '_>) {
    const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];
    let is_one = |word: &str| {
        let mut names = word.split(['(', ')', '|', ',']).filter(|name| !name.is_empty());
        matches!(word, "&" | "==" | "!=" | "/" | "!" | "|")
            || word.starts_with("0x")
            || names.all(|name| FLAGS.contains(&name))
    };
    while cursor.braces().is_some()
        || matches!(cursor.peek(), Some(Token::Word(word)) if is_one(word))
    {
        if matches!(cursor.peek(), Some(Token::Word(word)) if is_one(word)) {
            cursor.next();
        }
    }
}

/// Several fields and a value of each.
fn together(asked: &[Selector], not: bool, cursor: &mut Cursor<'_, '_>) -> Option<Match> {
    let mut values = Vec::new();
    for (n, selector) in asked.iter().enumerate() {
        if n > 0 && !cursor.eat(".") {
            return None;
        }
        values.extend(value::of(selector, cursor.next()?));
    }
    let of = asked.iter().flat_map(|selector| selector.parts.clone()).collect();
    Some(Match { of, not, values, set: None })
}
