//! The modules of vti-diagnostics, for the binary, the tests and the benchmarks.
//! The map of the program is the head of `main.rs`; nothing is decided here.

#![forbid(unsafe_code)]

pub mod capture;
pub mod check;
pub mod cli;
pub mod code;
pub mod collect;
pub mod diagnose;
pub mod diff;
pub mod drops;
pub mod error;
pub mod history;
pub mod journal;
pub mod kernel;
pub mod metrics;
pub mod monitor;
pub mod opmode;
pub mod record;
pub mod render;
pub mod report;
pub mod signals;
pub mod snapshot;
pub mod text;
pub mod timeline;
pub mod tunnel;
pub mod units;
pub mod way;
pub mod wire;
pub mod yaml;
