//! Reads a journal, while it may be written. What is damaged is passed over and counted; it changes nothing.

use super::record::Record;
use super::{CURRENT, LOCK, PREVIOUS, VERSION, frame, lock};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// No file of a journal is larger, whatever its limit was.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What a journal holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// The records, oldest first.
    pub records: Vec<Record>,
    /// Lines that could not be read.
    pub damaged: usize,
    /// Somebody writes it now.
    pub running: bool,
}

/// Reads the journal of `directory`. None where there is none.
///
/// # Errors
/// `PermissionDenied`; `IncorrectValue` where it is of a version that this program does not read, or no journal;
/// `DataUnavailable` where the system fails.
pub fn read(directory: &Path) -> Result<Option<Contents>> {
    // The file that is written may become the previous one meanwhile: then it is there twice, or not at all, and another attempt helps.
    for _ in 0..3 {
        let Some((current, id)) = open(&directory.join(CURRENT))? else {
            return only_previous(directory);
        };
        let previous = open(&directory.join(PREVIOUS))?;
        if previous.as_ref().is_some_and(|(_, other)| *other == id) {
            continue;
        }
        let mut contents = Contents { running: is_running(directory), ..Contents::default() };
        if let Some((previous, _)) = previous {
            take(previous, &directory.join(PREVIOUS), &mut contents)?;
        }
        take(current, &directory.join(CURRENT), &mut contents)?;
        return Ok(Some(contents));
    }
    only_previous(directory)
}

fn only_previous(directory: &Path) -> Result<Option<Contents>> {
    let path = directory.join(PREVIOUS);
    let Some((previous, _)) = open(&path)? else { return Ok(None) };
    let mut contents = Contents { running: is_running(directory), ..Contents::default() };
    take(previous, &path, &mut contents)?;
    Ok(Some(contents))
}

/// A file, and what tells it from another one.
fn open(path: &Path) -> Result<Option<(File, (u64, u64))>> {
    match File::open(path) {
        Ok(file) => {
            let metadata = file.metadata().map_err(|error| failed(path, &error))?;
            Ok(Some((file, (metadata.dev(), metadata.ino()))))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

fn take(file: File, path: &Path, into: &mut Contents) -> Result<()> {
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| failed(path, &error))?;
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let head = lines.next().unwrap_or_default();
    match frame::version(head) {
        Some(VERSION) => {}
        Some(other) => {
            return Err(Error::IncorrectValue(format!(
                "{} is of version {other} of the journal, and this program reads version {VERSION}",
                path.display()
            )));
        }
        // Cut within its first line: there was no record yet.
        None if !head.ends_with(b"\n") && frame::head().as_bytes().starts_with(head) => {
            return Ok(());
        }
        None => {
            return Err(Error::IncorrectValue(format!("{} is no journal", path.display())));
        }
    }
    for line in lines {
        // A line that only lacks its end is whole: the sum says so.
        match frame::record(line.strip_suffix(b"\n").unwrap_or(line)) {
            Some(record) => into.records.push(record),
            None if line == b"\n" => {}
            None => into.damaged += 1,
        }
    }
    Ok(())
}

fn is_running(directory: &Path) -> bool {
    let lock = File::open(directory.join(LOCK));
    lock.is_ok_and(|file| lock::is_taken(&file).unwrap_or(false))
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    let sentence = format!("cannot read {}: {error}", path.display());
    match error.kind() {
        ErrorKind::PermissionDenied => Error::PermissionDenied(sentence),
        _ => Error::DataUnavailable(sentence),
    }
}
