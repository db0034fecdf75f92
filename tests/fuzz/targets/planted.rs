//! Faults that the harness must find, so that it cannot pass on nothing: one target each, and none of them reaches the program.

use super::Target;
use crate::limits::{MOST_MEMORY, MOST_TIME, processor_time};
use crate::mutate::Random;

/// By what the harness must say of each.
pub const PLANTED: [(Target, &str); 4] = [
    (planted("planted-panic", panics), "attempt to add with overflow"),
    (planted("planted-memory", allocates), "MiB of memory"),
    (planted("planted-time", takes_time), "s of processor time"),
    (planted("planted-abort", aborts), "the process died"),
];

/// One byte in twenty is a fault.
const FAULTS: u8 = 13;

const fn planted(name: &'static str, run: fn(&[u8]) -> bool) -> Target {
    Target { name, inputs: (0, 300), seeds, mutate, run }
}

fn seeds() -> Vec<Vec<u8>> {
    vec![vec![u8::MAX]]
}

fn mutate(random: &mut Random, _: &[Vec<u8>]) -> Vec<u8> {
    vec![random.below(256) as u8]
}

fn faulty(input: &[u8]) -> bool {
    input.first().is_some_and(|byte| *byte < FAULTS)
}

fn panics(input: &[u8]) -> bool {
    let most = if faulty(input) { u8::MAX } else { 0 };
    most + input.len() as u8 > 0
}

fn allocates(input: &[u8]) -> bool {
    let length = if faulty(input) { MOST_MEMORY + 1 } else { 1 };
    std::hint::black_box(vec![0_u8; length]).is_empty()
}

fn takes_time(input: &[u8]) -> bool {
    let began = processor_time();
    while faulty(input) && processor_time().saturating_sub(began) <= MOST_TIME {
        std::hint::black_box(began);
    }
    true
}

fn aborts(input: &[u8]) -> bool {
    if faulty(input) {
        std::process::abort();
    }
    true
}
