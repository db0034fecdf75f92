//! Texts of YAML's own syntax, good and bad: anchors, tags, block and flow styles, directives, quotes, and deep nesting. What a capture holds
//! is no affair of theirs.

use super::{Random, bytes};

const TOKENS: &[&str] = &[
    "- ",
    "? ",
    ": ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a ",
    "*b ",
    "!!map ",
    "!!str ",
    "!<tag:x> ",
    "!t ",
    "|\n",
    ">\n",
    "|2-\n",
    ">+9\n",
    "%YAML 1.2\n",
    "%TAG ! !x\n",
    "---\n",
    "--- ",
    "...\n",
    "'",
    "''",
    "\"",
    "\\x41",
    "\\u202e",
    "\\",
    "\t",
    "# c\n",
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    "\n a: ",
    "\r\n",
    "\r",
    " ",
    "<<: *a\n",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{0}",
    "\u{1}",
    "~",
    "null",
    "0x1F",
    "0o7",
    "1e400",
    ".nan",
    "-.inf",
    "1_000",
    "2026-11-26",
    "true",
    "schema: 1\n",
    "schema",
    "snapshots:\n",
    "snapshots: ",
    "missing: ",
    "seen: ",
    "links:\n",
    "@",
    "`",
    "a",
    "a: b\n",
    "\u{1f600}",
];

/// Tokens in any order, some of them many times; or a text with some of them in it.
pub fn text(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let seed = &seeds[random.below(seeds.len())];
    let mut text = if random.one_in(2) { Vec::new() } else { seed.clone() };
    for _ in 0..=random.below(if text.is_empty() { 40 } else { 6 }) {
        let times = match random.below(24) {
            0 => 1 + random.below(5000),
            1..4 => 1 + random.below(20),
            _ => 1,
        };
        let at = if text.len() > 400 { random.below(text.len()) } else { text.len() };
        let token = random.of(TOKENS).repeat(times);
        drop(text.splice(at..at, token.into_bytes()));
    }
    if random.one_in(4) {
        bytes::mutate(random, &mut text, seed);
    }
    text
}
