//! What the bytes of registers are compared with: numbers, addresses and names, as far as they can be told. It decides nothing about packets.

use super::field::{Form, form};
use super::register::{Cell, Registers, Run};
use crate::snapshot::filter::{Match, Part, Range, Value};
use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The length of a name (IFNAMSIZ).
const NAME: usize = 16;

/// How some bytes of a register are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where they begin in the register, and in the key of a set.
    pub(super) place: usize,
    run: Run,
    reading: Reading,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Name,
    V4,
    V6,
    /// The first byte is the highest one.
    Big,
    /// As the processor has it.
    Native,
}

/// How the bytes of these cells are read; none where one of them is not understood.
pub(super) fn slots(registers: &Registers, cells: &[Cell]) -> Option<Vec<Slot>> {
    let slots: Option<Vec<Slot>> =
        registers.runs(cells)?.into_iter().map(|(place, run)| slot(place, run)).collect();
    slots.filter(|slots| !slots.is_empty())
}

fn slot(place: usize, run: Run) -> Option<Slot> {
    let length = run.length();
    let is_whole = |size: u8| {
        let first = if run.swapped { size.checked_sub(1) } else { Some(0) };
        length == usize::from(size) && Some(run.first) == first
    };
    let starts = run.first == 0 && !run.swapped;
    let reading = match form(&run.field) {
        Form::Name if starts && length <= NAME && is_full(&run.masks) => Reading::Name,
        Form::V4 if starts && length <= 4 => Reading::V4,
        Form::V6 if starts && length <= 16 => Reading::V6,
        Form::Network(size) if is_whole(size) && (size == 1 || !run.swapped) => Reading::Big,
        Form::Host(size) if is_whole(size) => match (run.swapped, cfg!(target_endian = "big")) {
            (true, false) | (false, true) => Reading::Big,
            (false, false) => Reading::Native,
            (true, true) => return None,
        },
        _ => return None,
    };
    let mask = match reading {
        Reading::Big | Reading::Native if !is_full(&run.masks) => Some(number(reading, &run.masks)),
        _ => None,
    };
    // An address with a mask is compared as a prefix; other masks are not understood.
    if matches!(reading, Reading::V4 | Reading::V6) {
        prefix_length(&run.masks)?;
    }
    let part = Part { field: run.field.clone(), mask };
    Some(Slot { place, run, reading, part })
}

fn is_full(masks: &[u8]) -> bool {
    masks.iter().all(|mask| *mask == 0xff)
}

/// How many bits from the top a mask has; none where they are not together.
fn prefix_length(masks: &[u8]) -> Option<u8> {
    let ones: u32 = masks.iter().map(|mask| mask.count_ones()).sum();
    let mut leading = 0;
    for mask in masks {
        leading += mask.leading_ones();
        if *mask != 0xff {
            break;
        }
    }
    u8::try_from(ones).ok().filter(|_| leading == ones)
}

fn number(reading: Reading, bytes: &[u8]) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    match reading {
        Reading::Native if cfg!(target_endian = "little") => bytes.iter().rev().fold(0, add),
        _ => bytes.iter().fold(0, add),
    }
}

fn wide(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

impl Slot {
    /// Its bytes in data or in a key.
    fn of<'a>(&self, data: &'a [u8]) -> Option<&'a [u8]> {
        data.get(self.place..)?.get(..self.run.length())
    }

    /// What is compared.
    pub(super) const fn part(&self) -> &Part {
        &self.part
    }

    /// The value that data stand for; one that no packet can have is a value that none has.
    pub(super) fn value(&self, data: &[u8]) -> Value {
        let Some(bytes) = self.of(data) else { return Value::Unknown };
        let bytes: Vec<u8> = bytes.iter().zip(&self.run.flips).map(|(b, f)| b ^ f).collect();
        let fits = bytes.iter().zip(&self.run.masks).all(|(byte, mask)| byte & !mask == 0);
        match self.reading {
            Reading::Big | Reading::Native => {
                let number = number(self.reading, &bytes);
                Value::Numbers(vec![Range::of(number)])
            }
            _ if !fits => Value::Numbers(Vec::new()),
            Reading::Name => name(&bytes).map_or(Value::Unknown, |name| Value::Names(vec![name])),
            Reading::V4 | Reading::V6 => {
                let length = prefix_length(&self.run.masks).unwrap_or(0);
                prefix(self.reading, &bytes, length)
                    .map_or(Value::Unknown, |net| Value::Addresses(vec![net]))
            }
        }
    }

    /// The values from `low` to `high`, both included. Data that are compared byte by byte are in the order of numbers only where the first
    /// byte is the highest.
    pub(super) fn range(&self, low: &[u8], high: &[u8]) -> Value {
        let (Some(low), Some(high)) = (self.of(low), self.of(high)) else { return Value::Unknown };
        if self.run.flips.iter().any(|flip| *flip != 0) {
            return Value::Unknown;
        }
        match self.reading {
            _ if low == high => self.value_at(low),
            Reading::Big => {
                let (low, high) = (number(Reading::Big, low), number(Reading::Big, high));
                let range = Range { first: low, last: high };
                Value::Numbers(if low <= high { vec![range] } else { Vec::new() })
            }
            Reading::Native => Value::Unknown,
            _ if !is_full(&self.run.masks) => Value::Unknown,
            Reading::V4 if self.run.length() == 4 => {
                let at =
                    |bytes: &[u8]| Ipv4Addr::from_bits(u32::try_from(wide(bytes)).unwrap_or(0));
                let all = Ipv4Subnets::new(at(low), at(high), 0).map(IpNet::V4);
                Value::Addresses(if low <= high { all.collect() } else { Vec::new() })
            }
            Reading::V6 if self.run.length() == 16 => {
                let at = |bytes: &[u8]| Ipv6Addr::from_bits(wide(bytes));
                let all = Ipv6Subnets::new(at(low), at(high), 0).map(IpNet::V6);
                Value::Addresses(if low <= high { all.collect() } else { Vec::new() })
            }
            // A prefix of names: from `vti` and zeros to the last name that begins so.
            Reading::Name if self.run.length() == NAME => {
                names(low, high).map_or(Value::Unknown, |name| Value::Names(vec![name]))
            }
            _ => Value::Unknown,
        }
    }

    fn value_at(&self, bytes: &[u8]) -> Value {
        let mut data = vec![0; self.place];
        data.extend_from_slice(bytes);
        self.value(&data)
    }

    /// The highest data of this place.
    pub(super) fn highest(&self) -> Vec<u8> {
        let mut data = vec![0; self.place];
        data.resize(self.place.saturating_add(self.run.length()), 0xff);
        data
    }
}

/// A name that ends in zeros is that name; one without is the beginning of names.
fn name(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let (text, rest) = bytes.split_at_checked(end.unwrap_or(bytes.len()))?;
    if rest.iter().any(|byte| *byte != 0) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    // The whole length without a zero is no name of a device.
    Some(if end.is_none() { format!("{text}*") } else { text.to_owned() })
}

/// The names between two, where they are all those with one beginning.
fn names(low: &[u8], high: &[u8]) -> Option<String> {
    let start = low.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    let (text, _) = low.split_at_checked(start)?;
    let (same, rest) = high.split_at_checked(start)?;
    let is_all = same == text && rest.iter().all(|byte| *byte == 0xff);
    let text = std::str::from_utf8(text).ok()?;
    is_all.then(|| format!("{text}*"))
}

fn prefix(reading: Reading, bytes: &[u8], length: u8) -> Option<IpNet> {
    let mut all = bytes.to_vec();
    match reading {
        Reading::V4 => {
            all.resize(4, 0);
            let address = Ipv4Addr::from_bits(u32::try_from(wide(&all)).ok()?);
            Ipv4Net::new(address, length).ok().map(IpNet::V4)
        }
        _ => {
            all.resize(16, 0);
            Ipv6Net::new(Ipv6Addr::from_bits(wide(&all)), length).ok().map(IpNet::V6)
        }
    }
}

/// NFT_CMP_*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparison {
    pub(super) const fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Comparison::Equal,
            1 => Comparison::NotEqual,
            2 => Comparison::Below,
            3 => Comparison::AtMost,
            4 => Comparison::Above,
            5 => Comparison::AtLeast,
            _ => return None,
        })
    }
}

/// The condition that these slots compare so with the data; none where that is not understood.
pub(super) fn compare(slots: &[Slot], comparison: Comparison, data: &[u8]) -> Option<Match> {
    let of = slots.iter().map(|slot| slot.part.clone()).collect();
    let all =
        |not| Match { of, not, values: slots.iter().map(|s| s.value(data)).collect(), set: None };
    match comparison {
        Comparison::Equal => return Some(all(false)),
        Comparison::NotEqual => return Some(all(true)),
        _ => {}
    }
    let [slot] = slots else { return None };
    let lowest = vec![0; data.len()];
    let (not, value) = match comparison {
        Comparison::AtMost => (false, slot.range(&lowest, data)),
        Comparison::Above => (true, slot.range(&lowest, data)),
        Comparison::AtLeast => (false, slot.range(data, &slot.highest())),
        _ => (true, slot.range(data, &slot.highest())),
    };
    let of = vec![slot.part.clone()];
    Some(Match { of, not, values: vec![value], set: None })
}
