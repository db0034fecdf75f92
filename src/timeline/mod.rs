//! Losses over time: what the kernel told of SAs, policies and routes, the counters of each look, and which of the first explains which
//! of the second. Pure: it is fed, with times, and reads neither the system nor the clock.

#![deny(clippy::disallowed_methods)]

mod cause;
mod episode;
mod finding;
mod gap;
mod moment;
mod tracker;
mod watch;
mod words;

pub use finding::Finding;
pub use moment::Moment;
pub use tracker::{Effect, Readiness, Tracker};
pub use watch::{Sample, Seen, Watch};
pub use words::event;
