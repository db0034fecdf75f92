//! The signals that end a program which goes on until it is told: SIGTERM and SIGINT as a descriptor, so that it ends between two steps.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// Readable when it is time to end.
pub struct Signals(SignalFd);

impl Signals {
    /// Blocks both signals, for this thread and those that it starts.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn block() -> Result<Self, Errno> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGTERM);
        set.add(Signal::SIGINT);
        set.thread_block()?;
        SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
