//! Losses over time: the kernel's messages about SAs, policies and routes, the counters of each sample, and which messages explain which
//! losses. Pure: it gets its input with times, and reads neither the system nor the clock.

#![deny(clippy::disallowed_methods)]

mod arrival;
mod cause;
mod episode;
mod finding;
mod gap;
mod moment;
mod path;
mod path_course;
mod subject;
mod tracked;
mod tracker;
mod traffic;
mod watch;
mod words;

pub use finding::Finding;
pub use moment::Moment;
pub use path::{PathLosses, Said, Span};
pub use subject::{Of, Sample};
pub use tracked::{Effect, Readiness};
pub use tracker::Tracker;
pub use watch::{Seen, Watch};
pub use words::event;
