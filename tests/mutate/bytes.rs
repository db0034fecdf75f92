//! Changes of bytes that know no form: bits, values at the ends of what fits, cuts, doubled and foreign stretches.

use super::Random;

/// The longest stretch that is doubled, taken out or brought in.
const STRETCH: usize = 64;

/// One change. `other` is another input, from which a stretch may come.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let range = random.range(bytes.len(), STRETCH);
    match random.below(12) {
        0..3 => flip(random, bytes),
        3..5 => {
            if let Some(byte) = bytes.get_mut(range.start) {
                *byte = random.next() as u8;
            }
        }
        5..7 => extreme(random, bytes, range.start),
        7 => bytes.truncate(range.start),
        8 => drop(bytes.drain(range)),
        9 => {
            let again = bytes[range.clone()].to_vec();
            drop(bytes.splice(range.start..range.start, again));
        }
        10 => {
            let foreign = random.range(other.len(), STRETCH);
            drop(bytes.splice(range, other[foreign].iter().copied()));
        }
        _ => {
            let foreign = random.range(other.len(), STRETCH);
            drop(bytes.splice(range.start..range.start, other[foreign].iter().copied()));
        }
    }
}

fn flip(random: &mut Random, bytes: &mut [u8]) {
    let at = random.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

/// A value at the end of what one, two, four or eight bytes hold, in either byte order.
pub fn extreme(random: &mut Random, bytes: &mut [u8], at: usize) {
    const ENDS: [u64; 10] =
        [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX];
    let value = ENDS[random.below(ENDS.len())].wrapping_add(random.below(3) as u64).wrapping_sub(1);
    let width = 1 << random.below(4);
    let (little, big) = (value.to_le_bytes(), value.to_be_bytes());
    let value = if random.one_in(2) { &little[..width] } else { &big[8 - width..] };
    if let Some(place) = bytes.get_mut(at..at + width) {
        place.copy_from_slice(value);
    }
}

/// The bytes that lines of hexadecimal digits stand for; lines with `#` are comments.
pub fn from_hex(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair).expect("hexadecimal digits");
        u8::from_str_radix(digits, 16).expect("hexadecimal digits")
    };
    lines.map(|line| line.as_bytes().chunks(2).map(pair).collect()).collect()
}
