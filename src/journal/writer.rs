//! Writes a journal: appends, keeps what a full disk refuses, and lets the oldest go. It never rewrites what is there.

use super::record::Record;
use super::{CURRENT, LOCK, NEW, PREVIOUS, VERSION, frame, lock};
use crate::error::{Error, Result};
use crate::units::{RECORD, WAS};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Records kept while they cannot be written.
const MOST_PENDING: usize = 1024;

/// The one writer of a journal.
pub struct Writer {
    directory: PathBuf,
    file: File,
    length: u64,
    /// Of one file.
    limit: u64,
    pending: VecDeque<String>,
    /// Records that had to be dropped.
    dropped: u64,
    failing: bool,
    /// Held as long as this lives.
    _lock: File,
}

impl Writer {
    /// Opens the journal of `directory`, or makes one, of at most `limit` bytes.
    ///
    /// # Errors
    /// `DataUnavailable` where another recorder writes it; `IncorrectValue` where it is of another version, and then it is not touched;
    /// `Write` where the system refuses.
    pub fn open(directory: &Path, limit: u64) -> Result<Self> {
        let path = directory.join(CURRENT);
        let failed = |source: io::Error| Error::Write { path: path.display().to_string(), source };
        let lock_file = options().open(directory.join(LOCK)).map_err(failed)?;
        if !lock::take(&lock_file).map_err(|errno| failed(errno.into()))? {
            return Err(Error::DataUnavailable(format!(
                "another recorder writes the journal in {}",
                directory.display()
            )));
        }
        let mut file = options().read(true).open(&path).map_err(failed)?;
        let length = prepare(&mut file, &path)?;
        let limit = limit / 2;
        Ok(Self {
            directory: directory.to_path_buf(),
            file,
            length,
            limit,
            pending: VecDeque::new(),
            dropped: 0,
            failing: false,
            _lock: lock_file,
        })
    }

    /// Takes a record, to be written by the next [`Writer::flush`].
    pub fn append(&mut self, record: &Record) {
        if let Some(line) = frame::line(record) {
            if self.pending.len() >= MOST_PENDING {
                self.pending.pop_front();
                self.dropped += 1;
            }
            self.pending.push_back(line);
        }
    }

    /// Writes what was appended. A sentence where writing begins to fail, and where it succeeds again; what was refused is tried again
    /// with the next call.
    pub fn flush(&mut self) -> Option<String> {
        while let Some(line) = self.pending.pop_front() {
            if let Err(error) = self.write(&line) {
                self.pending.push_front(line);
                let first = !std::mem::replace(&mut self.failing, true);
                return first.then(|| {
                    format!("cannot write {}: {error}", self.directory.join(CURRENT).display())
                });
            }
        }
        let failed = std::mem::replace(&mut self.failing, false);
        failed.then(|| {
            let dropped = std::mem::take(&mut self.dropped);
            let (records, were) = (RECORD.of(dropped), WAS.word(dropped));
            format!("the journal is written again; {records} {were} lost meanwhile")
        })
    }

    /// Brings what was written to the disk.
    pub fn sync(&self) {
        // A disk that cannot is one that the next write tells of.
        let _ = self.file.sync_data();
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let bytes = line.len() as u64;
        if self.length + bytes > self.limit && self.length > frame::head().len() as u64 {
            self.rotate()?;
        }
        if self.length == 0 {
            let head = frame::head();
            self.put(head.as_bytes())?;
        }
        self.put(line.as_bytes())
    }

    /// Appends all of it or nothing.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // What a full disk took of it would be a torn line.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The file becomes the previous one, whose records go. A disk without room for a new file leaves all as it was.
    fn rotate(&mut self) -> io::Result<()> {
        let (current, beside) = (self.directory.join(CURRENT), self.directory.join(NEW));
        let mut file = options().truncate(true).open(&beside)?;
        let head = frame::head();
        file.write_all(head.as_bytes())?;
        fs::rename(&current, self.directory.join(PREVIOUS))?;
        fs::rename(&beside, &current)?;
        (self.file, self.length) = (file, head.len() as u64);
        Ok(())
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .custom_flags(nix::libc::O_NOFOLLOW);
    options
}

/// Makes the file ready to be appended to: checks its version, and ends a torn line. Gives its length.
fn prepare(file: &mut File, path: &Path) -> Result<u64> {
    let failed = |source: io::Error| Error::Write { path: path.display().to_string(), source };
    let head = frame::head();
    let mut first = vec![0; head.len() + 16];
    let mut have = 0;
    while let Some(rest) = first.get_mut(have..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(failed)? {
            0 => break,
            more => have += more,
        }
    }
    first.truncate(have);
    let line = first.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_torn_head = !line.ends_with(b"\n") && head.as_bytes().starts_with(line);
    if is_torn_head {
        file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(failed)?;
        return Ok(0);
    }
    match frame::version(line) {
        Some(VERSION) => {}
        Some(other) => {
            return Err(Error::IncorrectValue(format!(
                "{} is of version {other} of the journal, and this program writes version {VERSION}: \
                 move it away to begin a new one",
                path.display()
            )));
        }
        None => return Err(Error::IncorrectValue(format!("{} is no journal", path.display()))),
    }
    let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let mut last = [0];
    file.seek(SeekFrom::Start(length.saturating_sub(1))).map_err(failed)?;
    file.read_exact(&mut last).map_err(failed)?;
    if last != *b"\n" {
        file.write_all(b"\n").map_err(failed)?;
        return Ok(length + 1);
    }
    Ok(length)
}
