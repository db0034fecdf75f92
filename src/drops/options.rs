//! What a run of `drops` is asked for.

use crate::render::clock::Clock;
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
    /// A line for each packet, not for each first of its kind.
    pub each: bool,
    /// JSON lines.
    pub json: bool,
    /// Columns of the text.
    pub width: usize,
    /// For the times of the lines.
    pub clock: Clock,
    /// Where the lines go in the end: when that is closed, it is time to end.
    pub output: BorrowedFd<'a>,
    /// Writes a line at once.
    pub say: &'a mut dyn FnMut(&str) -> io::Result<()>,
}
