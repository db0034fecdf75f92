//! The way of a packet through this router, as a model: pure functions of a snapshot and a flow. Nothing here reads the system.
//!
//! `flow` is the packet, `site` where it can end and what follows from that, `counters` what moves then, `trail` the steps it took;
//! `transmit` is the part from the VTI to the encryption.

#![deny(clippy::disallowed_methods)]

pub mod counters;
mod flow;
mod site;
mod trail;
pub mod transmit;

pub use counters::{Counter, XfrmStat};
pub use flow::Flow;
pub use site::{
    Effect, Function, Mismatch, Nearest, Outcome, Site, StateCheck, Wanted, errno_name,
};
pub use trail::{At, Verdict};
