//! Broken captures: whatever is in the file, reading it, diagnosing it and writing the report end soon, in bounded memory, without a panic.
//! `CAPTURE_MUTATIONS=100000 cargo test --release --test capture mutated -- --nocapture --test-threads 1` is the long run.

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

/// Values at the ends of what a field can hold, or of another kind.
const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "255",
    "256",
    "65535",
    "2147483647",
    "-2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    ".nan",
    "true",
    "null",
    "",
    "''",
    "{}",
    "[]",
    "0.0.0.0",
    "255.255.255.255",
    "'::'",
    "'ff02::1'",
    "0.0.0.0/0",
    "'::/0'",
    "10.0.0.1/32",
    "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'",
    "255.255.255.255/32",
    "127.0.0.1",
    "'0x00000000'",
    "'0xffffffff'",
    "'0xffffffff/0xffffffff'",
    "'0x0/0xffffffff'",
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
    "\"\\e[31m\\0\\n\"",
    "*a",
    "&a a",
    "!t x",
];

fn mutated(random: &mut Random, sources: &[&str]) -> String {
    let mut text = random.of(sources).as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
        let (at, length) = (random.below(lines.len()), 1 + random.below(30));
        let end = (at + length).min(lines.len());
        text = match random.below(8) {
            // A scalar becomes another, most often: it is what gets through to the diagnosis.
            0..=2 => {
                let mut lines: Vec<Vec<u8>> = lines.iter().map(|l| l.to_vec()).collect();
                if let Some(line) = lines.get_mut(at) {
                    let colon = line.windows(2).position(|w| w == b": ").unwrap_or(line.len());
                    line.truncate(colon);
                    line.extend_from_slice(b": ");
                    line.extend_from_slice(random.of(VALUES).as_bytes());
                    line.push(b'\n');
                }
                lines.concat()
            }
            3 => {
                let mut text = lines.concat();
                let at = random.below(text.len());
                if let Some(byte) = text.get_mut(at) {
                    *byte ^= 1 << random.below(7);
                }
                text
            }
            4 => [&lines[..at], &lines[end..]].concat().concat(),
            5 => [&lines[..end], &lines[at..]].concat().concat(),
            6 if random.below(8) == 0 => text[..random.below(text.len())].to_vec(),
            _ => {
                let other: Vec<&str> = random.of(sources).split_inclusive('\n').collect();
                let from = random.below(other.len());
                let piece = other[from..(from + length).min(other.len())].concat();
                [&lines[..at].concat(), piece.as_bytes(), &lines[end..].concat()].concat()
            }
        };
    }
    String::from_utf8_lossy(&text).into_owned()
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

/// The greatest memory of this process so far, in KiB.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn mutated_captures_are_refused_or_diagnosed() {
    let count = std::env::var("CAPTURE_MUTATIONS").map_or(5000, |n| n.parse().unwrap());
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
        snapshot.associations.as_mut().unwrap().truncate(6);
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
        let start = Instant::now();
        match std::panic::catch_unwind(|| use_it(&yaml)) {
            Ok(used) => diagnosed += usize::from(used),
            Err(_) => panic!("mutation {n}:\n{yaml}"),
        }
        slowest = slowest.max(start.elapsed());
    }
    println!(
        "{count} mutations: {diagnosed} diagnosed, {} refused, the slowest in {slowest:?}, VmHWM {} KiB",
        count - diagnosed,
        most_memory()
    );
    assert!(diagnosed > count / 10 && diagnosed < count);
    assert!(slowest < Duration::from_secs(10));
    assert!(most_memory() < 64 << 10, "{} KiB", most_memory());
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
    let deep = |open: &str| format!("schema: 1\nsnapshots: {}", open.repeat(100_000));
    let huge = "x".repeat(4 << 20);
    let link = "oper_state: unknown";
    for (name, yaml) in [
        ("alias bomb", bomb),
        ("alias to itself", "schema: 1\nsnapshots: &a [*a]\n".to_string()),
        ("deep lists", deep("[")),
        ("deep maps", deep("{a: ")),
        ("deep dashes", deep("\n- ").replace("\n- ", "- ").replacen("- ", "\n- ", 1)),
        ("deep ignored lists", format!("a: {}", "[".repeat(50_000)) + "\n" + FULL),
        ("huge word", FULL.replacen(link, &format!("oper_state: {huge}"), 1)),
        ("huge number", FULL.replacen("mtu: 1500", &format!("mtu: {}", "9".repeat(1 << 20)), 1)),
        ("huge key", format!("{huge}: 1\n")),
        ("duplicate field", FULL.replacen(link, &format!("{link}\n      {link}"), 1)),
        ("duplicate schema", format!("schema: 1\n{FULL}")),
        ("both seen and missing", FULL.replacen("seen: true", "seen: true\n      missing: {}", 1)),
        ("tags", FULL.replacen(link, "oper_state: !!python/object/apply:os.system [id]", 1)),
    ] {
        let sentence = from_yaml(&yaml).expect_err(name).to_string();
        assert!(sentence.len() < 1000, "{name}: {sentence}");
    }
    // A long text where any text may be is only long.
    assert!(use_it(&FULL.replace("hostname: gw1-paris", &format!("hostname: {huge}"))));
    println!("hostile YAML: {:?}, VmHWM {} KiB", start.elapsed(), most_memory());
    assert!(start.elapsed() < Duration::from_secs(60));
}
