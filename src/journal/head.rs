//! What a file is, by its first line.

use super::record::Record;
use super::{LONGEST, VERSION, frame};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

/// A file, by its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A journal of this version.
    Ours,
    /// Truncated within its first line: it has no record yet.
    Torn,
    /// A journal of another version.
    Version(u32),
    /// Not a journal.
    Damaged,
}

/// Reads the head and goes back to the beginning of the file.
pub(super) fn read(file: &mut File) -> io::Result<Head> {
    file.rewind()?;
    let head = of(&mut BufReader::new(&*file))?;
    file.rewind()?;
    Ok(head)
}

fn of(reader: &mut impl BufRead) -> io::Result<Head> {
    let head = frame::head();
    let longest = head.len() as u64 + 16;
    let mut line = Vec::new();
    reader.take(longest).read_until(b'\n', &mut line)?;
    if line == head.as_bytes() {
        return Ok(Head::Ours);
    }
    if !line.ends_with(b"\n") && head.as_bytes().starts_with(&line) {
        return Ok(Head::Torn);
    }
    let Some(version) = frame::version(&line).filter(|_| line.ends_with(b"\n")) else {
        return Ok(Head::Damaged);
    };
    // One changed byte may turn this version into another one. Then the records are still of this version, or there are none.
    line.clear();
    reader.take(LONGEST).read_until(b'\n', &mut line)?;
    let record = frame::record(line.strip_suffix(b"\n").unwrap_or(&line));
    let is_ours = version == VERSION || record.is_some_and(|record| record != Record::Unknown);
    Ok(if is_ours || line.is_empty() { Head::Damaged } else { Head::Version(version) })
}
