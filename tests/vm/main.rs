//! The real-kernel laboratory: each scenario breaks a healthy tunnel in one way inside a real kernel, sends an exact number of
//! packets, and holds three things against what the scenario expects: the kernel's counters, the transmit model, and the program.
//!
//! `tests/vm/run [KERNEL…] [WORD…]` boots kernels in parallel and runs the scenarios whose case name holds one of the words.
//! The same binary runs on the host (boots, sums up: `host`) and in the guest (runs, compares: `guest`). It is behind a feature
//! because it installs packages and downloads kernels: a plain `cargo test` does neither.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the lines are the product of a test runner"
)]

mod case;
mod charon;
mod compare;
mod counters;
mod differential;
mod drops;
mod encap;
mod ends;
mod filter;
mod flood;
mod guest;
mod host;
mod inject;
mod ip_tunnel;
mod keep;
mod kernel;
mod keys;
mod lines;
mod loss;
mod model;
mod namespace;
mod options;
mod program;
mod received;
mod record;
mod rekey;
mod scenario;
mod site;
mod tally;
mod texts;
mod traffic;
mod tunnels;

use std::process::ExitCode;

/// Errors here end one case or the run, and a person reads them.
type Fallible<T> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["--guest", words @ ..] => guest::run(words),
        ["--flood", words @ ..] => flood::run(words),
        ["--keys", words @ ..] => keys::run(words),
        ["--filter", words @ ..] => filter::run(words).map(|(_, failed)| failed == 0),
        words => host::run(words),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}
