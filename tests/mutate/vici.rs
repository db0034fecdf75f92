//! Changes of VICI packets that know their elements (libvici: `vici_message.h`): types, names, lengths of values, sections without an end.

use super::{Random, bytes};

/// VICI_SECTION_START to VICI_LIST_END.
const ELEMENTS: std::ops::RangeInclusive<u8> = 1..=6;

/// One to four changes.
pub fn mutate(random: &mut Random, packet: &mut Vec<u8>, other: &[u8]) {
    loop {
        match random.below(8) {
            0..4 => bytes::mutate(random, packet, other),
            4 => {
                if let Some(at) = element(random, packet) {
                    packet[at] = random.below(9) as u8;
                }
            }
            5 => length(random, packet),
            6 => insert(random, packet),
            _ => {
                // A stretch from one element to another.
                let (a, b) = (element(random, packet), element(random, packet));
                let (Some(a), Some(b)) = (a, b) else { continue };
                let stretch = packet[a.min(b)..a.max(b)].to_vec();
                let at = random.below(packet.len());
                let times = if random.one_in(16) { 1 + random.below(200) } else { 1 };
                drop(packet.splice(at..at, stretch.repeat(times)));
            }
        }
        if !random.one_in(3) {
            return;
        }
    }
}

/// A place that can be the type of an element.
fn element(random: &mut Random, packet: &[u8]) -> Option<usize> {
    (0..32)
        .map(|_| random.below(packet.len()))
        .find(|at| packet.get(*at).is_some_and(|byte| ELEMENTS.contains(byte)))
}

/// A length that lies: of a name (one byte) or of a value (two bytes, of the network).
fn length(random: &mut Random, packet: &mut [u8]) {
    let Some(at) = element(random, packet) else { return };
    if let Some(byte) = packet.get_mut(at + 1) {
        let near = byte.wrapping_add(random.below(3) as u8).wrapping_sub(1);
        *byte = if random.one_in(2) { near } else { random.next() as u8 };
    }
}

/// New elements: a section, a list, an end, a value; or many sections, each within the one before.
fn insert(random: &mut Random, packet: &mut Vec<u8>) {
    const NEW: [&[u8]; 7] = [
        &[1, 1, b'a'],
        &[2],
        &[3, 1, b'a', 0, 1, b'b'],
        &[4, 1, b'a'],
        &[5, 0, 1, b'b'],
        &[6],
        &[3, 0, 0, 0],
    ];
    let new = random.of(&NEW);
    let times = if random.one_in(8) { 1 + random.below(3000) } else { 1 };
    let at = element(random, packet).unwrap_or(packet.len());
    drop(packet.splice(at..at, new.repeat(times)));
}
