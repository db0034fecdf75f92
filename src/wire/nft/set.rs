//! Sets and maps of nftables (`nf_tables_fill_set()`, `nf_tables_fill_setelem()`). What the bytes of their keys are say the rules that look
//! something up in them: a [`Layout`].

use super::condition::Slot;
use super::message::{
    HEADER, Message, NFTA_DATA_VALUE, NFTA_LIST_ELEM, absent, find, find_from, verdict,
};
use crate::snapshot::filter::{Element, TableFamily, Value, Verdict};
use crate::wire::attribute::{Field, WireError};
use std::collections::BTreeMap;

const NFTA_SET_TABLE: u16 = 1;
const NFTA_SET_NAME: u16 = 2;
const NFTA_SET_FLAGS: u16 = 3;
const NFTA_SET_KEY_LEN: u16 = 5;
const NFT_SET_INTERVAL: u32 = 4;
const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_DATA: u16 = 2;
const NFTA_SET_ELEM_FLAGS: u16 = 3;
const NFTA_SET_ELEM_KEY_END: u16 = 10;
const NFT_SET_ELEM_INTERVAL_END: u32 = 1;
const NFT_SET_ELEM_CATCHALL: u32 = 2;

/// What is known of a set before its elements are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetKey {
    /// The bytes of a key.
    pub length: usize,
    /// Whether its elements are ranges.
    pub is_interval: bool,
}

/// A set without its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSet {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name.
    pub set: String,
    /// Its key.
    pub key: SetKey,
}

/// The sets of a ruleset.
#[derive(Clone, Debug, Default)]
pub struct Sets(BTreeMap<(TableFamily, String), BTreeMap<String, SetKey>>);

impl Sets {
    /// One more.
    pub fn insert(&mut self, set: NewSet) {
        self.0.entry((set.family, set.table)).or_default().insert(set.set, set.key);
    }

    /// The key of a set; none of one that does not exist.
    pub fn get(&self, family: TableFamily, table: &str, set: &str) -> Option<SetKey> {
        self.0.get(&(family, table.to_owned()))?.get(set).copied()
    }
}

/// Decodes a set; none of a family that sees no IP packets.
pub fn decode_set(payload: &[u8]) -> Result<Option<NewSet>, WireError> {
    let message = Message::new(payload)?;
    let Some(family) = message.family else { return Ok(None) };
    let table = message.text(NFTA_SET_TABLE, "NFTA_SET_TABLE")?;
    let set = message.text(NFTA_SET_NAME, "NFTA_SET_NAME")?;
    let flags = message.find(NFTA_SET_FLAGS)?;
    let flags = flags.map_or(Ok(0), |flags| flags.named("NFTA_SET_FLAGS").be32(0))?;
    let length = message.find(NFTA_SET_KEY_LEN)?.ok_or(absent("NFTA_SET_KEY_LEN"))?;
    let length = length.named("NFTA_SET_KEY_LEN").be32(0)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let key = SetKey { length, is_interval: flags & NFT_SET_INTERVAL != 0 };
    Ok(Some(NewSet { family, table, set, key }))
}

/// An element as the kernel sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawElement {
    key: Vec<u8>,
    /// The end of a range, included.
    end: Option<Vec<u8>>,
    verdict: Option<Verdict>,
    flags: u32,
}

/// Decodes elements of a set (one message holds many).
pub fn decode_elements(payload: &[u8]) -> Result<Vec<RawElement>, WireError> {
    let mut found = Vec::new();
    let payload = Field::new("nfgenmsg", payload);
    payload.u8(0)?;
    if let Some(list) = find_from(&payload, HEADER, NFTA_SET_ELEM_LIST_ELEMENTS)? {
        for element in list.named("NFTA_SET_ELEM_LIST_ELEMENTS").attributes(0) {
            let element = element?;
            if element.kind == NFTA_LIST_ELEM {
                found.push(decode_element(&element.named("NFTA_LIST_ELEM"))?);
            }
        }
    }
    Ok(found)
}

fn decode_element(element: &Field<'_>) -> Result<RawElement, WireError> {
    let bytes = |kind, name| -> Result<Option<Vec<u8>>, WireError> {
        let Some(data) = find(element, kind)? else { return Ok(None) };
        let value = find(&data.named(name), NFTA_DATA_VALUE)?;
        Ok(value.map(|value| value.payload.to_vec()))
    };
    let verdict = match find(element, NFTA_SET_ELEM_DATA)? {
        Some(data) => verdict(&data.named("NFTA_SET_ELEM_DATA"))?,
        None => None,
    };
    let flags = find(element, NFTA_SET_ELEM_FLAGS)?;
    let flags = flags.map_or(Ok(0), |flags| flags.named("NFTA_SET_ELEM_FLAGS").be32(0))?;
    Ok(RawElement {
        key: bytes(NFTA_SET_ELEM_KEY, "NFTA_SET_ELEM_KEY")?.unwrap_or_default(),
        end: bytes(NFTA_SET_ELEM_KEY_END, "NFTA_SET_ELEM_KEY_END")?,
        verdict,
        flags,
    })
}

/// What the bytes of the keys of a set are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(pub(super) Vec<Slot>);

impl Layout {
    fn values(&self, low: &[u8], high: &[u8]) -> Vec<Value> {
        let value = |slot: &Slot| if low == high { slot.value(low) } else { slot.range(low, high) };
        self.0.iter().map(value).collect()
    }
}

/// The elements of a set, in the terms of packets.
pub fn elements(key: SetKey, layout: &Layout, raw: Vec<RawElement>) -> Vec<Element> {
    let (catch_all, raw): (Vec<_>, Vec<_>) =
        raw.into_iter().partition(|element| element.flags & NFT_SET_ELEM_CATCHALL != 0);
    let is_paired = key.is_interval && raw.iter().all(|element| element.end.is_none());
    let ranges = if is_paired { paired(raw) } else { single(raw) };
    let is_map = ranges.iter().any(|range| range.verdict.is_some());
    let mut all: Vec<Element> = Vec::new();
    for Range { low, high, verdict } in ranges {
        let values = match (&high, layout.0.as_slice()) {
            // Whether a range of several fields together has a packet is not understood.
            (Some(high), [_, _, ..]) if is_paired && *high != low => {
                vec![Value::Unknown; layout.0.len()]
            }
            (Some(high), _) => layout.values(&low, high),
            (None, _) => vec![Value::Unknown; layout.0.len()],
        };
        match (all.last_mut(), values.as_slice()) {
            (Some(last), [value]) if !is_map && last.verdict.is_none() => {
                if !last.values.first_mut().is_some_and(|known| merge(known, value)) {
                    all.push(Element { values, verdict });
                }
            }
            _ => all.push(Element { values, verdict }),
        }
    }
    all.extend(catch_all.into_iter().map(|e| Element { values: Vec::new(), verdict: e.verdict }));
    all
}

/// Adds the values of the second to the first, where they are of one kind.
fn merge(all: &mut Value, more: &Value) -> bool {
    match (all, more) {
        (Value::Numbers(all), Value::Numbers(more)) => all.extend(more),
        (Value::Addresses(all), Value::Addresses(more)) => all.extend(more),
        (Value::Names(all), Value::Names(more)) => all.extend(more.iter().cloned()),
        (Value::Unknown, Value::Unknown) => {}
        _ => return false,
    }
    true
}

struct Range {
    low: Vec<u8>,
    /// Included; none where it is not known.
    high: Option<Vec<u8>>,
    verdict: Option<Verdict>,
}

fn single(raw: Vec<RawElement>) -> Vec<Range> {
    let mut all: Vec<Range> = raw
        .into_iter()
        .map(|e| Range {
            high: Some(e.end.unwrap_or_else(|| e.key.clone())),
            low: e.key,
            verdict: e.verdict,
        })
        .collect();
    // The kernel lists them as they lie in its table.
    all.sort_by(|a, b| a.low.cmp(&b.low));
    all
}

/// The ranges of `nft_set_rbtree`: an element begins one, and one that is marked as an end is the first that is not in it.
fn paired(mut raw: Vec<RawElement>) -> Vec<Range> {
    let is_end = |element: &RawElement| element.flags & NFT_SET_ELEM_INTERVAL_END != 0;
    raw.sort_by(|a, b| a.key.cmp(&b.key).then(is_end(b).cmp(&is_end(a))));
    let mut ranges = Vec::new();
    let mut rest = raw.into_iter().peekable();
    while let Some(element) = rest.next() {
        if is_end(&element) {
            continue;
        }
        let high = match rest.peek() {
            Some(next) if is_end(next) => before(&next.key),
            Some(_) => None,
            None => Some(vec![0xff; element.key.len()]),
        };
        ranges.push(Range { low: element.key, high, verdict: element.verdict });
    }
    ranges
}

/// The key before this one.
fn before(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (lower, borrowed) = byte.overflowing_sub(1);
        *byte = lower;
        if !borrowed {
            return Some(key);
        }
    }
    None
}
