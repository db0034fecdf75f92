//! Captures that were made to do harm: reading them ends soon, in little memory, and with a sentence. Captures that are changed at random are
//! the business of tests/fuzz.

use super::FULL;
use std::time::{Duration, Instant};
use vti_diagnostics::capture::{from_yaml, redact};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::text;

/// All that the program does with a capture. Whether it was one.
fn use_it(yaml: &str) -> bool {
    let Ok(capture) = from_yaml(yaml) else { return false };
    let observation = match capture.snapshots.as_slice() {
        [now] => Observation { now, earlier: None },
        [earlier, now] => Observation { now, earlier: Some(earlier) },
        _ => panic!("one or two snapshots"),
    };
    let report = diagnose::run(&observation, None).unwrap();
    assert!(!text::report(&report, 80, text::Shown::Detail).is_empty());
    redact(capture.clone()).unwrap();
    true
}

/// The greatest memory of this process so far, in KiB.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
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
