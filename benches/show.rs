//! What `show` costs, as ratios of whole processes in one run: growth with the number of tunnels, start-up beside Python's, and `metrics` beside it.
//! It writes its captures into cargo's own directory and judges nothing.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark speaks to its caller and stops at an error"
)]

#[path = "show/states.rs"]
mod states;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vti_diagnostics::capture::{Capture, SCHEMA, to_yaml};
use vti_diagnostics::metrics::{self, Facts, Recorder, write as write_metrics};
use vti_diagnostics::snapshot::Snapshot;

const SHOW: &str = env!("CARGO_BIN_EXE_vti-diagnostics");
/// Rounds, of which the median counts.
const ROUNDS: usize = 7;

fn main() {
    let files: Vec<(u32, PathBuf)> =
        [100, 1_000, 10_000].map(|n| (n, write(&n.to_string(), states::healthy(n)))).into();
    let times: Vec<(u32, Duration)> =
        files.iter().map(|(n, file)| (*n, median(|| show(file)))).collect();
    for ((n, time), (_, file)) in times.iter().zip(&files) {
        let size = std::fs::metadata(file).unwrap().len() as f64 / 1e6;
        println!(
            "show, {n:>6} tunnels, {:>6} SAs, {:>6} policies ({size:.1} MB): {time:.2?}",
            2 * n,
            6 * n
        );
    }
    for pair in times.windows(2) {
        if let [(a, few), (b, many)] = pair {
            let ratio = many.as_secs_f64() / few.as_secs_f64();
            println!("growth {a} to {b} tunnels: x{ratio:.2} for x{}", b / a);
        }
    }
    // The report alone, without reading 8 entries of YAML for each tunnel.
    let report = |snapshot: &Snapshot| {
        median(|| {
            let observation =
                vti_diagnostics::diagnose::Observation { now: snapshot, earlier: None };
            let report = vti_diagnostics::diagnose::run(&observation, None).unwrap();
            std::hint::black_box(vti_diagnostics::render::text::report(
                &report,
                80,
                vti_diagnostics::render::text::Shown::Page,
            ));
        })
    };
    let (few, many) = (report(&states::healthy(1_000)), report(&states::healthy(10_000)));
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!(
        "diagnosis and text alone: {few:.2?} for 1000, {many:.2?} for 10000 tunnels: x{ratio:.2} for x10"
    );
    let metrics = |snapshot: &Snapshot| {
        median(|| {
            let facts = Facts::of(snapshot, Recorder::Skipped).unwrap();
            std::hint::black_box(write_metrics(&facts, metrics::Format::Prometheus));
        })
    };
    let thousand = states::healthy(1_000);
    let (shown, metered) = (report(&thousand), metrics(&thousand));
    let ratio = metered.as_secs_f64() / shown.as_secs_f64();
    println!(
        "diagnosis and metrics alone, 1000 tunnels: {metered:.2?}, x{ratio:.2} of diagnosis and text"
    );
    for (to_one_peer, whither) in [(true, "to one peer"), (false, "to as many peers")] {
        let time = report(&states::equal_selectors(4_000, to_one_peer));
        println!(
            "4000 pairs of SAs and 4000 policies a direction with equal selectors, {whither}: {time:.2?}"
        );
    }
    let start = median(|| run(Command::new(SHOW).arg("explain")));
    let python = median(|| run(Command::new("python3").args(["-c", "import json"])));
    let ratio = python.as_secs_f64() / start.as_secs_f64();
    println!("start-up: {start:.2?}, python3 -c 'import json': {python:.2?}: x{ratio:.1} faster");
}

fn show(file: &Path) {
    run(Command::new(SHOW).args(["show", "--capture"]).arg(file));
}

fn run(command: &mut Command) {
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times.into_iter().nth(ROUNDS / 2).unwrap()
}

fn write(name: &str, snapshot: Snapshot) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}.yaml"));
    let capture = Capture {
        schema: SCHEMA,
        tool_version: "0".into(),
        redacted: false,
        snapshots: vec![snapshot],
    };
    std::fs::write(&path, to_yaml(&capture).unwrap()).unwrap();
    path
}
