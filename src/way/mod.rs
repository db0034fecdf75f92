//! The way of a packet through this router, as a model: pure functions of a snapshot and a flow. Nothing here reads the system.
//!
//! `flow` is the packet, `site` where it can end and what follows from that, `trail` the steps it took; `transmit` is the part from the
//! VTI to the encryption.

#![deny(clippy::disallowed_methods)]

mod flow;
mod site;
mod trail;
pub mod transmit;

pub use flow::Flow;
pub use site::{Mismatch, Nearest, Outcome, Site, StateCheck, Verdict, Wanted, errno_name};
