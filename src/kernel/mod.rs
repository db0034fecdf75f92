//! Kernel releases, and what differs between them. A leaf: it reads nothing and uses nothing of ours.

#![deny(clippy::disallowed_methods)]

mod change;
mod release;

pub use change::{Change, Row, Series, table};
pub use release::{Release, TESTED};
