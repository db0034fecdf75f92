//! Reads a journal, while it may be written. What is damaged is passed over and counted; it changes nothing.

use super::record::Record;
use super::{CURRENT, LOCK, PREVIOUS, VERSION, frame, lock};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A record with more is no record: an episode has bounded events, and a name has at most 15 bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

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

/// What is to be known of a journal beside its records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Condition {
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
    let mut records = Vec::new();
    let condition = visit(directory, |record| records.push(record))?;
    Ok(condition.map(|Condition { damaged, running }| Contents { records, damaged, running }))
}

/// Hands each record of the journal of `directory` on, oldest first, and keeps none. None where there is no journal.
///
/// # Errors
/// As [`read`]; records before the error have been handed on.
pub fn visit(directory: &Path, mut each: impl FnMut(Record)) -> Result<Option<Condition>> {
    let (current, previous) = (directory.join(CURRENT), directory.join(PREVIOUS));
    // The file that is written may become the previous one meanwhile: then it is open twice, and another attempt finds both.
    let mut files = (open(&current)?, open(&previous)?);
    for _ in 0..3 {
        let same = |(_, id): &(File, (u64, u64))| files.0.as_ref().is_some_and(|f| f.1 == *id);
        if !files.1.as_ref().is_some_and(same) {
            break;
        }
        files = (open(&current)?, open(&previous)?);
    }
    if files.0.is_none() && files.1.is_none() {
        return Ok(None);
    }
    let mut condition = Condition { damaged: 0, running: is_running(directory) };
    for (file, path) in [(files.1, &previous), (files.0, &current)] {
        if let Some((file, _)) = file {
            condition.damaged += take(file, path, &mut each)?;
        }
    }
    Ok(Some(condition))
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

/// Hands the records of one file on; gives how many lines are damaged.
fn take(file: File, path: &Path, each: &mut impl FnMut(Record)) -> Result<usize> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        let read = reader.by_ref().take(LONGEST).read_until(b'\n', line);
        read.map_err(|error| failed(path, &error))
    };
    next(&mut line)?;
    match frame::version(&line) {
        Some(VERSION) => {}
        Some(other) => {
            return Err(Error::IncorrectValue(format!(
                "{} is of version {other} of the journal, and this program reads version {VERSION}",
                path.display()
            )));
        }
        // Cut within its first line: there was no record yet.
        None if !line.ends_with(b"\n") && frame::head().as_bytes().starts_with(&line) => {
            return Ok(0);
        }
        None => {
            return Err(Error::IncorrectValue(format!("{} is no journal", path.display())));
        }
    }
    let mut damaged = 0;
    while next(&mut line)? > 0 {
        // A line that only lacks its end is whole: the sum says so.
        match frame::record(line.strip_suffix(b"\n").unwrap_or(&line)) {
            Some(record) => each(record),
            None if line == b"\n" => {}
            None => damaged += 1,
        }
    }
    Ok(damaged)
}

fn is_running(directory: &Path) -> bool {
    let lock = File::open(directory.join(LOCK));
    lock.is_ok_and(|file| lock::is_taken(&file).unwrap_or(false))
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    let sentence = format!("cannot read {}: {error}", path.display());
    match error.kind() {
        ErrorKind::PermissionDenied => Error::PermissionDenied(sentence),
        _ => Error::DataUnavailable(sentence),
    }
}
