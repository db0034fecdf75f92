//! Waits for the kernel's messages, a signal, or the time of the next look.

use crate::collect::watch::Changes;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// SIGTERM and SIGINT, as a descriptor that becomes readable.
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Blocks both signals, for this thread and those that it starts.
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

/// Why the waiting ended.
pub(super) enum Woken {
    /// It is time to end.
    Signal,
    /// There are messages, or it is time for a look.
    Ready,
}

/// Waits at most so long.
pub(super) fn wait(
    changes: &Changes,
    signals: &Signals,
    patience: Duration,
) -> Result<Woken, Errno> {
    let [route, xfrm] = changes.descriptors();
    let readable = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
    let mut descriptors = [readable(signals.0.as_fd()), readable(route), readable(xfrm)];
    match poll(&mut descriptors, timeout(patience)) {
        Ok(_) if is_ready(&descriptors[0]) => Ok(Woken::Signal),
        Ok(_) | Err(Errno::EINTR) => Ok(Woken::Ready),
        Err(errno) => Err(errno),
    }
}

fn is_ready(descriptor: &PollFd<'_>) -> bool {
    descriptor.any().unwrap_or(false)
}

/// Rounded up: a wait that ends before its time would only begin anew.
fn timeout(patience: Duration) -> PollTimeout {
    let ms = patience.as_micros().div_ceil(1000);
    PollTimeout::try_from(i32::try_from(ms).unwrap_or(i32::MAX)).unwrap_or(PollTimeout::MAX)
}
