//! Waits, with a deadline, until another process has written something or has ended. It reads nothing.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// Whether there is something to read, or the end, before the deadline. Signals do not end the waiting; after the deadline it checks once.
///
/// # Errors
/// The kernel does not let the process wait.
pub(super) fn is_readable(input: BorrowedFd<'_>, deadline: Instant) -> io::Result<bool> {
    loop {
        // Rounded up: a wait that ends too early would only start again.
        let left = deadline.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(input, PollFlags::POLLIN)], timeout) {
            Ok(0) if left > 0 => {}
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    #[test]
    fn the_deadline_something_to_read_and_an_end_end_the_waiting() {
        let (input, mut writer) = UnixStream::pair().unwrap();
        let wait = |patience| {
            let began = Instant::now();
            (is_readable(input.as_fd(), began + patience).unwrap(), began.elapsed())
        };
        let (hour, moment) = (Duration::from_secs(3600), Duration::from_millis(20));
        let (is_there, waited) = wait(moment);
        assert!(!is_there && waited >= moment, "{waited:?}");
        writer.write_all(b"a").unwrap();
        assert!(wait(hour).0 && wait(Duration::ZERO).0);
        let (input, writer) = UnixStream::pair().unwrap();
        drop(writer);
        assert!(is_readable(input.as_fd(), Instant::now() + hour).unwrap());
    }
}
