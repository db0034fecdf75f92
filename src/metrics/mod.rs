//! Metrics for monitoring systems: what is known of a host and its VTIs as numbers with names and labels. `facts` takes them from the reports,
//! `table` is the one list of metrics, `exposition` writes them in the two text forms. It reads nothing and decides nothing about a tunnel.
//!
//! What was not read has no sample: a 0 would be a claim. No label holds what changes with a rekey (SPI, reqid, address, unique id): so the
//! number of series of a host does not grow with time.

#![deny(clippy::disallowed_methods)]

mod exposition;
mod facts;
mod samples;
mod table;

pub use exposition::{Format, write};
pub use facts::{Facts, Interface, Recorder};
pub use table::{Kind, METRICS, Metric};
