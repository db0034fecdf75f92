//! Changes of netlink messages that know `struct nlmsghdr` and `struct nlattr`: types, lengths, attributes twice, elsewhere and nested.

use super::{Random, bytes};

/// `sizeof(struct nlmsghdr)`.
const HEADER: usize = 16;

/// One to four changes; mostly the message keeps a header that fits, else the decoders see little.
pub fn mutate(random: &mut Random, message: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(4) {
        match random.below(10) {
            0..4 => bytes::mutate(random, message, other),
            4 => length(random, message),
            5 => kind(random, message),
            6 => again(random, message),
            7 => foreign(random, message, other),
            8 => without(random, message),
            _ => nest(random, message),
        }
        if !random.one_in(8) {
            fit(message);
        }
    }
    if random.one_in(4) {
        // Several messages of a datagram, the later ones perhaps of another kind.
        message.resize(message.len().next_multiple_of(4), 0);
        message.extend_from_slice(if random.one_in(2) { other } else { &[0xff; 20] });
    }
}

/// Writes the length of the message into its header.
pub fn fit(message: &mut [u8]) {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    if let Some(header) = message.get_mut(..4) {
        header.copy_from_slice(&length.to_ne_bytes());
    }
}

/// A place that can be an attribute: its length fits in what is left. Where the structure before the attributes ends is not known.
fn attribute(random: &mut Random, message: &[u8]) -> Option<std::ops::Range<usize>> {
    (0..16).find_map(|_| {
        let at = HEADER + random.below(message.len().saturating_sub(HEADER)) / 4 * 4;
        let length = message.get(at..at + 2)?;
        let length = usize::from(u16::from_ne_bytes([length[0], length[1]]));
        (4..=message.len() - at).contains(&length).then(|| at..at + length)
    })
}

fn length(random: &mut Random, message: &mut [u8]) {
    let Some(range) = attribute(random, message) else { return };
    let any = (random.next() as u16) >> random.below(16);
    let near =
        u16::try_from(range.len()).unwrap_or(0).wrapping_add_signed(1 - 2 * (any & 1) as i16);
    let value = if random.one_in(2) { any } else { near };
    message[range.start..range.start + 2].copy_from_slice(&value.to_ne_bytes());
}

fn kind(random: &mut Random, message: &mut [u8]) {
    if random.one_in(4) {
        // The type of the message: a decoder of another.
        if let Some(kind) = message.get_mut(4..6) {
            kind.copy_from_slice(&(random.below(120) as u16).to_ne_bytes());
        }
    } else if let Some(range) = attribute(random, message) {
        let flags = [0, 0, 0, 0x8000_u16, 0x4000][random.below(5)];
        let kind = random.below(70) as u16 | flags;
        message[range.start + 2..range.start + 4].copy_from_slice(&kind.to_ne_bytes());
    }
}

fn again(random: &mut Random, message: &mut Vec<u8>) {
    let (Some(from), Some(to)) = (attribute(random, message), attribute(random, message)) else {
        return;
    };
    let mut copy = message[from].to_vec();
    copy.resize(copy.len().next_multiple_of(4), 0);
    // Many of them, now and then: lists are bounded.
    let copies = if random.one_in(16) { 1 + random.below(600) } else { 1 };
    drop(message.splice(to.start..to.start, copy.repeat(copies)));
}

fn foreign(random: &mut Random, message: &mut Vec<u8>, other: &[u8]) {
    let (Some(from), Some(to)) = (attribute(random, other), attribute(random, message)) else {
        return;
    };
    let mut copy = other[from].to_vec();
    copy.resize(copy.len().next_multiple_of(4), 0);
    drop(message.splice(to.start..to.start, copy));
}

fn without(random: &mut Random, message: &mut Vec<u8>) {
    let Some(range) = attribute(random, message) else { return };
    let end = range.start + range.len().next_multiple_of(4);
    drop(message.drain(range.start..end.min(message.len())));
}

/// An attribute within attributes of its own type.
fn nest(random: &mut Random, message: &mut Vec<u8>) {
    let Some(range) = attribute(random, message) else { return };
    let mut nested = message[range.clone()].to_vec();
    let kind = [nested[2], nested[3]];
    let most = if random.one_in(16) { 2000 } else { 4 };
    for _ in 0..=random.below(most) {
        let Ok(length) = u16::try_from(nested.len() + 4) else { break };
        nested.resize(nested.len().next_multiple_of(4), 0);
        drop(nested.splice(0..0, [length.to_ne_bytes(), kind].concat()));
    }
    drop(message.splice(range, nested));
}
