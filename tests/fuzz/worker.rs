//! One process that runs inputs of one target, one after another, until one fails. It says how far it is in a file, so that whoever started
//! it knows the input that it died of.

use crate::limits::{Taken, measured};
use crate::mutate::Random;
use crate::targets::Target;
use nix::sys::resource::{Resource, setrlimit};
use std::cell::RefCell;
use std::fmt::Write;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Of address space: an input that wants more ends the process, and not the machine.
const MOST_SPACE: u64 = 4 << 30;

/// What a worker found.
#[derive(Default)]
pub struct Found {
    /// Inputs that were run.
    pub inputs: u64,
    /// Those that were taken for what they should be.
    pub taken: u64,
    /// The most that one took of each.
    pub most: Taken,
    /// The first that failed, and why.
    pub failure: Option<(u64, String)>,
}

/// The input of an iteration.
pub fn input(target: &Target, seeds: &[Vec<u8>], seed: u64, iteration: u64) -> Vec<u8> {
    (target.mutate)(&mut Random::at(seed, iteration), seeds)
}

/// Runs these iterations; `progress` has the number of the one that is run.
pub fn run(target: &Target, seed: u64, iterations: Range<u64>, progress: &File) -> Found {
    let _ = setrlimit(Resource::RLIMIT_AS, MOST_SPACE, MOST_SPACE);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    keep_panics();
    let seeds = (target.seeds)();
    let mut found = Found::default();
    for iteration in iterations {
        let _ = progress.write_at(&iteration.to_ne_bytes(), 0);
        let input = input(target, &seeds, seed, iteration);
        let (result, took) = once(target, &input);
        found.inputs += 1;
        found.taken += u64::from(matches!(result, Ok(true)));
        found.most.time = found.most.time.max(took.time);
        found.most.memory = found.most.memory.max(took.memory);
        if let Some(why) = result.err().or_else(|| took.too_much()) {
            found.failure = Some((iteration, why));
            break;
        }
    }
    found
}

/// Runs one input: whether it was taken, or what the panic said.
pub fn once(target: &Target, input: &[u8]) -> (Result<bool, String>, Taken) {
    let (result, took) = measured(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    (result.map_err(|_| PANIC.take()), took)
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A panic is kept, and not written: the failure is said once, with its input.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let mut said = String::new();
        let _ = write!(said, "{panic}");
        PANIC.set(said.replace('\n', " "));
    }));
}

impl Found {
    /// As one line, which `parse` reads.
    pub fn line(&self) -> String {
        let Taken { time, memory } = self.most;
        let (at, why) =
            self.failure.clone().map_or_else(Default::default, |(at, why)| (at.to_string(), why));
        format!("{} {} {} {memory} {at}: {why}", self.inputs, self.taken, time.as_nanos())
    }

    /// What a worker wrote at its end; none of one that died.
    pub fn parse(line: &str) -> Option<Self> {
        let (numbers, why) = line.trim_end().split_once(':')?;
        let mut numbers = numbers.split(' ').map(str::parse::<u64>);
        let mut next = || numbers.next().and_then(Result::ok);
        let (inputs, taken, time) = (next()?, next()?, next()?);
        let most = Taken {
            time: std::time::Duration::from_nanos(time),
            memory: usize::try_from(next()?).ok()?,
        };
        let failure = next().map(|at| (at, why.trim().to_owned()));
        Some(Self { inputs, taken, most, failure })
    }
}
