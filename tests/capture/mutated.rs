//! Broken captures: whatever is in the file, reading it, diagnosing it and writing the report end soon, in bounded memory, without a panic.
//! `CAPTURE_MUTATIONS=100000 CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true cargo test --release --test capture mutated_captures -- --nocapture` is
//! the long run.

use super::FULL;
use std::time::{Duration, Instant};
use vti_diagnostics::capture::{Capture, from_yaml, redact, to_yaml};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::text;

/// xorshift64*: the same mutations in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

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

fn mutated(random: &mut Random, sources: &[&str]) -> String {
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

/// All that the program does with a capture. Whether it was one.
fn use_it(yaml: &str) -> bool {
    let Ok(capture) = from_yaml(yaml) else { return false };
    let observation = match capture.snapshots.as_slice() {
        [now] => Observation { now, earlier: None },
        [earlier, now] => Observation { now, earlier: Some(earlier) },
        _ => panic!("one or two snapshots"),
    };
    let report = diagnose::run(&observation, None).unwrap();
    assert!(!text::report(&report, 80, true).is_empty());
    redact(&capture).unwrap();
    true
}

/// What this thread has used of a processor: on a busy machine the clock says little.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// The greatest memory of this process so far, in KiB.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn mutated_captures_are_refused_or_diagnosed() {
    // Without optimisation each takes some ten milliseconds.
    let usual = if cfg!(debug_assertions) { 1000 } else { 5000 };
    let count = std::env::var("CAPTURE_MUTATIONS").map_or(usual, |n| n.parse().unwrap());
    let full = super::full();
    let small = |n: usize| {
        let mut capture = Capture { snapshots: vec![full.snapshots[n].clone()], ..full.clone() };
        let snapshot = &mut capture.snapshots[0];
        // A tunnel of each driver, and what belongs to them.
        let kept = if n == 0 { [7, 8, 4] } else { [9, 10, 4] };
        snapshot.links.as_mut().unwrap().retain(|l| kept.contains(&l.ifindex));
        snapshot.addresses.as_mut().unwrap().retain(|a| kept.contains(&a.ifindex));
        snapshot.routes.as_mut().unwrap().truncate(6);
        snapshot.route_lookups.as_mut().unwrap().truncate(6);
        snapshot.rules.as_mut().unwrap().truncate(2);
        snapshot.sas.as_mut().unwrap().truncate(6);
        snapshot.proc_net_dev.as_mut().unwrap().truncate(2);
        to_yaml(&capture).unwrap()
    };
    let (first, second) = (small(0), small(1));
    // Mostly the small ones: there a mutation hits more.
    let sources = [&first, &second, &first, &second, &first, &second, &first, FULL];
    let mut random = Random(0x5eed);
    let (mut diagnosed, mut slowest) = (0, Duration::ZERO);
    for n in 0..count {
        let yaml = mutated(&mut random, &sources);
        let start = processor_time();
        match std::panic::catch_unwind(|| use_it(&yaml)) {
            Ok(used) => diagnosed += usize::from(used),
            Err(_) => panic!("mutation {n}:\n{yaml}"),
        }
        slowest = slowest.max(processor_time().saturating_sub(start));
    }
    println!(
        "{count} mutations: {diagnosed} diagnosed, {} refused, the slowest in {slowest:?}, VmHWM {} KiB",
        count - diagnosed,
        most_memory()
    );
    assert!(diagnosed > count / 10 && diagnosed < count);
    assert!(slowest < Duration::from_secs(10));
    // Only the long run has the process to itself.
    if std::env::var("CAPTURE_MUTATIONS").is_ok() {
        assert!(most_memory() < 64 << 10, "{} KiB", most_memory());
    }
}

#[test]
fn hostile_yaml_is_refused_soon_and_in_little_memory() {
    let start = Instant::now();
    // Each line nine times the one before: 9^12 strings.
    let mut bomb = "schema: 1\na: &a [x, x, x, x, x, x, x, x, x]\n".to_string();
    for name in 'b'..='l' {
        let before = char::from_u32(u32::from(name) - 1).unwrap();
        let items = format!("*{before}, ").repeat(9);
        bomb.push_str(&format!("{name}: &{name} [{items}]\n"));
    }
    bomb.push_str("snapshots: *l\n");
    let deep = |open: &str, times| format!("schema: 1\nsnapshots: {}", open.repeat(times));
    let huge = "x".repeat(1 << 18);
    let link = "oper_state: unknown";
    for (name, yaml) in [
        ("alias bomb", bomb),
        ("alias to itself", "schema: 1\nsnapshots: &a [*a]\n".to_string()),
        ("deep lists", deep("[", 5_000)),
        ("very deep lists", deep("[", 200_000)),
        ("deep maps", deep("{a: ", 2_000)),
        ("very deep maps", deep("{a: ", 200_000)),
        ("deep dashes", format!("schema: 1\nsnapshots:\n{}", "- ".repeat(20_000))),
        (
            "declared tags",
            (0..50_000).map(|n| format!("%TAG !{n}! !{n}\n")).collect::<String>() + "---\n" + FULL,
        ),
        ("huge word", FULL.replacen(link, &format!("oper_state: {huge}"), 1)),
        ("huge number", FULL.replacen("mtu: 1500", &format!("mtu: {}", "9".repeat(1 << 18)), 1)),
        ("huge key", format!("{huge}: 1\n")),
        ("duplicate field", FULL.replacen(link, &format!("{link}\n      {link}"), 1)),
        ("duplicate schema", format!("schema: 1\n{FULL}")),
        ("both seen and missing", FULL.replacen("seen: true", "seen: true\n      missing: {}", 1)),
        ("tags", FULL.replacen(link, "oper_state: !!python/object/apply:os.system [id]", 1)),
    ] {
        let sentence = from_yaml(&yaml).expect_err(name).to_string();
        assert!(sentence.len() < 1000, "{name}: {sentence}");
    }
    // What nobody reads may be deep, too, within the limit.
    assert!(use_it(&format!("a: {}{}\n{FULL}", "[".repeat(60), "]".repeat(60))));
    assert!(!use_it(&format!("a: {}{}\n{FULL}", "[".repeat(70), "]".repeat(70))));
    // A long text where any text may be is only long.
    assert!(use_it(&FULL.replace("hostname: gw1-paris", &format!("hostname: {huge}"))));
    println!("hostile YAML: {:?}, VmHWM {} KiB", start.elapsed(), most_memory());
    assert!(start.elapsed() < Duration::from_secs(30));
}
