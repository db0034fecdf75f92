//! Captures, the one input that comes from strangers: as YAML, as JSON, and YAML's own syntax. What can be read is diagnosed, said in every
//! form, and redacted.

use super::{Target, file};
use crate::mutate::{Random, bytes, capture as lines, json as tree, yaml as syntax};
use serde_json::Value;
use vti_diagnostics::capture::{Capture, from_yaml, redact, to_yaml};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::{json, text, yaml};

pub const YAML: Target =
    Target { name: "captures", inputs: (200_000, 150), seeds, mutate: mutate_yaml, run };
pub const JSON: Target = Target {
    name: "captures-json",
    inputs: (200_000, 150),
    seeds: json_seeds,
    mutate: mutate_json,
    run,
};
pub const SYNTAX: Target =
    Target { name: "yaml", inputs: (200_000, 300), seeds, mutate: syntax::text, run };

/// Two small ones first, in which a change hits more; then all that the laboratory took.
fn seeds() -> Vec<Vec<u8>> {
    let text = String::from_utf8(file("captures/full.yaml")).expect("UTF-8");
    let full = from_yaml(&text).expect("a capture");
    let small = |n: usize| {
        let mut capture = Capture { snapshots: vec![full.snapshots[n].clone()], ..full.clone() };
        let snapshot = &mut capture.snapshots[0];
        // A tunnel of each driver, and what belongs to them.
        let kept = if n == 0 { [7, 8, 4] } else { [9, 10, 4] };
        snapshot.links.as_mut().expect("links").retain(|link| kept.contains(&link.ifindex));
        snapshot.addresses.as_mut().expect("addresses").retain(|a| kept.contains(&a.ifindex));
        snapshot.routes.as_mut().expect("routes").truncate(6);
        snapshot.route_lookups.as_mut().expect("lookups").truncate(6);
        snapshot.rules.as_mut().expect("rules").truncate(2);
        snapshot.sas.as_mut().expect("SAs").truncate(6);
        snapshot.proc_net_dev.as_mut().expect("devices").truncate(2);
        to_yaml(&capture).expect("a capture can be written").into_bytes()
    };
    let mut seeds = vec![small(0), small(1), text.into_bytes()];
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let entries = std::fs::read_dir(directory).expect("captures").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    names.sort();
    seeds.extend(names.iter().map(|path| std::fs::read(path).expect("a capture")));
    seeds
}

/// The seed of an iteration: mostly one of the small ones.
fn seed<'a>(random: &mut Random, seeds: &'a [Vec<u8>]) -> &'a [u8] {
    let n = if random.one_in(8) { random.below(seeds.len()) } else { random.below(2) };
    &seeds[n]
}

fn mutate_yaml(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let both = [seed(random, seeds), seed(random, seeds)];
    let both = both.map(|bytes| std::str::from_utf8(bytes).expect("UTF-8"));
    lines::mutated(random, &both).into_bytes()
}

fn json_seeds() -> Vec<Vec<u8>> {
    let json = |text: Vec<u8>| {
        let text = String::from_utf8(text).expect("UTF-8");
        serde_json::to_vec(&from_yaml(&text).expect("a capture")).expect("it can be written")
    };
    // The great ones as JSON take most of the time, and are no other form.
    seeds().into_iter().take(8).map(json).collect()
}

fn mutate_json(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let (mine, other) = (seed(random, seeds), seed(random, seeds));
    let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("a seed is JSON");
    let mut changed = parsed(mine);
    tree::mutate(random, &mut changed, &parsed(other));
    let mut text = serde_json::to_vec(&changed).expect("it can be written");
    if random.one_in(6) {
        bytes::mutate(random, &mut text, other);
    }
    text
}

/// All that the program does with a capture.
fn run(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let Ok(capture) = from_yaml(&text) else { return false };
    let observation = match capture.snapshots.as_slice() {
        [now] => Observation { now, earlier: None },
        [earlier, now] => Observation { now, earlier: Some(earlier) },
        _ => panic!("one or two snapshots"),
    };
    let report = diagnose::run(&observation, None).expect("it can be diagnosed");
    assert!(!text::report(&report, 80, true).is_empty());
    // The other forms of three in eight: they take most of the time. By its length, so that it is the same again.
    match input.len() % 8 {
        0 => drop(json::write(&report).expect("a report can be written")),
        1 => drop(yaml::write(&report).expect("a report can be written")),
        2 => assert!(!text::report(&report, 40, false).is_empty()),
        _ => {}
    }
    redact(&capture).expect("it can be redacted");
    true
}
