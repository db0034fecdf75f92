//! What is fuzzed: for each kind of input its seeds out of the tree, how one is changed, and everything that the program does with it.
//! A target decides nothing about what it gets: any value or error is right, and no panic is.

pub mod captures;
pub mod journals;
pub mod pasted;
pub mod planted;
pub mod texts;
pub mod vici;
pub mod wire;

use crate::mutate::Random;

/// One kind of input.
pub struct Target {
    /// Its name in commands.
    pub name: &'static str,
    /// Inputs of the long run, and of the short one that `cargo test` does.
    pub inputs: (u64, u64),
    /// The good inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// A changed one.
    pub mutate: fn(&mut Random, &[Vec<u8>]) -> Vec<u8>,
    /// Reads it, and does with it what the program does. Whether it was taken for what it should be.
    pub run: fn(&[u8]) -> bool,
}

/// All of them.
pub const TARGETS: [Target; 8] = [
    wire::TARGET,
    vici::TARGET,
    journals::TARGET,
    captures::YAML,
    captures::JSON,
    captures::SYNTAX,
    pasted::TARGET,
    texts::TARGET,
];

/// One seed, and another.
fn two<'a>(random: &mut Random, seeds: &'a [Vec<u8>]) -> (&'a [u8], &'a [u8]) {
    (&seeds[random.below(seeds.len())], &seeds[random.below(seeds.len())])
}

/// The text of a file of the tests.
fn file(path: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
