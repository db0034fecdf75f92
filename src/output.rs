//! Where a run ends: standard output, standard error, a file, and the exit status. The only writer of the program.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::render::{escape::escape, text::DEFAULT_WIDTH};

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

/// Writes a line to standard output at once, for whoever follows: the system's journal, a terminal. If the stream is gone, nobody does.
pub fn line(text: &str) {
    let _ = say(text);
}

/// The same for who ends when nobody follows.
///
/// # Errors
/// The stream is gone, or takes no more.
pub fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{}\n", escape(text)).as_bytes())?;
    stdout.flush()
}

/// Writes one sentence to standard error and fails.
pub fn fail(sentence: &str) -> ExitCode {
    fail_on(io::stderr(), sentence)
}

/// The same on standard output: VyOS's own commands say there what is wrong, and its HTTP interface hands it on.
pub fn fail_on_output(sentence: &str) -> ExitCode {
    fail_on(io::stdout(), sentence)
}

fn fail_on(mut stream: impl Write, sentence: &str) -> ExitCode {
    // If the stream is gone, only the status is left to tell.
    let _ = writeln!(stream, "{}", escape(sentence));
    ExitCode::FAILURE
}

/// Writes a file that its owner alone may read, whole or not at all: a new file beside it is renamed to it. A link at `path` is replaced,
/// not followed.
///
/// # Errors
/// `Write` with the path, if any step fails; then nothing is left behind.
pub fn save(path: &Path, text: &str) -> Result<()> {
    put(path, text, |_| Ok(()))
}

/// Writes a file whole or not at all, with the owner and the mode of the one that it replaces.
///
/// # Errors
/// As those of [`save`].
pub fn replace(path: &Path, text: &str, replaced: &Metadata) -> Result<()> {
    put(path, text, |file| {
        // The owner first: a change of it takes bits from the mode.
        fchown(file, Some(replaced.uid()), Some(replaced.gid()))?;
        file.set_permissions(replaced.permissions())
    })
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

fn put(path: &Path, text: &str, prepare: impl Fn(&File) -> io::Result<()>) -> Result<()> {
    let failed = |source| Error::Write { path: path.display().to_string(), source };
    let beside = beside(path).map_err(failed)?;
    let written = write_new(&beside, text, prepare).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // One that exists already is another's.
        if error.kind() != ErrorKind::AlreadyExists {
            let _ = fs::remove_file(&beside);
        }
        failed(error)
    })
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or(ErrorKind::InvalidInput)?);
    name.push(format!(".{}", std::process::id()));
    Ok(path.with_file_name(name))
}

fn write_new(path: &Path, text: &str, prepare: impl Fn(&File) -> io::Result<()>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    prepare(&file)?;
    file.sync_all()
}
