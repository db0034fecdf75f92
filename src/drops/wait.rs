//! Waits for alerts, a signal, the time, or until nobody reads.

use crate::collect::drops::Monitor;
use crate::signals::Signals;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Why the waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// SIGTERM or SIGINT.
    Signal,
    /// Whoever read the lines is gone.
    Reader,
    /// There are alerts, or the time is over.
    Ready,
}

/// Waits at most so long.
pub(super) fn wait(
    monitor: &Monitor,
    signals: &Signals,
    output: BorrowedFd<'_>,
    patience: Duration,
) -> Result<Woken, Errno> {
    let readable = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
    // Errors and hang-ups are told unasked.
    let followed = PollFd::new(output, PollFlags::empty());
    let mut descriptors = [readable(signals.as_fd()), readable(monitor.as_fd()), followed];
    let ms = i32::try_from(patience.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
    match poll(&mut descriptors, PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)) {
        Ok(_) if descriptors[0].any().unwrap_or(false) => Ok(Woken::Signal),
        Ok(_) if descriptors[2].any().unwrap_or(false) => Ok(Woken::Reader),
        Ok(_) | Err(Errno::EINTR) => Ok(Woken::Ready),
        Err(errno) => Err(errno),
    }
}
