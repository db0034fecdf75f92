//! Changes of text that know lines and words: numbers at the ends of what fits, names that mean something to a terminal, cuts.

use super::{Random, bytes};

/// What a word becomes.
const WORDS: &[&str] = &[
    "0",
    "1",
    "-1",
    "+1",
    "007",
    "1e9",
    "0x10",
    "4294967295",
    "4294967296",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "",
    ":",
    ",",
    "|",
    "lo:",
    "vti1:",
    "vti0:1",
    "XYZZYX",
    "XfrmInError",
    "XfrmOutNoStates",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{fffd}",
    "Inter-|",
    "```",
    "> ",
    "$ cat /proc/net/dev",
];

/// One change.
pub fn mutate(random: &mut Random, text: &mut Vec<u8>, other: &[u8]) {
    let decoded = String::from_utf8_lossy(text).into_owned();
    let mut lines: Vec<&str> = decoded.split_inclusive('\n').collect();
    let at = random.below(lines.len());
    let Some(line) = lines.get(at).copied() else {
        *text = other.to_vec();
        return;
    };
    let changed;
    match random.below(12) {
        0..5 => {
            let words: Vec<&str> = line.split(' ').collect();
            let word = words[random.below(words.len())];
            changed = line.replacen(word, random.of(WORDS), 1);
            lines[at] = &changed;
        }
        5 => drop(lines.remove(at)),
        6 => lines.insert(random.below(lines.len()), line),
        7 => {
            let to = random.below(lines.len());
            lines.swap(at, to);
        }
        8 => {
            changed = line.trim_end().to_owned();
            lines[at] = &changed;
        }
        9 if random.one_in(8) => {
            changed = line.repeat(1 + random.below(2000));
            lines[at] = &changed;
        }
        9 => {
            changed = line.replace(' ', ["", "\t", "  ", "\u{a0}", ":"][random.below(5)]);
            lines[at] = &changed;
        }
        _ => {
            bytes::mutate(random, text, other);
            return;
        }
    }
    *text = lines.concat().into_bytes();
}
