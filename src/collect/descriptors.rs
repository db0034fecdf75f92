//! Descriptors that the caller left open: an entry that takes nothing of its caller begins without them.

use super::failure::Failure;
use std::os::fd::RawFd;

/// Standard input, output and error stay.
const FIRST: RawFd = 3;

/// Closes all that is open beyond the three. To be called before anything is opened: whoever has opened one of them loses it.
///
/// # Errors
/// The list of open descriptors could not be read.
pub(super) fn close_inherited() -> Result<(), Failure> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    let open: Vec<RawFd> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor >= FIRST) {
        // That of the list itself is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}
