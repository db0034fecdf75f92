//! What ends a program that goes on until it is told: SIGTERM and SIGINT as a descriptor, so that it ends between two steps, and a reader
//! that is gone. Whoever stays waits here.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::iter;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Readable when it is time to end.
pub struct Signals(SignalFd);

/// Why the waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// SIGTERM or SIGINT.
    Signal,
    /// Whoever read the output is gone.
    Reader,
    /// There is something to read, or the time is over.
    Ready,
}

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

    /// Waits until one of `inputs` has something to read, a signal comes, or one of `outputs` hangs up, which nobody reads any more; at
    /// most so long.
    ///
    /// # Errors
    /// The kernel refuses to wait.
    pub fn wait(
        &self,
        inputs: &[BorrowedFd<'_>],
        outputs: &[BorrowedFd<'_>],
        patience: Duration,
    ) -> Result<Woken, Errno> {
        let readable = |input| PollFd::new(input, PollFlags::POLLIN);
        // Errors and hang-ups are told unasked.
        let followed = outputs.iter().map(|output| PollFd::new(*output, PollFlags::empty()));
        let first = iter::once(readable(self.0.as_fd())).chain(followed);
        let mut polled: Vec<PollFd<'_>> =
            first.chain(inputs.iter().copied().map(readable)).collect();
        match poll(&mut polled, timeout(patience)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Woken::Ready),
            Err(errno) => return Err(errno),
        }
        let has = |at: usize| polled.get(at).and_then(PollFd::any).unwrap_or(false);
        if has(0) {
            return Ok(Woken::Signal);
        }
        Ok(if (1..=outputs.len()).any(has) { Woken::Reader } else { Woken::Ready })
    }
}

/// Rounded up: a wait that ends before its time would only begin anew.
fn timeout(patience: Duration) -> PollTimeout {
    let ms = patience.as_micros().div_ceil(1000);
    PollTimeout::try_from(i32::try_from(ms).unwrap_or(i32::MAX)).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_time_an_input_and_a_reader_that_is_gone_end_the_waiting() {
        let signals = Signals::block().unwrap();
        let (ours, reader) = UnixStream::pair().unwrap();
        let (input, mut writer) = UnixStream::pair().unwrap();
        let wait =
            |outputs: &[_], patience| signals.wait(&[input.as_fd()], outputs, patience).unwrap();
        let (other, _other_reader) = UnixStream::pair().unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(wait(&[ours.as_fd()], Duration::from_millis(1)), Woken::Ready);
        writer.write_all(b"a").unwrap();
        assert_eq!(wait(&[ours.as_fd()], hour), Woken::Ready);
        drop(reader);
        assert_eq!(wait(&[ours.as_fd()], hour), Woken::Reader);
        assert_eq!(wait(&[other.as_fd(), ours.as_fd()], hour), Woken::Reader);
        assert_eq!(wait(&[other.as_fd()], hour), Woken::Ready);
        assert_eq!(wait(&[], hour), Woken::Ready);
        nix::sys::signal::raise(Signal::SIGINT).unwrap();
        assert_eq!(wait(&[ours.as_fd()], hour), Woken::Signal);
    }
}
