//! What a run of `drops` came to.

use super::device::Counter;
use super::tally::Tally;

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its time was over.
    Time,
    /// SIGINT or SIGTERM.
    Signal,
    /// Nobody reads the lines any more.
    Reader,
    /// So many drops a second.
    Rate(u64),
}

/// What a run came to.
pub(super) struct Outcome {
    pub tally: Tally,
    pub ending: Ending,
    /// How long it took.
    pub seconds: u64,
    /// Drops without an alert, where the kernel said how many.
    pub lost: Option<u64>,
    /// The devices' own counts beside the drops seen.
    pub counters: Vec<Counter>,
}
