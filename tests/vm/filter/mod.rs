//! The differential test of the packet filter: random rulesets of nftables and random packets, the model's answer against the counters of the
//! rules in the real kernel.
//!
//! And a ruleset as VyOS makes it for a router with zones, with fifty packets, each of which must be decided.
//!
//! `tests/vm/run filter [--cases N] [--seed S] [--case N]… [KERNEL…]`. A case is a ruleset and some packets, each of which is held against the
//! counters by itself: a rule that the model says is met must have counted it, one that is not must not. A packet of which the model says that
//! its end cannot be known is counted as open, with the reason, never as agreement.

mod generate;
mod trial;

use crate::Fallible;
use crate::differential::random::Random;
use crate::options;
use crate::tally::Tally;
use std::collections::BTreeMap;
use std::time::Instant;
use trial::{Place, Trial};

pub const NAME: &str = "filter";

/// What a run came to.
#[derive(Default)]
struct Table {
    /// Packets by what became of them, as the model says.
    ends: BTreeMap<&'static str, u64>,
    /// Why the open ones are open.
    open: BTreeMap<String, u64>,
    /// What nft refused.
    refused: BTreeMap<String, u64>,
    passed: u64,
    failed: u64,
}

/// Runs the cases on this kernel; how many passed and failed.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let mut words = words.to_vec();
    let cases = options::number(&mut words, "--cases")?.unwrap_or(60);
    let seed = options::number(&mut words, "--seed")?.unwrap_or(1);
    let only = options::number(&mut words, "--case")?;
    if let Some(word) = words.first() {
        return Err(format!("filter: unknown word {word}"));
    }
    let started = Instant::now();
    let mut table = Table::default();
    let place = Place::new()?;
    let mut tally = Tally::default();
    tally.case("vyos", "a router with zones, groups, NAT", || of_vyos(&place));
    for case in only.map_or(0..cases, |case| case..case + 1) {
        let plan = generate::plan(&mut Random::of_case(seed, case));
        if only.is_some() {
            println!("{}", plan.ruleset);
        }
        // A kernel under load may not answer in time, which is said and is no wrong answer: once more.
        match place.run(&plan).or_else(|_| place.run(&plan)) {
            Ok(trial) => table.add(seed, case, &plan, trial),
            Err(error) => {
                println!("FAIL filter seed {seed} case {case}: {error}");
                table.failed += 1;
            }
        }
        if (case + 1) % 500 == 0 {
            let seconds = started.elapsed().as_secs();
            println!("     {} rulesets, {} disagree, {seconds} s", case + 1, table.failed);
        }
    }
    table.print(seed, started.elapsed().as_secs());
    let (passed, failed) = tally.sum();
    Ok((table.passed + passed, table.failed + failed))
}

/// Packets through the ruleset of VyOS.
const OF_VYOS: u64 = 50;

/// What differs with the ruleset of VyOS; that a packet is left open, too.
fn of_vyos(place: &Place) -> Fallible<Vec<String>> {
    let plan = generate::of_vyos(&mut Random::of_case(1, 0), OF_VYOS);
    let trials = match place.run(&plan)? {
        Trial::Refused(why) => return Ok(vec![why]),
        Trial::Ran(trials) => trials,
    };
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut differences = Vec::new();
    for (flow, trial) in plan.flows.iter().zip(trials) {
        *ends.entry(trial.end).or_default() += 1;
        let open = trial.open.map(|why| format!("open: {why}"));
        let wrong = trial.differences.into_iter().chain(open);
        differences.extend(wrong.map(|line| format!("{flow:?}: model: {}: {line}", trial.end)));
    }
    println!("     vyos: {ends:?}");
    Ok(differences)
}

impl Table {
    fn add(&mut self, seed: u64, case: u64, plan: &generate::Plan, trial: Trial) {
        let trials = match trial {
            Trial::Refused(why) => {
                let first = why.lines().next().unwrap_or_default();
                let kind = first.rsplit(": ").next().unwrap_or(first);
                let line = why.lines().nth(1).unwrap_or_default().trim();
                *self.refused.entry(format!("{kind}: {line}")).or_default() += 1;
                return;
            }
            Trial::Ran(trials) => trials,
        };
        let mut wrong = false;
        for (flow, of_packet) in plan.flows.iter().zip(trials) {
            *self.ends.entry(of_packet.end).or_default() += 1;
            if let Some(why) = of_packet.open {
                *self.open.entry(why).or_default() += 1;
            }
            if !of_packet.differences.is_empty() {
                if !wrong {
                    println!("FAIL filter seed {seed} case {case}");
                    plan.ruleset.lines().for_each(|line| println!("     | {line}"));
                }
                println!("     {flow:?}: model: {}", of_packet.end);
                of_packet.differences.iter().for_each(|line| println!("       {line}"));
                wrong = true;
            }
        }
        if wrong { self.failed += 1 } else { self.passed += 1 }
    }

    fn print(&self, seed: u64, seconds: u64) {
        let packets: u64 = self.ends.values().sum();
        println!("filter: seed {seed}, {packets} packets in {seconds} s");
        for (end, count) in &self.ends {
            println!("{end:<9} {count:>6} packets");
        }
        let rows = |title: &str, rows: &BTreeMap<String, u64>| {
            rows.iter().for_each(|(name, count)| println!("{title:<9} {count:>6} {name}"));
        };
        rows("open", &self.open);
        rows("refused", &self.refused);
        println!("{:<9} {:>6} rulesets", "agree", self.passed);
        println!("{:<9} {:>6} rulesets", "disagree", self.failed);
    }
}
