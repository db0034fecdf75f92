//! The lines of a running command: a separate thread writes them, so a reader that does not read (a full pipe, a pager, Ctrl-S) delays neither
//! the run nor its end. The queue is bounded; a line without room is left out and counted. It does not decide what the lines say, and sets no
//! flag on the descriptor, which the shell and other processes share: O_NONBLOCK would apply to them, too.

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::pipe2;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::render::escape::escape;
use vti_diagnostics::units::{LINE, WAS};

/// Most bytes that wait: some thousand lines, more than drops occur at the same time.
const MOST: usize = 4 * 1024 * 1024;
/// How long the end of the run waits for unwritten lines.
pub const FLUSH: Duration = Duration::from_secs(5);

/// Whether a line was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It will be written when the output is read.
    Queued,
    /// There was no room for it.
    LeftOut,
}

/// The lines that wait, and the thread that writes them.
pub struct LineQueue {
    shared: Arc<Shared>,
    /// Hangs up when a line could not be written.
    failed: OwnedFd,
    most: usize,
    /// Lines that [`LineQueue::tell`] left out without a note so far.
    untold: Cell<u64>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Each with its line end.
    lines: VecDeque<String>,
    bytes: usize,
    /// No more lines will be added.
    is_closed: bool,
    /// The first failure.
    error: Option<io::Error>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: String) {
        let mut state = self.lock();
        state.bytes += line.len();
        state.lines.push_back(line);
        self.changed.notify_all();
    }

    /// Waits for the next line, which stays in the queue until it is written; none at the end.
    fn next(&self) -> Option<String> {
        let is_idle = |state: &mut State| state.lines.is_empty() && !state.is_closed;
        let waited = self.changed.wait_while(self.lock(), is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).lines.front().cloned()
    }

    /// Removes the next line, which was written or cannot be.
    fn done(&self, error: Option<io::Error>) {
        let mut state = self.lock();
        let length = state.lines.pop_front().map_or(0, |line| line.len());
        state.bytes = state.bytes.saturating_sub(length);
        if let Some(error) = error {
            state.error.get_or_insert(error);
        }
        self.changed.notify_all();
    }
}

impl LineQueue {
    /// A queue for standard output.
    ///
    /// # Errors
    /// The system has no descriptor or no thread left.
    pub fn stdout() -> Result<Self> {
        let output = io::stdout().as_fd().try_clone_to_owned();
        output.and_then(|output| Self::new(output, MOST)).map_err(|error| {
            Error::DataUnavailable(format!("cannot prepare standard output: {error}"))
        })
    }

    fn new(output: OwnedFd, most: usize) -> io::Result<Self> {
        let (failed, fails) = pipe2(OFlag::O_CLOEXEC)?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        // Signals are for the main thread: this one has all of them blocked from the start.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let thread = thread::Builder::new().name("lines".to_string());
        let spawned = thread.spawn(move || write_lines(&theirs, &File::from(output), fails));
        mask.thread_set_mask()?;
        spawned?;
        Ok(Self { shared, failed, most, untold: Cell::new(0) })
    }

    /// Hangs up when a line could not be written.
    pub fn failed(&self) -> BorrowedFd<'_> {
        self.failed.as_fd()
    }

    /// Takes a line, or leaves it out where the queue is full. It never waits.
    ///
    /// # Errors
    /// An earlier line could not be written; this one is still tried.
    pub fn say(&self, line: &str) -> io::Result<Said> {
        self.add(format!("{}\n", escape(line)))
    }

    /// The same for lines that people read: after lines were left out, the next line with room follows a note about them.
    ///
    /// # Errors
    /// As those of [`LineQueue::say`].
    pub fn tell(&self, line: &str) -> io::Result<()> {
        let said = self.add(format!("{}{}\n", note(self.untold.get()), escape(line)));
        self.untold.set(match said {
            Ok(Said::LeftOut) => self.untold.get() + 1,
            _ => 0,
        });
        said.map(|_| ())
    }

    fn add(&self, line: String) -> io::Result<Said> {
        let (waits, error) = {
            let state = self.shared.lock();
            (state.bytes, state.error.as_ref().map(io::Error::kind))
        };
        let said = match waits.saturating_add(line.len()) > self.most {
            true => Said::LeftOut,
            false => {
                self.shared.push(line);
                Said::Queued
            }
        };
        error.map_or(Ok(said), |kind| Err(kind.into()))
    }

    /// Adds the last lines of a run, which always have room, and waits until all are written, at most [`FLUSH`]. A reader that has
    /// ended is no error.
    ///
    /// # Errors
    /// A line could not be written, or the output is not read: then it returns how many lines are lost.
    pub fn finish(self, last: &str) -> Result<()> {
        self.finish_within(last, FLUSH)
    }

    fn finish_within(self, last: &str, patience: Duration) -> Result<()> {
        let notes = note(self.untold.get());
        for line in notes.split_inclusive('\n').chain(last.split_inclusive('\n')) {
            self.shared.push(line.to_string());
        }
        let mut state = self.shared.lock();
        state.is_closed = true;
        self.shared.changed.notify_all();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, patience, |state| !state.lines.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let lost: usize = state.lines.iter().map(|line| line.matches('\n').count()).sum();
        match state.error.take() {
            Some(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Some(source) => Err(Error::Write { path: "standard output".to_string(), source }),
            None if lost == 0 => Ok(()),
            None => Err(Error::DataUnavailable(format!(
                "standard output is not being read: {} {} not written",
                LINE.of(lost),
                WAS.word(lost)
            ))),
        }
    }
}

/// The note about lines that were left out.
fn note(left_out: u64) -> String {
    match left_out {
        0 => String::new(),
        lines => format!(
            "{} {} left out: standard output was not read in time\n",
            LINE.of(lines),
            WAS.word(lines)
        ),
    }
}

/// Writes the lines until the queue is closed; drops `fails` when the first one cannot be written.
fn write_lines(shared: &Shared, output: &File, fails: OwnedFd) {
    let mut fails = Some(fails);
    while let Some(line) = shared.next() {
        let written = write_line(output, line.as_bytes());
        // First the error, then the hang-up that makes the main thread look for it.
        let is_written = written.is_ok();
        shared.done(written.err());
        if !is_written {
            fails = None;
        }
    }
    drop(fails);
}

/// Writes a whole line; a pipe takes one of up to PIPE_BUF bytes whole or not at all. Waits also where another process has set O_NONBLOCK.
fn write_line(mut output: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut polled = [PollFd::new(output.as_fd(), PollFlags::POLLOUT)];
                poll(&mut polled, PollTimeout::NONE)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, fcntl};
    use std::io::Read;
    use std::time::Instant;

    /// A queue into a pipe of one page that is not read yet.
    fn queue(most: usize) -> (LineQueue, File) {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
        fcntl(&write, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
        (LineQueue::new(write, most).unwrap(), read.into())
    }

    /// A queue for 50 lines, into a pipe that is full of empty ones.
    fn stuck() -> (LineQueue, File) {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
        fcntl(&write, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
        File::from(write.try_clone().unwrap()).write_all(&[b'\n'; 4096]).unwrap();
        (LineQueue::new(write, 50 * 50).unwrap(), read.into())
    }

    fn line(number: usize) -> String {
        format!("{number:049}")
    }

    fn lost(error: &Error) -> usize {
        let said = error.to_string();
        let lost = said.strip_prefix("standard output is not being read: ").unwrap();
        lost.strip_suffix(" lines were not written").unwrap().parse().unwrap()
    }

    #[test]
    fn a_reader_that_does_not_read_holds_up_nobody_and_what_is_left_out_is_counted() {
        let (queue, _read) = stuck();
        let began = Instant::now();
        let said: Vec<Said> = (0..1000).map(|n| queue.say(&line(n)).unwrap()).collect();
        assert_eq!(said.iter().filter(|said| **said == Said::Queued).count(), 50);
        let error = queue.finish_within("last\nof all\n", Duration::from_millis(100)).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(lost(&error), 52);
    }

    #[test]
    fn a_pipe_that_is_left_ends_with_a_whole_line() {
        let (queue, mut read) = queue(MOST);
        for number in 0..1000 {
            assert_eq!(queue.say(&line(number)).unwrap(), Said::Queued);
        }
        let lost = lost(&queue.finish_within("", Duration::from_secs(1)).unwrap_err());
        let mut text = vec![0; 4096];
        let length = read.read(&mut text).unwrap();
        let text = std::str::from_utf8(&text[..length]).unwrap();
        assert!(text.ends_with('\n'), "half a line: {text:?}");
        assert_eq!(text.lines().count() + lost, 1000);
    }

    #[test]
    fn a_reader_that_reads_again_gets_what_waited_and_hears_of_what_did_not() {
        let (queue, mut read) = stuck();
        for number in 0..1000 {
            queue.tell(&line(number)).unwrap();
        }
        assert_eq!(queue.untold.get(), 950);
        let reader = thread::spawn(move || {
            let mut text = String::new();
            read.read_to_string(&mut text).map(|_| text)
        });
        // Until there is room for the note and the line; those that had none are left out, too.
        let mut left_out = 949;
        while queue.untold.get() > 0 {
            left_out += 1;
            queue.tell("again").unwrap();
            thread::sleep(Duration::from_millis(1));
        }
        queue.finish("last\n").unwrap();
        let text = reader.join().unwrap().unwrap();
        let expected = (0..50).map(line).chain([
            format!("{} were left out: standard output was not read in time", LINE.of(left_out)),
            "again".to_string(),
            "last".to_string(),
        ]);
        assert_eq!(text.trim_start().lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_is_gone_is_seen_and_no_error() {
        let (queue, read) = queue(MOST);
        drop(read);
        assert_eq!(queue.say("one").unwrap(), Said::Queued);
        let mut polled = [PollFd::new(queue.failed(), PollFlags::empty())];
        assert_eq!(poll(&mut polled, PollTimeout::from(10_000_u16)).unwrap(), 1);
        assert_eq!(queue.say("two").unwrap_err().kind(), ErrorKind::BrokenPipe);
        queue.finish("three\n").unwrap();
    }

    #[test]
    fn another_s_o_nonblock_is_waited_for() {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
        fcntl(&read, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        let queue = LineQueue::new(write, MOST).unwrap();
        for number in 0..4000 {
            assert_eq!(queue.say(&line(number)).unwrap(), Said::Queued);
        }
        let reader = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            let mut text = String::new();
            File::from(read).read_to_string(&mut text).map(|_| text.lines().count())
        });
        queue.finish("").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 4000);
    }

    #[test]
    fn a_disk_that_is_full_is_an_error() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let queue = LineQueue::new(full.into(), MOST).unwrap();
        let error = queue.finish("line\n").unwrap_err().to_string();
        assert!(error.starts_with("cannot write standard output: "), "{error}");
    }

    #[test]
    fn nothing_that_acts_on_a_terminal_is_written() {
        let (queue, mut read) = queue(MOST);
        queue.say("a\x1b[2Jb\nc").unwrap();
        queue.finish("end\n").unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\\x1b[2Jb\\nc\nend\n");
    }
}
