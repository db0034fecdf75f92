//! `vti-diagnostics vyos`, for the package: what `opmode` makes, into files. It runs while the package is built and while dpkg puts it in
//! or takes it out, never for an operator, and decides nothing about what VyOS wants.

use crate::output::{self, Seen};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use vti_diagnostics::cli::internal::{Change, Vyos};
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::opmode::{self, definition, node_def, op_cache};

/// Does what the package asks for.
///
/// # Errors
/// A file that cannot be read or written, or a cache that is not as it is known.
pub fn run(arguments: &Vyos) -> Result<()> {
    match arguments {
        Vyos::NodeDefs { output } => node_defs(output),
        Vyos::OpCache { change, file } => change_op_cache(file, *change),
    }
}

fn node_defs(directory: &Path) -> Result<()> {
    let files = node_def::files(&definition::parse(opmode::XML)?)?;
    files.iter().try_for_each(|(path, text)| output::create(&directory.join(path), text))
}

/// Where VyOS has no cache, or the cache is already as it should be, nothing is written. VyOS's package may replace it meanwhile.
fn change_op_cache(path: &Path, change: Change) -> Result<()> {
    let is_absent = |error: io::Error| error.kind() == ErrorKind::NotFound;
    if std::fs::symlink_metadata(path).is_err_and(is_absent) {
        return Ok(());
    }
    let read = |file: &Path| {
        read(file).map_err(|error| {
            Error::DataUnavailable(format!("cannot read {}: {error}", path.display()))
        })
    };
    let edit = |text: &str| {
        let changed = match change {
            Change::Install => op_cache::install(text),
            Change::Remove => op_cache::remove(text),
        };
        changed.map_err(|error| {
            Error::IncorrectValue(format!("cannot use {}: {error}", path.display()))
        })
    };
    output::change(path, read, edit)
}

/// A regular file: what a link points to is another's to replace.
fn read(path: &Path) -> io::Result<Seen> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Seen { text, metadata })
}
