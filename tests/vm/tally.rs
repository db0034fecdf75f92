//! How the cases of a run went: what each prints, and how many passed and failed. It runs nothing by itself, and knows no case.

use crate::Fallible;
use std::time::Instant;

/// How many cases passed and failed.
#[derive(Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Runs a case, which returns what differs, and again where something does: a kernel sends packets of its own now and then (reports of
    /// multicast listeners, solicitations), and an emulated processor stalls, but not twice at the same place. What was seen once is printed.
    pub fn case(&mut self, name: &str, why: &str, mut run: impl FnMut() -> Fallible<Vec<String>>) {
        self.once(name, why, || {
            let first = run().unwrap_or_else(|error| vec![error]);
            if first.is_empty() {
                return Ok(first);
            }
            let lines = first.iter().flat_map(|found| found.lines());
            lines.for_each(|line| println!("     once: {line}"));
            run()
        });
    }

    /// Runs a case that is not run again: one that counts how often something happens, or whose second run is another case.
    pub fn once(&mut self, name: &str, why: &str, run: impl FnOnce() -> Fallible<Vec<String>>) {
        let started = Instant::now();
        let differences = run().unwrap_or_else(|error| vec![error]);
        let is_passed = differences.is_empty();
        let verdict = if is_passed { "pass" } else { "FAIL" };
        println!("{verdict} {name} ({} ms)", started.elapsed().as_millis());
        if !is_passed {
            println!("       {why}");
            let lines = differences.iter().flat_map(|difference| difference.lines());
            lines.for_each(|line| println!("     {line}"));
        }
        *(if is_passed { &mut self.passed } else { &mut self.failed }) += 1;
    }

    pub const fn has_failed(&self) -> bool {
        self.failed > 0
    }

    /// How many passed and failed.
    pub const fn sum(&self) -> (u64, u64) {
        (self.passed, self.failed)
    }
}
