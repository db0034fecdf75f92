//! The fuzz harness: good inputs out of the tree, changed at random and the same in each run, through everything that the program does
//! with them. None may panic (arithmetic is checked), take 2 s of a processor or 256 MiB of memory.
//!
//! Without words it is a test of `cargo test`: some inputs of each target, and faults that are planted to be found. `tests/fuzz/run` builds
//! it optimised, and says what can be asked of it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what goes wrong in the harness ends it, and its lines are its product"
)]

#[path = "../vici/answers.rs"]
#[allow(dead_code, reason = "its other users replace parts of answers")]
mod answers;
mod limits;
#[path = "../mutate/mod.rs"]
mod mutate;
#[path = "../wire/recordings.rs"]
#[allow(dead_code, reason = "its other users write YAML")]
mod recordings;
#[path = "../history/reports.rs"]
mod reports;
mod supervisor;
mod targets;
mod worker;

use std::process::ExitCode;
use supervisor::WORKER;
use targets::planted::PLANTED;
use targets::{TARGETS, Target};

/// The seed where none is given.
const SEED: u64 = 1;

const USAGE: &str = "TARGET... [--seed N] [--count N] [--iteration N]    inputs of these targets, or of `all`\n\
    replay TARGET FILE...                               inputs out of files\n\
    targets: wire vici journals captures captures-json yaml pasted";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [WORKER, words @ ..] => work(words),
        ["run", words @ ..] => run(words),
        ["replay", name, files @ ..] => replay(name, files),
        words => short(words),
    };
    done.unwrap_or_else(|error| {
        eprintln!("fuzz: {error}");
        ExitCode::FAILURE
    })
}

type Done = Result<ExitCode, String>;

/// The target of this name; those that are planted have names, too.
fn target(name: &str) -> Result<&'static Target, String> {
    static ALL: [Target; 8] = TARGETS;
    static FAULTS: [(Target, &str); 4] = PLANTED;
    let mut all = ALL.iter().chain(FAULTS.iter().map(|(target, _)| target));
    all.find(|target| target.name == name).ok_or_else(|| format!("no target {name}\n{USAGE}"))
}

fn number(word: Option<&&str>) -> Result<u64, String> {
    let word = word.ok_or_else(|| format!("a number lacks\n{USAGE}"))?;
    word.parse().map_err(|_| format!("expected a number: {word}\n{USAGE}"))
}

fn work(words: &[&str]) -> Done {
    let [name, rest @ ..] = words else { return Err("a worker needs its target".into()) };
    let (seed, first) = (number(rest.first())?, number(rest.get(1))?);
    let last = first + number(rest.get(2))?;
    let path = rest.get(3).ok_or("a worker needs a file for its progress")?;
    let file = std::fs::File::options().write(true).open(path);
    let file = file.map_err(|error| format!("{path}: {error}"))?;
    println!("{}", worker::run(target(name)?, seed, first..last, &file).line());
    Ok(ExitCode::SUCCESS)
}

/// The long run: of each target as many inputs as it asks for, unless told otherwise.
fn run(words: &[&str]) -> Done {
    let (mut names, mut seed, mut count, mut first) = (Vec::new(), SEED, None, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--seed" => seed = number(words.next())?,
            "--count" => count = Some(number(words.next())?),
            "--iteration" => first = Some(number(words.next())?),
            "all" => names.extend(TARGETS.map(|target| target.name)),
            name => names.push(name),
        }
    }
    if names.is_empty() {
        return Err(format!("no target\n{USAGE}"));
    }
    // One iteration alone, or so many from there on.
    let count = count.or(first.map(|_| 1));
    let mut good = true;
    for name in names {
        let target = target(name)?;
        let count = count.unwrap_or(target.inputs.0);
        good &= tell(target, seed, &supervisor::run(target, seed, first.unwrap_or(0), count)?);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what became of a run. True where nothing failed.
fn tell(target: &Target, seed: u64, sum: &supervisor::Sum) -> bool {
    let found = &sum.found;
    println!(
        "{}: {} inputs, {} taken, {} refused; at most {:.3} s and {:.1} MiB; {} failures; {:.0} s, seed {seed}",
        target.name,
        found.inputs,
        found.taken,
        found.inputs - found.taken,
        found.most.time.as_secs_f64(),
        found.most.memory as f64 / f64::from(1 << 20),
        sum.failures.len(),
        sum.time.as_secs_f64()
    );
    for (iteration, why, path) in &sum.failures {
        println!(
            "{}: --seed {seed} --iteration {iteration}: {why}\n    {}",
            target.name,
            path.display()
        );
    }
    sum.failures.is_empty()
}

fn replay(name: &str, files: &[&str]) -> Done {
    let target = target(name)?;
    worker::keep_panics();
    let mut good = true;
    for file in files {
        let input = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let (result, took) = worker::once(target, &input);
        let said = match &result {
            Ok(true) => "taken",
            Ok(false) => "refused",
            Err(panic) => panic,
        };
        let too_much = took.too_much();
        good &= result.is_ok() && too_much.is_none();
        println!("{file}: {said}, {:?}, {} KiB", took.time, took.memory >> 10);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `cargo test` runs: its options are passed over, and its words choose among the targets.
fn short(words: &[&str]) -> Done {
    if words.contains(&"--list") || !cfg!(debug_assertions) {
        println!("fuzz: nothing was run; arithmetic is checked in the profiles dev and fuzz");
        return Ok(ExitCode::SUCCESS);
    }
    let words: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let is_asked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(**word));
    let mut good = true;
    for target in TARGETS.iter().filter(|target| is_asked(target.name)) {
        let sum = supervisor::run(target, SEED, 0, target.inputs.1)?;
        good &= tell(target, SEED, &sum);
        // Inputs that are all refused, or all good, say nothing.
        let (taken, inputs) = (sum.found.taken, sum.found.inputs);
        if taken == 0 || taken == inputs {
            println!("{}: {taken} of {inputs} inputs were taken", target.name);
            good = false;
        }
    }
    for (target, expected) in PLANTED.iter().filter(|(target, _)| is_asked(target.name)) {
        good &= finds(target, expected)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the planted fault is found, said for what it is, and found again in the input that was kept.
fn finds(target: &Target, expected: &str) -> Result<bool, String> {
    let sum = supervisor::run(target, SEED, 0, target.inputs.1)?;
    let mut good = !sum.failures.is_empty();
    for (iteration, why, path) in sum.failures.iter().take(1) {
        let again = supervisor::run(target, SEED, *iteration, 1)?;
        let same = again.failures.iter().any(|(at, _, _)| at == iteration);
        let kept = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        good &= why.contains(expected) && same && !kept.is_empty();
    }
    sum.failures.iter().for_each(|(_, _, path)| drop(std::fs::remove_file(path)));
    if !good {
        let said: Vec<&String> = sum.failures.iter().map(|(_, why, _)| why).collect();
        println!("{}: expected {expected:?}, found {said:?}", target.name);
    }
    Ok(good)
}
