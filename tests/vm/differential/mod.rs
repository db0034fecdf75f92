//! The differential test of the transmit model: random cases, the model's answer against the real kernel's counters.
//!
//! `tests/vm/run differential [--cases N] [--seed S] [--case N]… [KERNEL…]`. A disagreement prints the case, shrinks it, and leaves a
//! capture in /results that replays on any machine. An open verdict is counted as open, never as agreement.

mod generate;
mod plan;
mod random;
mod shrink;
mod trial;

use crate::Fallible;
use crate::options;
use plan::Plan;
use random::Random;
use std::collections::BTreeMap;
use std::time::Instant;
use trial::{Outcome, Trial};
use vti_diagnostics::capture::{Capture, SCHEMA, to_yaml};
use vti_diagnostics::way::Site;

/// Which cases to run.
struct Options {
    cases: u64,
    seed: u64,
    /// Only these; all where none is named.
    only: Vec<u64>,
    /// Whether the first disagreement ends the run.
    stops: bool,
}

/// What a run came to.
#[derive(Default)]
struct Table {
    /// Packets by the site that the model named.
    sites: BTreeMap<String, u64>,
    /// Why the open ones are open.
    open: BTreeMap<String, u64>,
    /// What the kernel refused of the lines.
    refused: BTreeMap<String, u64>,
    incomparable: u64,
    passed: u64,
    failed: u64,
}

/// Runs the cases on this kernel; how many passed and failed.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let options = Options::parse(words)?;
    // A namespace's own tunnels of the drivers, which nobody uses, cost as much as the case.
    std::fs::write("/proc/sys/net/core/fb_tunnels_only_for_init_net", "1")
        .map_err(|error| format!("cannot set fb_tunnels_only_for_init_net: {error}"))?;
    let started = Instant::now();
    let mut table = Table::default();
    let all: Vec<u64> = (0..options.cases).collect();
    let cases = if options.only.is_empty() { &all } else { &options.only };
    for case in cases.iter().copied() {
        let plan = generate::plan(&mut Random::of_case(options.seed, case));
        if !options.only.is_empty() {
            print!("{plan}");
        }
        match trial::run(&plan) {
            Ok(trial) => table.add(&options, case, &plan, trial),
            Err(error) => {
                println!("FAIL differential seed {} case {case}: {error}", options.seed);
                table.failed += 1;
            }
        }
        if options.stops && table.failed > 0 {
            break;
        }
        if (case + 1) % 250 == 0 {
            let Table { passed, failed, .. } = table;
            let seconds = started.elapsed().as_secs();
            println!("     {} cases, {passed} agree, {failed} do not, {seconds} s", case + 1);
        }
    }
    table.print(&options, started.elapsed().as_secs());
    Ok((table.passed, table.failed))
}

impl Options {
    fn parse(words: &[&str]) -> Fallible<Options> {
        let mut words = words.to_vec();
        let cases = options::number(&mut words, "--cases")?.unwrap_or(1000);
        let seed = options::number(&mut words, "--seed")?.unwrap_or(1);
        let mut only = Vec::new();
        while let Some(case) = options::number(&mut words, "--case")? {
            only.push(case);
        }
        let stops = options::flag(&mut words, crate::guest::STOP);
        match words.first() {
            Some(word) => Err(format!("differential: unknown word {word}")),
            None => Ok(Options { cases, seed, only, stops }),
        }
    }
}

impl Table {
    fn add(&mut self, options: &Options, case: u64, plan: &Plan, trial: Trial) {
        self.incomparable += trial.incomparable;
        for line in trial.refused.lines().filter(|line| !line.starts_with("Command failed")) {
            *self.refused.entry(line.to_owned()).or_default() += 1;
        }
        for outcome in &trial.outcomes {
            *self.sites.entry(name(&outcome.verdict.site)).or_default() += 1;
            if let Site::Undecided(missing) = &outcome.verdict.site {
                *self.open.entry(kind(&missing.to_string())).or_default() += 1;
            }
            if !options.only.is_empty() {
                print_outcome(outcome);
            }
        }
        let Some(wrong) = trial.outcomes.iter().find(|outcome| !outcome.differences.is_empty())
        else {
            self.passed += 1;
            return;
        };
        self.failed += 1;
        println!("FAIL differential seed {} case {case}", options.seed);
        print_outcome(wrong);
        // Enough of them say the same.
        if self.failed <= 12 {
            save(options, case, plan, wrong);
            let small = shrink::shrink(plan);
            small.to_string().lines().for_each(|line| println!("     | {line}"));
            if let Ok(trial) = trial::run(&small) {
                trial.outcomes.iter().filter(|o| !o.differences.is_empty()).for_each(print_outcome);
            }
        }
    }

    fn print(&self, options: &Options, seconds: u64) {
        let packets: u64 = self.sites.values().sum();
        println!("differential: seed {}, {packets} packets in {seconds} s", options.seed);
        let rows = |title: &str, rows: &BTreeMap<String, u64>| {
            rows.iter().for_each(|(name, count)| println!("{title:<9} {count:>6} {name}"));
        };
        rows("site", &self.sites);
        rows("open", &self.open);
        rows("refused", &self.refused);
        println!("{:<9} {:>6} packets of other ways", "left out", self.incomparable);
        println!("{:<9} {:>6} cases", "agree", self.passed);
        println!("{:<9} {:>6} cases", "disagree", self.failed);
    }
}

fn print_outcome(outcome: &Outcome) {
    println!("     {}, {} bytes: {:?}", outcome.flow, outcome.flow.size, outcome.verdict.site);
    for step in &outcome.verdict.trail {
        println!("       {}: {}: {} {:?}", step.name, step.looked_at, step.result, step.notes);
    }
    outcome.differences.iter().for_each(|difference| println!("     {difference}"));
}

/// The variant's name, and the reason of a state check: each is a class of its own.
fn name(site: &Site) -> String {
    match site {
        Site::StateCheck { reason, .. } => format!("StateCheck {reason:?}"),
        Site::OuterRoute { errno, .. } => format!("OuterRoute {errno}"),
        Site::Undecided(_) => "Undecided".into(),
        site => {
            let text = format!("{site:?}");
            text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    }
}

/// A reason without its numbers, so that equal reasons are counted together.
fn kind(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.take(16).collect::<Vec<_>>().join(" ")
}

/// The capture with the packet at its head.
fn save(options: &Options, case: u64, plan: &Plan, outcome: &Outcome) {
    let capture = Capture {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        redacted: false,
        snapshots: vec![outcome.snapshot.clone()],
    };
    let head: String = format!("{:?}\n{:?}\n{plan}", outcome.flow, outcome.differences)
        .lines()
        .map(|line| format!("# {line}\n"))
        .collect();
    let path = format!("/results/seed-{}-case-{case}.yaml", options.seed);
    let text = to_yaml(&capture).unwrap_or_default();
    if let Err(error) = std::fs::write(&path, head + &text) {
        println!("     cannot write {path}: {error}");
    }
}
