//! Changes of journals: records whose sums fit again, so that they are believed; lines that come twice, elsewhere, or not at all; bytes.

use super::{Random, bytes, json};
use serde_json::Value;

/// One to some changes.
pub fn mutate(random: &mut Random, journal: &mut Vec<u8>, other: &[u8]) {
    loop {
        match random.below(10) {
            0..6 => record(random, journal, other),
            6..8 => line(random, journal, other),
            _ => bytes::mutate(random, journal, other),
        }
        if !random.one_in(3) {
            return;
        }
    }
}

fn lines(journal: &[u8]) -> Vec<&[u8]> {
    journal.split_inclusive(|byte| *byte == b'\n').collect()
}

fn tree(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line.get(9..)?).ok()
}

/// Another record in the place of one, with the sum that it should have.
fn record(random: &mut Random, journal: &mut Vec<u8>, other: &[u8]) {
    let (mine, others) = (lines(journal), lines(other));
    let at = random.below(mine.len());
    let foreign = others.get(random.below(others.len())).and_then(|line| tree(line));
    let Some(mut changed) = mine.get(at).and_then(|line| tree(line)) else { return };
    json::mutate(random, &mut changed, &foreign.unwrap_or_default());
    let text = changed.to_string();
    let line = format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()));
    *journal = [&mine[..at], &[line.as_bytes()], &mine[at + 1..]].concat().concat();
}

fn line(random: &mut Random, journal: &mut Vec<u8>, other: &[u8]) {
    let (mut mine, others) = (lines(journal), lines(other));
    let (at, to) = (random.below(mine.len()), random.below(mine.len()));
    match random.below(5) {
        0 if !mine.is_empty() => drop(mine.remove(at)),
        1 if !mine.is_empty() => mine.swap(at, to),
        2 => mine.extend(others.get(random.below(others.len()))),
        3 => {
            let times = if random.one_in(8) { random.below(500) } else { 1 };
            let again = mine.get(at).copied();
            mine.extend(std::iter::repeat_n(again, times).flatten());
        }
        _ => {
            // The head: of another version, or none.
            if let Some(first) = mine.first_mut() {
                *first =
                    [&b"vti-diagnostics journal 2\n"[..], b"vti-diagnostics journal 01\n", b"\n"]
                        [random.below(3)];
            }
        }
    }
    *journal = mine.concat();
}
