//! What a run of cases came to, as a table: packets by where they end, what the model leaves open, what the kernel refused.

use super::outcome::{Case, Outcome, Trial};
use super::{Options, shrink};
use std::collections::BTreeMap;
use vti_diagnostics::capture::{Capture, SCHEMA, to_yaml};

/// Disagreements that are shrunk and saved; enough of them say the same.
const SHOWN: u64 = 12;

/// The sums.
#[derive(Default)]
pub struct Table {
    /// Packets by the site that the model named.
    sites: BTreeMap<String, u64>,
    /// Why the open ones are open.
    open: BTreeMap<String, u64>,
    /// What the kernel refused of the lines.
    refused: BTreeMap<String, u64>,
    incomparable: u64,
    pub passed: u64,
    pub failed: u64,
}

impl Table {
    /// Adds a case. A disagreement is printed, saved and shrunk.
    pub fn add<C: Case>(&mut self, options: &Options, number: u64, case: &C, trial: &Trial) {
        self.incomparable += trial.incomparable;
        for line in trial.refused.lines().filter(|line| !line.starts_with("Command failed")) {
            *self.refused.entry(line.to_owned()).or_default() += 1;
        }
        for outcome in &trial.outcomes {
            *self.sites.entry(outcome.class.clone()).or_default() += 1;
            if let Some(missing) = &outcome.open {
                *self.open.entry(kind(missing)).or_default() += 1;
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
        println!("FAIL {} seed {} case {number}", options.name(), options.seed);
        print_outcome(wrong);
        if self.failed <= SHOWN {
            save(options, number, case, wrong);
            let small = shrink::shrink(case);
            small.to_string().lines().for_each(|line| println!("     | {line}"));
            if let Ok(trial) = small.run() {
                trial.outcomes.iter().filter(|o| !o.differences.is_empty()).for_each(print_outcome);
            }
        }
    }

    /// The whole table.
    pub fn print(&self, options: &Options, seconds: u64) {
        let packets: u64 = self.sites.values().sum();
        println!("{}: seed {}, {packets} packets in {seconds} s", options.name(), options.seed);
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
    println!("     {}: {}", outcome.packet, outcome.site);
    for step in &outcome.steps {
        println!("       {}: {}: {} {:?}", step.name, step.looked_at, step.result, step.notes);
    }
    outcome.differences.iter().for_each(|difference| println!("     {difference}"));
}

/// A reason without its numbers, so that equal reasons are counted together.
fn kind(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.take(16).collect::<Vec<_>>().join(" ")
}

/// The capture with the packet at its head.
fn save<C: Case>(options: &Options, number: u64, case: &C, outcome: &Outcome) {
    let capture = Capture {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        redacted: false,
        snapshots: vec![outcome.snapshot.clone()],
    };
    let head: String = format!("{}\n{:?}\n{case}", outcome.packet, outcome.differences)
        .lines()
        .map(|line| format!("# {line}\n"))
        .collect();
    let name = options.name().replace(' ', "-");
    let path = format!("/results/{name}-seed-{}-case-{number}.yaml", options.seed);
    let text = to_yaml(&capture).unwrap_or_default();
    if let Err(error) = std::fs::write(&path, head + &text) {
        println!("     cannot write {path}: {error}");
    }
}
