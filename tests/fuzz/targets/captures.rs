//! Captures, the one input that comes from strangers: as YAML, as JSON, and YAML's own syntax. What can be read is diagnosed, said in one of
//! the forms, redacted, and now and then written again. What an input becomes depends on nothing but its bytes.

use super::{Target, file};
use crate::mutate::{Random, bytes, capture as lines, json as tree, yaml as syntax};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use vti_diagnostics::capture::{Capture, from_yaml, redact, to_yaml};
use vti_diagnostics::check::{self, Thresholds};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::metrics::{self, Facts, Format, Recorder};
use vti_diagnostics::render::{json, text, yaml};
use vti_diagnostics::report::Report;
use vti_diagnostics::snapshot::{Observed, Snapshot};

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
        snapshot.policies.as_mut().expect("policies").truncate(9);
        snapshot.proc_net_dev.as_mut().expect("devices").truncate(2);
        // What one of them has not read stays so.
        cut(&mut snapshot.xfrm_statistics, |counters| counters.truncate(4));
        cut(&mut snapshot.charon_log, |lines| lines.truncate(8));
        cut(&mut snapshot.source_validation, |rules| rules.truncate(2));
        cut(&mut snapshot.recorded, |recorded| recorded.episodes.truncate(2));
        cut(&mut snapshot.ike, |ike| {
            ike.connections.truncate(2);
            ike.sas.truncate(2);
        });
        cut(&mut snapshot.configuration, |configuration| {
            configuration.interfaces.truncate(2);
            configuration.peers.truncate(2);
        });
        to_yaml(&capture).expect("a capture can be written").into_bytes()
    };
    let mut seeds = vec![small(0), small(1)];
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let entries = std::fs::read_dir(directory).expect("captures").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    names.sort();
    seeds.extend(names.iter().map(|path| std::fs::read(path).expect("a capture")));
    seeds
}

fn cut<T>(value: &mut Observed<T>, cut: impl FnOnce(&mut T)) {
    if let Ok(value) = value {
        cut(value);
    }
}

/// The seed of an iteration, of so many: mostly one of the small ones.
fn seed(random: &mut Random, seeds: usize) -> usize {
    if random.one_in(8) { random.below(seeds) } else { random.below(2) }
}

fn mutate_yaml(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let both = [seed(random, seeds.len()), seed(random, seeds.len())];
    let both = both.map(|n| std::str::from_utf8(&seeds[n]).expect("UTF-8"));
    lines::mutated(random, &both).into_bytes()
}

fn json_seeds() -> Vec<Vec<u8>> {
    let json = |text: Vec<u8>| {
        let text = String::from_utf8(text).expect("UTF-8");
        serde_json::to_vec(&from_yaml(&text).expect("a capture")).expect("it can be written")
    };
    seeds().into_iter().map(json).collect()
}

fn mutate_json(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    // To read the seeds takes as long as to run an input: once for all of them.
    static TREES: OnceLock<Vec<Value>> = OnceLock::new();
    let parsed = |bytes: &Vec<u8>| serde_json::from_slice::<Value>(bytes).expect("a seed is JSON");
    let trees = TREES.get_or_init(|| seeds.iter().map(parsed).collect());
    let (mine, other) = (seed(random, seeds.len()), seed(random, seeds.len()));
    let mut changed = trees[mine].clone();
    tree::mutate(random, &mut changed, &trees[other]);
    let mut text = serde_json::to_vec(&changed).expect("it can be written");
    if random.one_in(6) {
        bytes::mutate(random, &mut text, &seeds[other]);
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
    // One form of each, by its length, so that it is the same again; the text with all of its detail mostly.
    match input.len() % 8 {
        0 => drop(json::write(&report).expect("a report can be written")),
        1 => drop(yaml::write(&report).expect("a report can be written")),
        2 => assert!(!text::report(&report, 40, text::Shown::Page).is_empty()),
        3 => meter(observation.now),
        4 => check(&report),
        _ => assert!(!text::report(&report, 80, text::Shown::Detail).is_empty()),
    }
    let redacted = redact(capture).expect("it can be redacted");
    if input.len() % 4 == 3 {
        to_yaml(&redacted).expect("it can be written");
    }
    true
}

/// The metrics: no line but those of the form, and no series twice.
fn meter(now: &Snapshot) {
    let recorder = Recorder::of_capture(&now.recorded);
    let facts = Facts::of(now, recorder).expect("it can be diagnosed");
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = metrics::write(&facts, format);
        let mut series = BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (labels, value) = line.rsplit_once(' ').expect("a value");
            assert!(labels.starts_with("vti_") && value.parse::<f64>().is_ok(), "{line:?}");
            assert!(series.insert(labels), "twice: {line:?}");
        }
    }
}

/// The plugin: performance data in the first line alone.
fn check(report: &Report) {
    let zero = || "0".parse().expect("a range");
    let thresholds = Thresholds { warning: zero(), critical: zero() };
    let text = check::answer(report, None, &thresholds).text;
    assert!(text.starts_with("VTI ") && text.ends_with('\n'), "{text:?}");
    assert!(
        text.lines().enumerate().all(|(n, line)| line.matches('|').count() <= usize::from(n == 0)),
        "{text:?}"
    );
}
