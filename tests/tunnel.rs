//! Correlation: which SAs and policies are an interface's, held against the model of the transmit path.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "tunnel/equal_selectors.rs"]
mod equal_selectors;
#[path = "tunnel/ownership.rs"]
mod ownership;
#[path = "../benches/show/states.rs"]
mod states;
