//! Descriptors that the caller left open: an entry point that trusts no caller closes them first.

use super::failure::Failure;
use std::os::fd::RawFd;

/// Standard input, output and error stay open.
const FIRST: RawFd = 3;

/// Closes all other open descriptors. To be called before anything is opened, because it would be closed as well.
///
/// # Errors
/// The list of open descriptors could not be read.
pub(super) fn close_inherited() -> Result<(), Failure> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    let open: Vec<RawFd> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor >= FIRST) {
        // The descriptor of the list itself is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}
