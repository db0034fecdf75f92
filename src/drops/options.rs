//! The options of a run of `drops`.

use crate::report::drops::Line;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// The options.
pub struct Options<'a> {
    /// How long it runs.
    pub duration: Duration,
    /// Only this interface.
    pub interface: Option<&'a str>,
    /// Above so many drops a second of the whole machine it ends.
    pub max_rate: u32,
    /// Which packets get a line while it runs.
    pub said: Said,
    /// The outputs of the lines: if the reader of one of them is gone, the run ends.
    pub outputs: &'a [BorrowedFd<'a>],
    /// Takes a line, to be written soon. It never waits for the reader: false if there was no room for the line.
    pub say: &'a mut dyn FnMut(&Line) -> io::Result<bool>,
}

/// Which packets get a line during the run; the rows at the end have all packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Each one.
    Each,
    /// The first of each row.
    First,
    /// No packet.
    None,
}
