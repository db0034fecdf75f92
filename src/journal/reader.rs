//! Reads a journal, also while it is being written. Damaged lines are skipped and counted; it changes nothing.

use super::aside::{self, Aside};
use super::head::{self, Head};
use super::record::Record;
use super::{CURRENT, LOCK, LONGEST, PREVIOUS, VERSION, frame, lock};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The largest file that a recorder writes (`record --size`), in bytes.
const LARGEST: u64 = 128 << 20;

/// The contents of a journal.
#[derive(Debug, Default)]
pub struct Contents {
    /// The records, oldest first.
    pub records: Vec<Record>,
    /// Lines that could not be read.
    pub damaged: usize,
    /// Files that are not read because they were damaged and set aside.
    pub aside: Vec<Aside>,
    /// A recorder is writing it now.
    pub running: bool,
}

/// What is known about a journal apart from its records.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Lines that could not be read.
    pub damaged: usize,
    /// Files that are not read because they were damaged and set aside.
    pub aside: Vec<Aside>,
    /// A recorder is writing it now.
    pub running: bool,
}

/// The state of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It has run, but does not run now.
    Ended,
    /// It has never run.
    NeverRan,
    /// The lock could not be read.
    Unknown,
}

/// Reads the journal of `directory`. None where there is none and no recorder runs.
///
/// # Errors
/// `PermissionDenied`; `InsufficientResources` where a file is larger than 128 MiB; `IncorrectValue` where it has another version of the format, or is no journal;
/// `DataUnavailable` where the system fails.
pub fn read(directory: &Path) -> Result<Option<Contents>> {
    let mut records = Vec::new();
    let condition = visit(directory, |record| records.push(record))?;
    Ok(condition.map(|Condition { damaged, aside, running }| Contents {
        records,
        damaged,
        aside,
        running,
    }))
}

/// Passes each record of the journal of `directory` on, oldest first, and keeps none. None where there is no journal and no recorder
/// runs.
///
/// # Errors
/// As [`read`]; records before the error have been passed on.
pub fn visit(directory: &Path, mut each: impl FnMut(Record)) -> Result<Option<Condition>> {
    let (current, previous) = (directory.join(CURRENT), directory.join(PREVIOUS));
    // The current file may become the previous one meanwhile: then it is open twice, and another attempt finds both.
    let mut files = (open(&current)?, open(&previous)?);
    for _ in 0..3 {
        let same = |(_, id): &(File, (u64, u64))| files.0.as_ref().is_some_and(|f| f.1 == *id);
        if !files.1.as_ref().is_some_and(same) {
            break;
        }
        files = (open(&current)?, open(&previous)?);
    }
    let (aside, running) = (aside::list(directory), state(directory) == State::Running);
    // If it was removed while a recorder runs, a new one is created in a moment.
    if files.0.is_none() && files.1.is_none() && aside.is_empty() && !running {
        return Ok(None);
    }
    let mut condition = Condition { damaged: 0, aside, running };
    let (mut any, mut headless) = (false, None);
    let mut each = |record| {
        any = true;
        each(record);
    };
    for (file, path) in [(files.1, &previous), (files.0, &current)] {
        if let Some((file, _)) = file {
            let (damaged, has_head) = take(file, path, &mut each)?;
            condition.damaged += damaged;
            headless = headless.or((!has_head).then_some(path));
        }
    }
    match headless {
        // Without a head and without a record it is something else.
        Some(path) if !any => {
            Err(Error::IncorrectValue(format!("{} is not a journal", path.display())))
        }
        _ => Ok(Some(condition)),
    }
}

/// A file and its identity.
fn open(path: &Path) -> Result<Option<(File, (u64, u64))>> {
    match File::open(path) {
        Ok(file) => {
            let metadata = file.metadata().map_err(|error| failed(path, &error))?;
            if metadata.len() > LARGEST {
                return Err(Error::InsufficientResources(format!(
                    "cannot read {}: it is larger than {} MiB, the most that record --size allows",
                    path.display(),
                    LARGEST >> 20
                )));
            }
            Ok(Some((file, (metadata.dev(), metadata.ino()))))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Passes the records of one file on; returns the number of damaged lines, and whether the first line is whole. A damaged one costs no record:
/// each has its own sum.
fn take(mut file: File, path: &Path, each: &mut impl FnMut(Record)) -> Result<(usize, bool)> {
    let has_head = match head::read(&mut file).map_err(|error| failed(path, &error))? {
        Head::Ours => true,
        Head::Torn => return Ok((0, true)),
        Head::Damaged => false,
        Head::Version(other) => {
            return Err(Error::IncorrectValue(format!(
                "{} has journal version {other}, but this program reads version {VERSION}",
                path.display()
            )));
        }
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        let read = reader.by_ref().take(LONGEST).read_until(b'\n', line);
        read.map_err(|error| failed(path, &error))
    };
    next(&mut line)?;
    let mut damaged = usize::from(!has_head);
    while next(&mut line)? > 0 {
        // A line without a line end may be complete: the checksum decides.
        match frame::record(line.strip_suffix(b"\n").unwrap_or(&line)) {
            Some(record) => each(record),
            None if line == b"\n" => {}
            None => damaged += 1,
        }
    }
    Ok((damaged, has_head))
}

/// Whether a recorder writes the journal of `directory`, by its lock.
pub fn state(directory: &Path) -> State {
    match File::open(directory.join(LOCK)) {
        Ok(file) => match lock::is_taken(&file) {
            Ok(true) => State::Running,
            Ok(false) => State::Ended,
            Err(_) => State::Unknown,
        },
        Err(error) if error.kind() == ErrorKind::NotFound => State::NeverRan,
        Err(_) => State::Unknown,
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    let sentence = format!("cannot read {}: {error}", path.display());
    match error.kind() {
        ErrorKind::PermissionDenied => Error::PermissionDenied(sentence),
        _ => Error::DataUnavailable(sentence),
    }
}
