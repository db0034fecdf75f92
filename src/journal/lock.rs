//! Who writes the journal: an open-file-description lock on a file beside it, so that a reader can ask without taking it.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;

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

/// Takes the lock for as long as the file is open. False where another has it.
pub(super) fn take(file: &File) -> Result<bool, Errno> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether somebody has the lock.
pub(super) fn is_taken(file: &File) -> Result<bool, Errno> {
    let mut asked = whole(libc::F_WRLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
    Ok(asked.l_type != whole(libc::F_UNLCK).l_type)
}
