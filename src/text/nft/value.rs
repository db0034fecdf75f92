//! The values of a rule and of a set in nft's words, as values of the snapshot. What has no form that is known is [`Value::Unknown`]:
//! whether a packet has it is not decided.

use super::selector::{Form, Selector};
use super::symbols::{Kind, number};
use super::tokens::Token;
use crate::snapshot::filter::{Field, Range, Value};
use crate::text::words;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use std::net::IpAddr;

/// NFTA_FIB_F_PRESENT: only whether there is an answer.
pub(super) const PRESENT: u32 = 1 << 5;

/// The values of one word: one for each part.
pub(super) fn of(selector: &Selector, token: Token<'_>) -> Vec<Value> {
    let (text, is_quoted) = match token {
        Token::Word(word) => (word, false),
        Token::Quoted(word) => (word, true),
        _ => return unknown(selector),
    };
    let value = match selector.form {
        Form::Name => name(text, is_quoted),
        Form::V4 | Form::V6 => addresses(text, selector.form),
        Form::Number { kind, shift } => numbers(kind, text)
            .filter(|_| !is_quoted)
            .and_then(|range| moved(range, shift))
            .map(|range| Value::Numbers(vec![range])),
        Form::Spi => {
            let spi = number(Kind::Number, text).filter(|spi| *spi <= u64::from(u32::MAX));
            let Some(spi) = spi else { return unknown(selector) };
            let half = |half| Value::Numbers(vec![Range::of(half)]);
            return vec![half(spi >> 16), half(spi & 0xffff)];
        }
    };
    vec![value.unwrap_or(Value::Unknown)]
}

/// Values of which nothing is known.
pub(super) fn unknown(selector: &Selector) -> Vec<Value> {
    vec![Value::Unknown; selector.parts.len()]
}

fn moved(range: Range, shift: u32) -> Option<Range> {
    let moved = |number: u64| number.checked_shl(shift).filter(|n| n >> shift == number);
    Some(Range { first: moved(range.first)?, last: moved(range.last)? })
}

/// A number, or a range. Words of numbers may have a `-` themselves.
pub(super) fn numbers(kind: Kind, text: &str) -> Option<Range> {
    if let Some(number) = number(kind, text) {
        return Some(Range::of(number));
    }
    text.match_indices('-').find_map(|(at, _)| {
        let (first, last) = (number(kind, text.get(..at)?)?, number(kind, text.get(at + 1..)?)?);
        (first <= last).then_some(Range { first, last })
    })
}

/// Bits by their words: `established,related`.
pub(super) fn bits(kind: Kind, text: &str) -> Option<u64> {
    text.split(',').map(|word| number(kind, word)).try_fold(0, |all, bit| Some(all | bit?))
}

/// A name; a number stands for an interface that does not exist any more.
fn name(text: &str, is_quoted: bool) -> Option<Value> {
    let is_name = is_quoted || words::number::<u32>(text).is_none();
    // A star that belongs to the name is printed behind a backslash.
    let is_plain = !text.is_empty() && !text.contains('\\');
    (is_name && is_plain).then(|| Value::Names(vec![text.to_owned()]))
}

/// An address, a prefix, or a range of addresses.
fn addresses(text: &str, form: Form) -> Option<Value> {
    let fits = |address: IpAddr| address.is_ipv4() == (form == Form::V4);
    if let Some(net) = words::prefix(text) {
        return fits(net.addr()).then(|| Value::Addresses(vec![net]));
    }
    let (first, last) = text.split_once('-')?;
    let nets: Vec<IpNet> = match (words::address(first)?, words::address(last)?) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last && form == Form::V4 => {
            Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last && form == Form::V6 => {
            Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect()
        }
        _ => return None,
    };
    Some(Value::Addresses(nets))
}

/// Adds the values of the second to the first, where they are of one kind.
pub(super) fn merge(all: &mut Value, more: Value) {
    match (all, more) {
        (Value::Numbers(all), Value::Numbers(more)) => all.extend(more),
        (Value::Addresses(all), Value::Addresses(more)) => all.extend(more),
        (Value::Names(all), Value::Names(more)) => all.extend(more),
        (all, _) => *all = Value::Unknown,
    }
}

/// `fib … oif missing`, `fib … oif exists` ask only whether there is a route.
pub(super) fn presence(selector: &mut Selector, token: Option<Token<'_>>) {
    let is_presence = matches!(token, Some(Token::Word("missing" | "exists")));
    for part in selector.parts.iter_mut().filter(|_| is_presence) {
        if let Field::Fib(query) = &mut part.field {
            query.flags |= PRESENT;
            selector.form = Form::Number { kind: Kind::Presence, shift: 0 };
        }
    }
}
