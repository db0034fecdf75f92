//! The differential test of the models: random cases, the model's answer against the real kernel's counters.
//!
//! `tests/vm/run differential [receive] [--cases N] [--seed S] [--case N]… [KERNEL…]`: packets that this host sends, or with `receive`
//! packets that it gets. A disagreement prints the case, shrinks it, and leaves a capture in /results that replays on any machine. An open
//! verdict is counted as open, never as agreement.

mod generate;
mod ip;
mod outcome;
mod plan;
pub mod random;
mod receive;
mod shrink;
mod table;
mod trial;

use crate::Fallible;
use crate::options;
use outcome::Case;
use random::Random;
use std::time::Instant;
use table::Table;

/// The word for packets that this host gets.
const RECEIVE: &str = "receive";

/// Which cases to run.
struct Options {
    /// Packets that this host gets, not those that it sends.
    receives: bool,
    cases: u64,
    seed: u64,
    /// Only these; all where none is named.
    only: Vec<u64>,
    /// Whether the first disagreement ends the run.
    stops: bool,
}

/// Runs the cases on this kernel; how many passed and failed.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let options = Options::parse(words)?;
    // A namespace's own tunnels of the drivers, which nobody uses, cost as much as the case.
    std::fs::write("/proc/sys/net/core/fb_tunnels_only_for_init_net", "1")
        .map_err(|error| format!("cannot set fb_tunnels_only_for_init_net: {error}"))?;
    Ok(if options.receives {
        run_cases(&options, receive::plan)
    } else {
        run_cases(&options, generate::plan)
    })
}

fn run_cases<C: Case>(options: &Options, draw: impl Fn(&mut Random) -> C) -> (u64, u64) {
    let started = Instant::now();
    let mut table = Table::default();
    let all: Vec<u64> = (0..options.cases).collect();
    let cases = if options.only.is_empty() { &all } else { &options.only };
    for number in cases.iter().copied() {
        let case = draw(&mut Random::of_case(options.seed, number));
        if !options.only.is_empty() {
            print!("{case}");
        }
        let mut run = case.run();
        // A packet of the kernel's own may have come between: what differs twice is wrong.
        if run.as_ref().map_or(true, |trial| trial.disagrees()) {
            println!("     seed {} case {number} differed once", options.seed);
            run = case.run();
        }
        match run {
            Ok(trial) => table.add(options, number, &case, &trial),
            Err(error) => {
                println!("FAIL {} seed {} case {number}: {error}", options.name(), options.seed);
                table.failed += 1;
            }
        }
        if options.stops && table.failed > 0 {
            break;
        }
        if (number + 1) % 250 == 0 {
            let Table { passed, failed, .. } = table;
            let seconds = started.elapsed().as_secs();
            println!("     {} cases, {passed} agree, {failed} do not, {seconds} s", number + 1);
        }
    }
    table.print(options, started.elapsed().as_secs());
    (table.passed, table.failed)
}

impl Options {
    fn parse(words: &[&str]) -> Fallible<Options> {
        let mut words = words.to_vec();
        let receives = options::flag(&mut words, RECEIVE);
        let cases = options::number(&mut words, "--cases")?.unwrap_or(1000);
        let seed = options::number(&mut words, "--seed")?.unwrap_or(1);
        let mut only = Vec::new();
        while let Some(case) = options::number(&mut words, "--case")? {
            only.push(case);
        }
        let stops = options::flag(&mut words, crate::guest::STOP);
        match words.first() {
            Some(word) => Err(format!("differential: unknown word {word}")),
            None => Ok(Options { receives, cases, seed, only, stops }),
        }
    }

    /// The words that ask for it.
    fn name(&self) -> &'static str {
        if self.receives { "differential receive" } else { "differential" }
    }
}
