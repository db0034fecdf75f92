//! Writes a journal: appends records, keeps those that a full disk refuses, and removes the oldest. It never rewrites existing records: a damaged
//! file is set aside, and a removed one is started again.

use super::head::Head;
use super::record::Record;
use super::totals::Totals;
use super::{CURRENT, LOCK, NEW, PREVIOUS, VERSION, aside, frame, head, lock};
use crate::error::{Error, Result};
use crate::units::{self, RECORD, WAS};
use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Most records that are kept while they cannot be written.
const MOST_PENDING: usize = 1024;
/// This part of the limit is left for the current file, however much is set aside.
const LEAST_PART: u64 = 32;
/// At most this part of a new file is the sum of the records before it.
const TOTALS_PART: u64 = 4;

/// The only writer of a journal.
pub struct Writer {
    directory: PathBuf,
    file: File,
    length: u64,
    /// The length that a new file has from the beginning.
    least: u64,
    /// The limit for all files of the directory.
    limit: u64,
    /// The length of the current file.
    room: u64,
    pending: VecDeque<String>,
    /// Records that had to be dropped.
    dropped: u64,
    failing: bool,
    /// Sentences that nobody has taken yet.
    said: Vec<String>,
    /// The lock, held as long as this value exists.
    lock: File,
}

/// A journal that had to be started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// Why, in one sentence.
    pub sentence: String,
    /// No earlier record is left, not in the previous file either.
    pub is_empty: bool,
}

impl Writer {
    /// Opens or creates the journal of `directory`, of at most `limit` bytes. A damaged one is set aside.
    ///
    /// # Errors
    /// `DataUnavailable` where another recorder writes it; `IncorrectValue` where it has another version (then it is not touched), or where there
    /// is no room for it among those set aside; `Write` where the system refuses.
    pub fn open(directory: &Path, limit: u64) -> Result<Self> {
        let lock = take_lock(directory)?;
        let mut said = Vec::new();
        said.extend(check_previous(directory)?);
        let (file, length, damaged) = open_current(directory)?;
        said.extend(damaged);
        Ok(Self {
            directory: directory.to_path_buf(),
            file,
            length,
            least: frame::head().len() as u64,
            limit,
            room: room(directory, limit),
            pending: VecDeque::new(),
            dropped: 0,
            failing: false,
            said,
            lock,
        })
    }

    /// A sentence for each file that was set aside when the journal was opened, and for sums of losses that begin from 0 again.
    pub fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// Whether records wait for [`Writer::flush`].
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Checks whether the current file is still the journal: it may have been removed, replaced, truncated or damaged. Then a new journal is
    /// started. A damaged previous file is set aside.
    ///
    /// # Errors
    /// As those of [`Writer::open`], and `DataUnavailable` where the directory was removed and cannot be created. After a `Write` it may be called
    /// again.
    pub fn check(&mut self) -> Result<Option<Renewed>> {
        let path = self.directory.join(CURRENT);
        let failed = |source: io::Error| Error::Write { path: path.display().to_string(), source };
        if !is_at(&self.lock, &self.directory.join(LOCK)).map_err(failed)? {
            make(&self.directory)?;
            self.lock = take_lock(&self.directory)?;
        }
        let is_there = is_at(&self.file, &path).map_err(failed)?;
        let is_whole = self.file.metadata().map_err(failed)?.len() == self.length;
        if is_there && is_whole && self.has_head().map_err(failed)? {
            let sentence = check_previous(&self.directory)?;
            self.room = room(&self.directory, self.limit);
            return Ok(sentence.map(|sentence| Renewed { sentence, is_empty: false }));
        }
        let is_removed =
            matches!(fs::symlink_metadata(&path), Err(e) if e.kind() == ErrorKind::NotFound);
        let (file, length, damaged) = open_current(&self.directory)?;
        (self.file, self.length, self.room) = (file, length, room(&self.directory, self.limit));
        let path = path.display();
        let sentence = damaged.unwrap_or_else(|| {
            if is_removed {
                format!("{path} was removed: a new one was started")
            } else {
                format!("{path} was changed by another process: the recorder continues at its end")
            }
        });
        let is_empty = self.length == 0 && !self.directory.join(PREVIOUS).exists();
        Ok(Some(Renewed { sentence, is_empty }))
    }

    fn has_head(&self) -> io::Result<bool> {
        if self.length == 0 {
            return Ok(true);
        }
        let head = frame::head();
        let mut read = vec![0; head.len()];
        match self.file.read_exact_at(&mut read, 0) {
            Ok(()) => Ok(read == head.as_bytes()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes a record, which the next [`Writer::flush`] writes.
    pub fn append(&mut self, record: &Record) {
        if let Some(line) = frame::line(record) {
            if self.pending.len() >= MOST_PENDING {
                self.pending.pop_front();
                self.dropped = self.dropped.saturating_add(1);
            }
            self.pending.push_back(line);
        }
    }

    /// Takes a record that must be written before all waiting ones.
    pub fn begin(&mut self, record: &Record) {
        self.pending.extend(frame::line(record));
        self.pending.rotate_right(1.min(self.pending.len()));
    }

    /// Writes the waiting records. Returns a sentence when writing begins to fail and when it succeeds again; records that were refused are
    /// retried with the next call.
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
            format!("the journal can be written again; {records} {were} lost meanwhile")
        })
    }

    /// Syncs the written records to the disk.
    pub fn sync(&self) {
        // If the disk has failed, the next write reports it.
        let _ = self.file.sync_data();
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let bytes = line.len() as u64;
        if self.length + bytes > self.room && self.length > self.least {
            self.rotate()?;
        }
        if self.length == 0 {
            let head = frame::head();
            self.put(head.as_bytes())?;
        }
        self.put(line.as_bytes())
    }

    /// Appends all or nothing.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // The part that a full disk accepted would be an incomplete line.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Makes the current file the previous one, whose records are removed. If the disk has no room for a new file, everything stays.
    fn rotate(&mut self) -> io::Result<()> {
        let (current, beside) = (self.directory.join(CURRENT), self.directory.join(NEW));
        let mut file = options().read(true).truncate(true).open(&beside)?;
        let (totals, said) = self.totals();
        let head = frame::head() + &totals;
        file.write_all(head.as_bytes())?;
        fs::rename(&current, self.directory.join(PREVIOUS))?;
        fs::rename(&beside, &current)?;
        (self.file, self.length, self.least) = (file, head.len() as u64, head.len() as u64);
        self.room = room(&self.directory, self.limit);
        self.said.extend(said);
        Ok(())
    }

    /// The sums of the records that are written, as a line; empty where there are none, and where they would leave no room for records. Then
    /// they begin from 0 again, as after the removal of a journal, and a sentence says so.
    fn totals(&self) -> (String, Option<String>) {
        let again = |why: &str| Some(format!("{AGAIN}: {why}"));
        let totals = match Totals::read(&self.directory) {
            Ok(totals) => totals,
            Err(error) => return (String::new(), again(&error.to_string())),
        };
        let line = totals.and_then(|totals| frame::line(&totals.record()?)).unwrap_or_default();
        if line.len() as u64 > self.room / TOTALS_PART {
            return (String::new(), again("the journal has no room for them"));
        }
        (line, None)
    }
}

/// What is said of sums that are not carried on.
const AGAIN: &str = "the sums of the recorded losses begin from 0 again";

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

/// The limit of the current file, apart from the previous one and those set aside.
fn room(directory: &Path, limit: u64) -> u64 {
    let aside = units::sum(aside::list(directory).iter().map(|aside| aside.bytes));
    let previous = fs::symlink_metadata(directory.join(PREVIOUS)).map_or(0, |m| m.len());
    let left = limit.saturating_sub(aside);
    (left / 2).min(left.saturating_sub(previous)).max(limit / LEAST_PART)
}

fn take_lock(directory: &Path) -> Result<File> {
    let failed = |source: io::Error| Error::Write {
        path: directory.join(CURRENT).display().to_string(),
        source,
    };
    let file = options().open(directory.join(LOCK)).map_err(failed)?;
    if lock::take(&file).map_err(|errno| failed(errno.into()))? {
        return Ok(file);
    }
    Err(Error::DataUnavailable(format!(
        "another recorder is writing the journal in {}",
        directory.display()
    )))
}

/// Creates the directory again if it was removed. The recorder's service cannot: it sees a read-only system except for the removed directory.
/// Then only a restart helps, for which systemd creates the directory.
fn make(directory: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o750).create(directory);
    made.map_err(|error| {
        let path = directory.display();
        Error::DataUnavailable(format!("{path} was removed and cannot be created again: {error}"))
    })
}

/// Whether the path still leads to this file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(id(there) == id(file.metadata()?)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The current file, ready for appending, its length, and a sentence if a damaged one was set aside.
fn open_current(directory: &Path) -> Result<(File, u64, Option<String>)> {
    let path = directory.join(CURRENT);
    let failed = |source: io::Error| Error::Write { path: path.display().to_string(), source };
    let is_other = fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file());
    let mut damaged = None;
    if is_other {
        damaged = Some(aside::set(directory, CURRENT, "is not a regular file")?);
    }
    let mut file = options().read(true).open(&path).map_err(failed)?;
    if is_damaged(&mut file, &path)? {
        damaged = Some(aside::set(directory, CURRENT, DAMAGED)?);
        file = options().read(true).open(&path).map_err(failed)?;
    }
    let length = end(&mut file).map_err(failed)?;
    Ok((file, length, damaged))
}

/// Sets the previous file aside if it is damaged: with it the journal could not be read.
fn check_previous(directory: &Path) -> Result<Option<String>> {
    let path = directory.join(PREVIOUS);
    let failed = |source: io::Error| Error::Write { path: path.display().to_string(), source };
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            let mut file = File::open(&path).map_err(failed)?;
            let damaged = is_damaged(&mut file, &path)?;
            damaged.then(|| aside::set(directory, PREVIOUS, DAMAGED)).transpose()
        }
        Ok(_) => aside::set(directory, PREVIOUS, "is not a regular file").map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

const DAMAGED: &str = "is damaged in its first line";

/// Whether the file is not a journal. A journal of another version is an error: a later program may read it.
fn is_damaged(file: &mut File, path: &Path) -> Result<bool> {
    match head::read(file) {
        Ok(Head::Ours | Head::Torn) => Ok(false),
        Ok(Head::Damaged) => Ok(true),
        Ok(Head::Version(other)) => Err(Error::IncorrectValue(format!(
            "{} has journal version {other}, but this program writes version {VERSION}: \
             move it away to start a new one",
            path.display()
        ))),
        Err(source) => Err(Error::Write { path: path.display().to_string(), source }),
    }
}

/// Goes to the end of the file and ends an incomplete line; returns its length. An incomplete head is written again.
fn end(file: &mut File) -> io::Result<u64> {
    if head::read(file)? == Head::Torn {
        file.set_len(0)?;
        return Ok(0);
    }
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [0];
    file.seek(SeekFrom::Start(length.saturating_sub(1)))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        file.write_all(b"\n")?;
        return Ok(length + 1);
    }
    Ok(length)
}
