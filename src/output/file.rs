//! Files that are written completely or not at all, whatever kills the process or writes beside it. What is in them, it does not know.

use super::pieces::{Pieces, Stopped, in_pieces};
use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg};
use nix::unistd::{geteuid, linkat};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use vti_diagnostics::error::{Error, Result};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner (mode 0600).
    Owner,
    /// Every user (mode 0644, whatever the umask): node_exporter is not root.
    All,
}

/// Writes a file completely or not at all: a new file is linked or renamed to it. A link at `path` is replaced, not followed.
///
/// # Errors
/// `Write` with the path if any step fails, and any error of `text`; then nothing is left behind. Where the file system has files without a
/// name, this also holds if the process is killed.
pub fn save(path: &Path, readers: Readers, text: impl Pieces) -> Result<()> {
    let failed = |source| Error::Write { path: path.display().to_string(), source };
    let _lock = clear(path);
    let new: std::result::Result<New, Stopped> = New::write((path, 0), |file| {
        in_pieces(&mut *file, text)?;
        match readers {
            Readers::Owner => Ok(()),
            Readers::All => Ok(file.set_permissions(Permissions::from_mode(0o644))?),
        }
    });
    new.map_err(|stopped| stopped.into_error(failed))?.rename(path).map_err(failed)
}

/// A file that was read.
pub struct Seen {
    /// Its text.
    pub text: String,
    /// Its metadata from before it was read.
    pub metadata: Metadata,
}

/// How often a change is retried because another process has written the file meanwhile.
const MOST_CHANGES: usize = 16;

/// Changes a file by `edit`, completely or not at all, and keeps its owner and mode. What another process writes meanwhile is not lost: the new
/// file and the old one are exchanged, and if the old one is not the one that was read, it is changed as well. Where `edit` changes nothing or
/// refuses, the last file stays as it was.
///
/// # Errors
/// Those of `edit` and of `read`; `Write` with the path.
pub fn change(
    path: &Path,
    read: impl Fn(&Path) -> Result<Seen>,
    edit: impl Fn(&str) -> Result<Option<String>>,
) -> Result<()> {
    let failed = |source| Error::Write { path: path.display().to_string(), source };
    let write = |turn: usize, text: &str, like: &Metadata| {
        let new = New::write((path, turn), |file| {
            file.write_all(text.as_bytes())?;
            // The owner first: changing it clears bits of the mode.
            fchown(&*file, Some(like.uid()), Some(like.gid()))?;
            file.set_permissions(like.permissions())
        });
        new.and_then(|new| new.beside(path, turn)).map_err(failed)
    };
    let seen = read(path)?;
    let Some(text) = edit(&seen.text)? else { return Ok(()) };
    let _lock = clear(path);
    let mut expected = id(&seen.metadata);
    let mut new = write(0, &text, &seen.metadata)?;
    let mut outcome = Ok(());
    for turn in 1..=MOST_CHANGES {
        let ours = id(&fs::symlink_metadata(&new.path).map_err(failed)?);
        match exchange(&new.path, path, expected) {
            Ok(()) => {}
            // The process that removed the file does not want a new one in its place.
            Err(error) if error.kind() == ErrorKind::NotFound => return outcome,
            Err(error) => return Err(failed(error)),
        }
        let Ok(metadata) = fs::symlink_metadata(&new.path) else { return outcome };
        if id(&metadata) == expected {
            return outcome;
        }
        // The other process's file is beside it now, and the new one in its place.
        expected = ours;
        let changed = read(&new.path).and_then(|seen| match edit(&seen.text)? {
            Some(text) => write(turn, &text, &seen.metadata).map(Some),
            None => Ok(None),
        });
        // If it needs no change, it is put back.
        outcome = match changed {
            Ok(changed) => {
                new = changed.unwrap_or(new);
                Ok(())
            }
            Err(error) => Err(error),
        };
    }
    fs::rename(&new.path, path).map_err(failed)?;
    Err(failed(io::Error::other("another process keeps writing it")))
}

/// What identifies a file and its contents.
fn id(metadata: &Metadata) -> Id {
    (metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

type Id = (u64, u64, u64, i64, i64);

/// Exchanges two files. Where the file system cannot, the first replaces the second, if that is the expected one.
fn exchange(new: &Path, path: &Path, expected: Id) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if id(&fs::symlink_metadata(path)?) == expected {
                fs::rename(new, path)
            } else {
                Err(io::Error::other("another process has written it meanwhile"))
            }
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Writes a file of a package under construction, and the directories above it.
///
/// # Errors
/// `Write` with the path.
pub fn create(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().map_or(Ok(()), fs::create_dir_all);
    let failed = |source| Error::Write { path: path.display().to_string(), source };
    directory.and_then(|()| fs::write(path, text)).map_err(failed)
}

/// A new file, complete and on the disk, locked until it is in its place: an unlocked one beside the file was left by a process that was
/// killed.
enum New {
    /// It vanishes with the process unless it gets a name.
    Unnamed(Flock<File>),
    /// For file systems without unnamed files.
    Named(Beside),
}

/// A file with a hidden name beside its place, removed with this value.
struct Beside {
    path: PathBuf,
    file: Flock<File>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl New {
    /// Writes it with `fill`. `turn` distinguishes the files of one process.
    fn write<E: From<io::Error>>(
        (path, turn): (&Path, usize),
        fill: impl FnOnce(&mut File) -> std::result::Result<(), E>,
    ) -> std::result::Result<Self, E> {
        let mut new = match unnamed(path) {
            Ok(file) => Self::Unnamed(file),
            Err(_) => Self::named(path, turn)?,
        };
        let file = match &mut new {
            Self::Unnamed(file) => file,
            Self::Named(beside) => &mut beside.file,
        };
        fill(file)?;
        file.sync_all()?;
        Ok(new)
    }

    fn named(path: &Path, turn: usize) -> io::Result<Self> {
        let beside = beside(path, turn)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        Ok(Self::Named(Beside { path: beside, file: locked(file)? }))
    }

    /// Moves it to its place and replaces what is there.
    fn rename(self, path: &Path) -> io::Result<()> {
        if matches!(&self, Self::Unnamed(file) if link(file, path).is_ok()) {
            return Ok(());
        }
        fs::rename(&self.beside(path, 0)?.path, path)
    }

    /// Gives it a name beside its place.
    fn beside(self, path: &Path, turn: usize) -> io::Result<Beside> {
        match self {
            Self::Unnamed(file) => {
                let path = beside(path, turn)?;
                link(&file, &path)?;
                Ok(Beside { path, file })
            }
            Self::Named(beside) => Ok(beside),
        }
    }
}

fn link(file: &File, path: &Path) -> io::Result<()> {
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(AT_FDCWD, unnamed.as_str(), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)?)
}

/// A file that vanishes with the process unless it gets a name.
fn unnamed(path: &Path) -> io::Result<Flock<File>> {
    // Without /proc it cannot get a name.
    fs::metadata("/proc/self/fd")?;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(nix::libc::O_TMPFILE);
    locked(options.open(directory(path).ok_or(ErrorKind::InvalidInput)?)?)
}

fn locked(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno.into())
}

/// Removes what a killed process of this program left beside a file: files with our names that are not locked. It holds a lock on the directory
/// and keeps it while its own files exist; none where another process has it, and then nothing is removed.
fn clear(path: &Path) -> Option<Flock<File>> {
    let (prefix, directory) = (prefix(path)?, directory(path)?);
    let lock = locked(File::open(directory).ok()?).ok()?;
    for entry in fs::read_dir(directory).ok()?.flatten() {
        let name = entry.file_name();
        let number = name.as_bytes().strip_prefix(prefix.as_bytes()).unwrap_or_default();
        let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        if !number.is_empty() && number.iter().all(is_number) {
            let _ = remove_unlocked(&entry.path());
        }
    }
    Some(lock)
}

fn directory(path: &Path) -> Option<&Path> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn remove_unlocked(path: &Path) -> io::Result<()> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.uid() == geteuid().as_raw() {
        let _lock = locked(file)?;
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The beginning of hidden names beside a file; the process id and the number of the file follow.
fn prefix(path: &Path) -> Option<OsString> {
    let mut name = OsString::from(".");
    name.push(path.file_name()?);
    name.push(".");
    Some(name)
}

fn beside(path: &Path, turn: usize) -> io::Result<PathBuf> {
    let mut name = prefix(path).ok_or(ErrorKind::InvalidInput)?;
    name.push(format!("{}.{turn}", std::process::id()));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn read(path: &Path) -> Result<Seen> {
        let metadata = fs::symlink_metadata(path).unwrap();
        Ok(Seen { text: fs::read_to_string(path).unwrap(), metadata })
    }

    /// Changes a file "old" while another process does `meddle` after so many reads of the file; returns the final text.
    fn changed_while(times: usize, meddle: impl Fn(&Path, usize)) -> (Result<()>, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        fs::write(&path, "old").unwrap();
        let edits = Cell::new(0);
        let result = change(&path, read, |text| {
            edits.set(edits.get() + 1);
            if edits.get() <= times {
                meddle(&path, edits.get());
            }
            Ok(Some(format!("{text}+")).filter(|_| !text.ends_with('+')))
        });
        let names = fs::read_dir(directory.path()).unwrap().count();
        let text = fs::read_to_string(&path).ok();
        assert_eq!(names, usize::from(text.is_some()), "nothing is left beside it");
        (result, text)
    }

    fn replace(path: &Path, text: &str) {
        let beside = path.with_extension("dpkg-new");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, path).unwrap();
    }

    #[test]
    fn what_another_process_writes_meanwhile_is_changed_and_not_lost() {
        for times in 0..5 {
            let (result, text) =
                changed_while(times, |path, time| replace(path, &format!("new {time}")));
            let expected = if times == 0 { "old+".into() } else { format!("new {times}+") };
            assert_eq!((result.is_ok(), text), (true, Some(expected)));
        }
        let (result, text) = changed_while(1, |path, _| fs::write(path, "in place").unwrap());
        assert_eq!((result.is_ok(), text.as_deref()), (true, Some("in place+")));
        let (result, text) = changed_while(1, |path, _| replace(path, "has it+"));
        assert_eq!((result.is_ok(), text.as_deref()), (true, Some("has it+")));
        let (result, text) = changed_while(1, |path, _| fs::remove_file(path).unwrap());
        assert_eq!((result.is_ok(), text), (true, None));
    }

    #[test]
    fn what_is_refused_stands_as_another_process_wrote_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        fs::write(&path, "old").unwrap();
        let result = change(&path, read, |text| match text {
            "old" => {
                replace(&path, "no cache");
                Ok(Some("changed".into()))
            }
            _ => Err(Error::IncorrectValue("refused".into())),
        });
        assert_eq!(result.unwrap_err().to_string(), "refused");
        assert_eq!(fs::read_to_string(&path).unwrap(), "no cache");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn who_never_stops_writing_has_the_last_word() {
        let (result, text) =
            changed_while(1000, |path, time| replace(path, &format!("new {time}")));
        assert!(result.unwrap_err().to_string().ends_with("another process keeps writing it"));
        assert!(text.is_some_and(|text| text.starts_with("new ")));
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_being_written_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let [path, left, locked_one, other] =
            ["vti.yaml", ".vti.yaml.99", ".vti.yaml.98", ".vti.yaml.bak"]
                .map(|n| directory.path().join(n));
        for file in [&left, &locked_one, &other] {
            fs::write(file, "part").unwrap();
        }
        let _lock = locked(File::open(&locked_one).unwrap()).unwrap();
        for text in ["one", "two"] {
            save(&path, Readers::Owner, |out| {
                out.write_str(text).unwrap();
                Ok(())
            })
            .unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!([&left, &locked_one, &other].map(|file| file.exists()), [false, true, true]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_file_system_without_unnamed_files_does_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vti.yaml");
        New::named(&path, 0).unwrap().rename(&path).unwrap();
        fs::write(&path, "text").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        drop(New::named(&path, 0).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
