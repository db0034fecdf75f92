//! The lock of the process that writes the journal: an open-file-description lock on a file beside it, which a reader can test without taking it.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;
use std::time::Duration;

fn whole(kind: libc::c_int) -> libc::flock {
    // The constants are small, whatever type the platform gives them.
    let short = |number: libc::c_int| libc::c_short::try_from(number).unwrap_or_default();
    libc::flock {
        l_type: short(kind),
        l_whence: short(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// How often a held lock is tested again. A child process shares the locks of its parent until it runs its own program, so a lock can outlive
/// its owner for a moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Takes the lock for as long as the file is open. False where another process has it.
pub(super) fn take(file: &File) -> Result<bool, Errno> {
    let is_free = || match fcntl(file, FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    };
    patiently(is_free)
}

/// Whether a process has the lock.
pub(super) fn is_taken(file: &File) -> Result<bool, Errno> {
    let is_free = || {
        let mut asked = whole(libc::F_WRLCK);
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
        Ok(asked.l_type == whole(libc::F_UNLCK).l_type)
    };
    patiently(is_free).map(|is_free| !is_free)
}

/// Tests it until it is free, for a moment at most.
fn patiently(is_free: impl Fn() -> Result<bool, Errno>) -> Result<bool, Errno> {
    for _ in 1..TRIES {
        if is_free()? {
            return Ok(true);
        }
        std::thread::sleep(PAUSE);
    }
    is_free()
}
