//! What a run of `drops` is asked for.

use crate::report::drops::Line;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// How it runs.
pub struct Options<'a> {
    /// For how long.
    pub duration: Duration,
    /// Only this interface.
    pub interface: Option<&'a str>,
    /// Drops a second of the whole machine at which it leaves.
    pub max_rate: u32,
    /// Which packets get a line while it runs.
    pub said: Said,
    /// Where the lines go in the end: when one of these hangs up, it is time to end.
    pub outputs: &'a [BorrowedFd<'a>],
    /// Takes a line, which is to be written soon, and never waits for whoever reads: false where there was no room for it.
    pub say: &'a mut dyn FnMut(&Line) -> io::Result<bool>,
}

/// Which packets get a line while it runs; the rows at the end have them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Each one.
    Each,
    /// The first of each row.
    First,
    /// No packet.
    None,
}
