//! The path of a packet through this router, as a model: pure functions of a snapshot and a flow. Nothing here reads the system.
//!
//! `flow` is the packet, `site` where its path can end and what follows from that, `counters` which counters rise then, `trail` the steps of
//! the path, `reach` how far the packet gets, on one line; `transmit` is the part from the VTI to the encryption, `receive` that from the
//! encrypted packet to the policies that let it in, `around` what is before and behind the xfrm functions. `loss` counts what the peer sent and
//! what arrived of it, `meter` follows that over the life of an SA.

#![deny(clippy::disallowed_methods)]

pub mod around;
pub mod counters;
pub mod esp;
mod flow;
pub mod ip_tunnel;
mod limits;
pub mod loss;
pub mod meter;
mod policy;
pub mod reach;
pub mod receive;
mod site;
mod trail;
pub mod transmit;

pub use counters::{Counter, XfrmStat};
pub use flow::Flow;
pub use site::{
    Effect, Function, Mismatch, Nearest, Outcome, Site, StateCheck, Wanted, errno_name,
};
pub use trail::{At, Verdict};
