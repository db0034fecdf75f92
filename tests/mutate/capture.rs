//! Changes of captures as lines of YAML: values of a line's kind at the ends of what its field holds, list entries twice, elsewhere and gone.

use super::Random;

/// Values at the ends of what a field can hold, of a kind that the line had.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "8",
    "32",
    "68",
    "255",
    "1280",
    "65535",
    "2147483647",
    "4294967294",
    "4294967295",
    "9223372036854775807",
    "18446744073709551614",
    "18446744073709551615",
];
const ADDRESSES: &[&str] = &[
    "0.0.0.0",
    "255.255.255.255",
    "127.0.0.1",
    "224.0.0.1",
    "'::'",
    "'::1'",
    "'ff02::1'",
    "'fe80::1'",
    "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'",
    "'::ffff:1.2.3.4'",
];
const PREFIXES: &[&str] = &[
    "0.0.0.0/0",
    "'::/0'",
    "255.255.255.255/32",
    "255.255.255.255/0",
    "255.255.255.254/31",
    "128.0.0.0/1",
    "10.0.0.1/32",
    "224.0.0.0/4",
    "127.0.0.0/8",
    "'ffff::/1'",
    "'::1/127'",
    "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'",
    "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127'",
];
const HEXADECIMAL: &[&str] = &["'0x00000000'", "'0xffffffff'", "'0x00000001'"];
const MARKS: &[&str] = &["'0xffffffff/0xffffffff'", "'0x0/0xffffffff'", "'0xff/0x0'", "'0x1/0x1'"];
const WORDS: &[&str] = &[
    "true",
    "false",
    "unspec",
    "inet",
    "inet6",
    "transport",
    "tunnel",
    "beet",
    "{other: 255}",
    "out",
    "in",
    "forward",
    "socket-out",
    "block",
    "sub",
    "local",
    "vti",
    "vti6",
    "xfrm",
    "vrf",
    "x",
];
/// Values that no field takes, or that only look like one.
const STRANGE: &[&str] = &[
    "-1",
    "256",
    "4294967296",
    "18446744073709551616",
    "1e400",
    ".nan",
    "null",
    "",
    "''",
    "{}",
    "[]",
    "\"\\e[31m\\0\\n\"",
    "*a",
    "&a a",
    "!t x",
];

/// Another value for a line with this one.
fn value(random: &mut Random, old: &str) -> &'static str {
    let old = old.trim().trim_matches(['"', '\'']);
    let list = if random.below(20) == 0 {
        STRANGE
    } else if old.parse::<u64>().is_ok() {
        NUMBERS
    } else if old.parse::<std::net::IpAddr>().is_ok() {
        ADDRESSES
    } else if old.starts_with("0x") {
        if old.contains('/') { MARKS } else { HEXADECIMAL }
    } else if old.contains('/') {
        PREFIXES
    } else {
        WORDS
    };
    random.of(list)
}

/// The lines of the list entry that begins at or after `at`.
fn entry(lines: &[&str], at: usize) -> std::ops::Range<usize> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let begins = |line: &&str| line.trim_start().starts_with("- ");
    let Some(start) = lines[at..].iter().position(begins).map(|n| at + n) else { return at..at };
    let inside = |line: &&str| depth(line) > depth(lines[start]);
    start..start + 1 + lines[start + 1..].iter().take_while(|line| inside(line)).count()
}

/// A capture of the sources with one to some changes.
pub fn mutated(random: &mut Random, sources: &[&str]) -> String {
    let mut text = random.of(sources).to_string();
    while {
        text = mutated_once(random, &text, sources);
        random.below(3) != 0
    } {}
    text
}

fn mutated_once(random: &mut Random, text: &str, sources: &[&str]) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = random.below(lines.len());
    let Some(line) = lines.get(at) else { return random.of(sources).to_string() };
    let (start, end) = (at, (at + 1 + random.below(30)).min(lines.len()));
    let other: Vec<&str> = random.of(sources).split_inclusive('\n').collect();
    let from = random.below(other.len());
    match random.below(100) {
        0..60 => {
            let (key, old) = line.split_once(": ").unwrap_or((line, ""));
            let line = format!("{key}: {}\n", value(random, old));
            lines[at] = &line;
            lines.concat()
        }
        60..70 => {
            lines.drain(entry(&lines, at));
            lines.concat()
        }
        70..80 => {
            let again = lines[entry(&lines, at)].to_vec();
            lines.splice(start..start, again);
            lines.concat()
        }
        // An entry for another, perhaps of another list.
        80..85 => {
            lines.splice(entry(&lines, at), other[entry(&other, from)].iter().copied());
            lines.concat()
        }
        85..90 => {
            let mut bytes = text.as_bytes().to_vec();
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
            String::from_utf8_lossy(&bytes).into_owned()
        }
        90..94 => {
            lines.remove(at);
            lines.concat()
        }
        94..96 => [&lines[..start], &lines[end..]].concat().concat(),
        96..97 => [&lines[..end], &lines[start..]].concat().concat(),
        97..99 => {
            let piece = &other[from..(from + end - start).min(other.len())];
            [&lines[..start], piece, &lines[end..]].concat().concat()
        }
        _ => {
            let bytes = &text.as_bytes()[..random.below(text.len())];
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}
