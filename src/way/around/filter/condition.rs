//! Whether a packet meets a condition: yes, no, or nobody knows. One part of a condition that is not met decides, whatever the others are.

use super::field::{Content, content};
use super::index::Filter;
use super::packet::Packet;
use crate::snapshot::filter::{Chain, Element, HIDDEN_PATTERN, Match, Part, Set, Unread, Value};
use std::borrow::Cow;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// The field or the expression that is not known.
    Unknown(Cow<'static, str>),
}

/// Whether a packet meets a condition of a rule in this chain.
pub(super) fn meets(
    filter: &Filter<'_>,
    chain: &Chain,
    packet: &Packet,
    condition: &Match,
) -> Answer {
    // A field that the packet does not have ends the rule, whatever is asked of it.
    let is_absent = |part: &Part| content(packet, &part.field) == Content::Absent;
    if condition.of.iter().any(is_absent) {
        return Answer::No;
    }
    let answer = match &condition.set {
        None => all(packet, &condition.of, &condition.values),
        Some(name) => match set(filter, chain, name) {
            Ok(set) => {
                let (answer, _) = lookup(packet, &condition.of, set);
                answer
            }
            Err(why) => Answer::Unknown(why),
        },
    };
    match answer {
        Answer::Yes if condition.not => Answer::No,
        Answer::No if condition.not => Answer::Yes,
        answer => answer,
    }
}

/// The set of this name in the chain's table; or why its elements are not known.
pub(super) fn set<'r>(
    filter: &Filter<'r>,
    chain: &Chain,
    name: &str,
) -> Result<&'r Set, Cow<'static, str>> {
    let set = filter.set(chain, name);
    let set = set.ok_or_else(|| Cow::Owned(format!("set {name}")))?;
    match set.unread {
        None => Ok(set),
        Some(Unread::TooMany) => Err(Cow::Owned(format!("set {name}, which is too large"))),
        Some(Unread::TooManySets | Unread::Failed) => {
            Err(Cow::Owned(format!("set {name}, which was not read")))
        }
    }
}

/// Whether a packet is in a set, and the elements that it is in or may be in.
pub(super) fn lookup<'r>(packet: &Packet, of: &[Part], set: &'r Set) -> (Answer, Vec<&'r Element>) {
    let mut open = Vec::new();
    let mut why = None;
    let (named, catch_all): (Vec<&Element>, Vec<&Element>) =
        set.elements.iter().partition(|element| !element.values.is_empty());
    for element in named {
        match all(packet, of, &element.values) {
            Answer::Yes => return (Answer::Yes, vec![element]),
            Answer::No => {}
            Answer::Unknown(field) => {
                why.get_or_insert(field);
                open.push(element);
            }
        }
    }
    match (why, catch_all.first()) {
        (None, Some(element)) => (Answer::Yes, vec![element]),
        (None, None) => (Answer::No, Vec::new()),
        (Some(_), Some(element)) if set.elements.iter().all(|e| e.verdict == element.verdict) => {
            (Answer::Yes, vec![element])
        }
        (Some(why), _) => {
            open.extend(catch_all);
            (Answer::Unknown(why), open)
        }
    }
}

/// Whether each of the fields has one of its values.
fn all(packet: &Packet, of: &[Part], values: &[Value]) -> Answer {
    if of.len() != values.len() {
        return Answer::Unknown(Cow::Borrowed("lookup"));
    }
    let mut open = None;
    for (part, value) in of.iter().zip(values) {
        match has(packet, part, value) {
            Answer::Yes => {}
            Answer::No => return Answer::No,
            Answer::Unknown(why) => drop(open.get_or_insert(why)),
        }
    }
    open.map_or(Answer::Yes, Answer::Unknown)
}

/// Whether a field has one of these values.
fn has(packet: &Packet, part: &Part, value: &Value) -> Answer {
    let decided = |is_met: bool| if is_met { Answer::Yes } else { Answer::No };
    match (content(packet, &part.field), value) {
        (Content::Absent, _) => Answer::No,
        (_, Value::Any) => Answer::Yes,
        // No value at all.
        (_, Value::Numbers(ranges)) if ranges.is_empty() => Answer::No,
        (Content::Unknown(why), value) if is_all(part, value) => {
            drop(why);
            Answer::Yes
        }
        (Content::Unknown(why), _) => Answer::Unknown(why),
        (Content::Number(number), Value::Numbers(ranges)) => {
            let number = part.mask.map_or(number, |mask| number & mask);
            decided(ranges.iter().any(|range| range.contains(number)))
        }
        (Content::Address(address), Value::Addresses(nets)) => {
            decided(nets.iter().any(|net| net.contains(&address)))
        }
        (Content::Name(name), Value::Names(names)) => {
            if names.iter().any(|pattern| is_name(name, pattern)) {
                Answer::Yes
            } else if names.iter().any(|pattern| pattern == HIDDEN_PATTERN) {
                Answer::Unknown(Cow::Borrowed("interface names that were left out"))
            } else {
                Answer::No
            }
        }
        _ => Answer::Unknown(Cow::Borrowed("values of a form that is not known")),
    }
}

/// Whether a value stands for all that the field can have: then it does not matter what it is.
fn is_all(part: &Part, value: &Value) -> bool {
    match value {
        Value::Addresses(nets) => nets.iter().any(|net| net.prefix_len() == 0),
        Value::Numbers(ranges) => {
            let most = part.mask.unwrap_or(u64::from(u32::MAX));
            ranges.iter().any(|range| range.first == 0 && range.last >= most)
        }
        Value::Names(names) => names.iter().any(|name| name == "*"),
        Value::Any => true,
        Value::Unknown => false,
    }
}

fn is_name(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) if pattern != HIDDEN_PATTERN => name.starts_with(start),
        _ => name == pattern,
    }
}
