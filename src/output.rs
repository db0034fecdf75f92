//! Where a run ends: standard output, standard error, a file, and the exit status. The only writer of the program but for `line_queue`, which
//! has the lines of runs that go on.

use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg};
use nix::unistd::{geteuid, linkat};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::render::{escape::escape, text::DEFAULT_WIDTH};

/// How long the last sentence of a run may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Wider text is hard to read, narrower tables cannot be.
const WIDTHS: std::ops::RangeInclusive<u16> = 60..=200;

/// The columns of the terminal. VyOS runs `show` commands into a pager, with standard output a pipe: then the terminal of standard error
/// or input counts. 80 where there is none.
pub fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout())
        .or_else(|_| rustix::termios::tcgetwinsize(io::stderr()))
        .or_else(|_| rustix::termios::tcgetwinsize(io::stdin()));
    match size {
        // A serial console may not know its size.
        Ok(size) if size.ws_col > 0 => size.ws_col.clamp(*WIDTHS.start(), *WIDTHS.end()).into(),
        _ => DEFAULT_WIDTH,
    }
}

/// Writes to standard output. A reader that has seen enough (a pager, `head`) is no error.
pub fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(source) => {
            fail(&Error::Write { path: "standard output".to_string(), source }.to_string())
        }
    }
}

/// Writes one sentence to standard error and fails. A terminal that is stopped takes none, and signals may be blocked: so a thread writes,
/// and is not waited for for long.
pub fn fail(sentence: &str) -> ExitCode {
    let line = format!("{}\n", escape(sentence));
    let (done, is_done) = mpsc::channel();
    let writer = thread::Builder::new().spawn(move || {
        // If the stream is gone, only the status is left to tell.
        let _ = io::stderr().write_all(line.as_bytes());
        done.send(())
    });
    if writer.is_ok() {
        let _ = is_done.recv_timeout(PATIENCE);
    }
    ExitCode::FAILURE
}

/// The same on standard output: VyOS's own commands say there what is wrong, and its HTTP interface hands it on. Without a thread: what
/// operators may run as root starts nothing.
pub fn fail_on_output(sentence: &str) -> ExitCode {
    let _ = writeln!(io::stdout(), "{}", escape(sentence));
    ExitCode::FAILURE
}

/// Writes a file that its owner alone may read, whole or not at all: a new file is linked or renamed to it. A link at `path` is replaced,
/// not followed.
///
/// # Errors
/// `Write` with the path, if any step fails; then nothing is left behind, nor after the end of this process, where the file system has
/// files without a name.
pub fn save(path: &Path, text: &str) -> Result<()> {
    let failed = |source| Error::Write { path: path.display().to_string(), source };
    let _lock = clear(path);
    let new = New::write((path, 0), text, |_| Ok(())).map_err(failed)?;
    new.rename(path).map_err(failed)
}

/// What one has read of a file.
pub struct Seen {
    /// Its text.
    pub text: String,
    /// What the system said of it before it was read.
    pub metadata: Metadata,
}

/// How often a file is changed anew because another process has written it meanwhile.
const MOST_CHANGES: usize = 16;

/// Changes a file as `edit` says of its text, whole or not at all, with its owner and mode. What another process writes there meanwhile
/// is not lost: the new file and the old one change places, and if the old one is not the one that was read, it is changed in its turn.
/// Where `edit` has nothing to change, or refuses, the last one stands as it was.
///
/// # Errors
/// What `edit` refuses; what `read` says; `Write` with the path.
pub fn change(
    path: &Path,
    read: impl Fn(&Path) -> Result<Seen>,
    edit: impl Fn(&str) -> Result<Option<String>>,
) -> Result<()> {
    let failed = |source| Error::Write { path: path.display().to_string(), source };
    let write = |turn: usize, text: &str, like: &Metadata| {
        let new = New::write((path, turn), text, |file| {
            // The owner first: a change of it takes bits from the mode.
            fchown(file, Some(like.uid()), Some(like.gid()))?;
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
            // Whoever removed the file does not want ours in its place.
            Err(error) if error.kind() == ErrorKind::NotFound => return outcome,
            Err(error) => return Err(failed(error)),
        }
        let Ok(metadata) = fs::symlink_metadata(&new.path) else { return outcome };
        if id(&metadata) == expected {
            return outcome;
        }
        // Another's is beside now, and ours in its place.
        expected = ours;
        let changed = read(&new.path).and_then(|seen| match edit(&seen.text)? {
            Some(text) => write(turn, &text, &seen.metadata).map(Some),
            None => Ok(None),
        });
        // Where it is not changed, it goes back as it is.
        outcome = match changed {
            Ok(changed) => {
                new = changed.unwrap_or(new);
                Ok(())
            }
            Err(error) => Err(error),
        };
    }
    fs::rename(&new.path, path).map_err(failed)?;
    Err(failed(io::Error::other("another process writes it all the time")))
}

/// What tells a file and its contents from others.
fn id(metadata: &Metadata) -> Id {
    (metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

type Id = (u64, u64, u64, i64, i64);

/// Lets two files change places. Where the file system cannot, the first replaces the second, if that is the expected one.
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

/// A new file, whole and on the disk, locked until it has its place: what is beside a file and not locked was left by a process that was
/// killed.
enum New {
    /// It goes with the process unless it is given a name.
    Unnamed(Flock<File>),
    /// For file systems without such.
    Named(Beside),
}

/// A file with a hidden name beside its place; gone with this.
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
    /// Writes it. `turn` tells the files of one process from each other.
    fn write(
        (path, turn): (&Path, usize),
        text: &str,
        prepare: impl Fn(&File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut new = match unnamed(path) {
            Ok(file) => Self::Unnamed(file),
            Err(_) => Self::named(path, turn)?,
        };
        let file = match &mut new {
            Self::Unnamed(file) => file,
            Self::Named(beside) => &mut beside.file,
        };
        file.write_all(text.as_bytes())?;
        prepare(file)?;
        file.sync_all()?;
        Ok(new)
    }

    fn named(path: &Path, turn: usize) -> io::Result<Self> {
        let beside = beside(path, turn)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        Ok(Self::Named(Beside { path: beside, file: locked(file)? }))
    }

    /// Gives it its place, whatever is there.
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

/// A file that goes with the process unless it is given a name.
fn unnamed(path: &Path) -> io::Result<Flock<File>> {
    // Without /proc it could not be given a name.
    fs::metadata("/proc/self/fd")?;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(nix::libc::O_TMPFILE);
    locked(options.open(directory(path).ok_or(ErrorKind::InvalidInput)?)?)
}

fn locked(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno.into())
}

/// Removes what a process that was killed left beside a file: ours, and locked by nobody. Who does so holds a lock on the directory, and
/// keeps it while its own files are there: none where another has it, and then nothing is removed.
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

/// How hidden names beside a file begin; the number of a process follows, and which of its files it is.
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

    /// Changes a file "old" while another process does `meddle` after the file was read so often; gives what stands there.
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
        assert!(
            result.unwrap_err().to_string().ends_with("another process writes it all the time")
        );
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
            save(&path, text).unwrap();
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
