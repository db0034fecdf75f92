//! The output of a run: standard output, standard error and the exit status; `file` has the files, `pieces` texts too large to be kept. Only
//! `line_queue` also writes: the lines of commands that keep running.

mod file;
mod pieces;

pub use file::{Readers, Seen, change, create, save};
use pieces::{Pieces, Stopped, in_pieces};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::render::{escape::escape, text::DEFAULT_WIDTH};

/// How long writing the last sentence of a run may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The limits of the width: wider text is hard to read, and tables need at least this much.
const WIDTHS: std::ops::RangeInclusive<u16> = 60..=200;

/// The columns of the terminal. VyOS runs `show` commands with a pager, so standard output is a pipe: then the terminal of standard error or
/// input counts. 80 where there is none.
pub fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout())
        .or_else(|_| rustix::termios::tcgetwinsize(io::stderr()))
        .or_else(|_| rustix::termios::tcgetwinsize(io::stdin()));
    match size {
        // A serial console may have no size.
        Ok(size) if size.ws_col > 0 => size.ws_col.clamp(*WIDTHS.start(), *WIDTHS.end()).into(),
        _ => DEFAULT_WIDTH,
    }
}

/// Writes to standard output and ends with this status. A reader that has ended (a pager, `head`) is no error.
pub fn print(text: &str, status: u8) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::from(status),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(status),
        Err(source) => {
            fail(&Error::Write { path: "standard output".to_string(), source }.to_string())
        }
    }
}

/// Writes to standard output as [`print()`] does, piece by piece.
///
/// # Errors
/// `Write`, and what `text` refuses.
pub fn print_pieces(text: impl Pieces) -> Result<()> {
    let failed = |source| Error::Write { path: "standard output".to_string(), source };
    match in_pieces(&mut io::stdout().lock(), text) {
        Err(Stopped::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|stopped| stopped.into_error(failed)),
    }
}

/// Writes one sentence to standard error and fails. A stopped terminal accepts no text, and signals may be blocked, so a thread writes, and the
/// program waits for it only briefly.
pub fn fail(sentence: &str) -> ExitCode {
    let line = format!("{}\n", escape(sentence));
    let (done, is_done) = mpsc::channel();
    let writer = thread::Builder::new().spawn(move || {
        // If the stream is closed, only the exit status is left.
        let _ = io::stderr().write_all(line.as_bytes());
        done.send(())
    });
    if writer.is_ok() {
        let _ = is_done.recv_timeout(PATIENCE);
    }
    ExitCode::FAILURE
}

/// The same on standard output, where VyOS's own commands write their errors for its HTTP interface. Without a thread: what operators may run as
/// root starts nothing.
pub fn fail_on_output(sentence: &str) -> ExitCode {
    let _ = writeln!(io::stdout(), "{}", escape(sentence));
    ExitCode::FAILURE
}
