//! The guardian: a second process of this program that leaves the drop monitor as it was when the first ends, in whatever way, or does not
//! end in its time: it may be stopped. It is in a process group of its own, so that neither Ctrl-C nor Ctrl-Z reaches it. Until then it touches
//! nothing but the monitor's module.

use super::channel::{self, Channel};
use crate::collect::failure::Failure;
use crate::collect::readable::is_readable;
use crate::wire::drop_monitor::Configuration;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The hidden command that runs it.
const COMMAND: &str = "drops-guardian";

/// By so much a run may be late: then the guardian acts without it.
pub const GRACE: Duration = Duration::from_secs(3);
/// How long it may take to be ready: the kernel loads a module.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take to leave the monitor as it was. One that takes longer is killed.
const DONE_WITHIN: Duration = Duration::from_secs(5);

/// What the kernel's monitor was before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before {
    /// How it reported; none while that has not been read, and so not been changed.
    pub configuration: Option<Configuration>,
    /// Its module was there.
    pub loaded: bool,
}

/// How the guardian is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Guarded,
    /// It has left the monitor as it was, for this process was late.
    Overdue,
    /// It is gone, and has done nothing.
    Unguarded,
}

/// The run is about to switch the monitor on.
const STARTS: u8 = b's';
/// The monitor is off, and not by this run: it must not be switched off again.
const OFF: u8 = b'o';
/// Nothing is left to be done.
const DONE: u8 = b'd';
/// The guardian is ready: the kernel has loaded what it has.
const READY: &[u8] = b"r";
/// Bytes of a configuration in the pipe: they come first.
const CONFIGURATION: usize = 9;

/// The first process's hold on the guardian. Without [`Guardian::dismiss`], letting go makes it act.
pub(super) struct Guardian {
    process: Child,
    pipe: Option<ChildStdin>,
    /// Hangs up when it ends.
    output: ChildStdout,
}

impl Guardian {
    /// Starts it, and waits until it is ready. From [`Guardian::arm`] on it gives the first process `duration`, and [`GRACE`].
    pub fn start(loaded: bool, duration: Duration) -> Result<Self, Failure> {
        let failed = |error| Failure::from(error).in_operation("start the program once more");
        let spawned = Command::new("/proc/self/exe")
            .arg0("vti-diagnostics")
            .arg(COMMAND)
            .args(["--seconds", &duration.as_secs().to_string()])
            .args(loaded.then_some("--loaded"))
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let mut process = spawned.map_err(failed)?;
        let pipe = process.stdin.take();
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe.into());
        let mut guardian = Self { process, pipe, output: output.map_err(failed)? };
        let deadline = Instant::now() + READY_WITHIN;
        if !is_readable(guardian.output.as_fd(), deadline).map_err(failed)? {
            return Err(failed(io::Error::from(io::ErrorKind::TimedOut)));
        }
        guardian.output.read_exact(&mut [0; READY.len()]).map_err(failed)?;
        Ok(guardian)
    }

    /// The monitor is about to be configured: this is how it was before.
    pub fn remember(&mut self, configuration: Configuration) -> Result<(), Failure> {
        let Configuration { mode, truncation, queue } = configuration;
        self.tell(&[&[mode][..], &truncation.to_ne_bytes(), &queue.to_ne_bytes()].concat())
    }

    /// From now on it stops the monitor when the first process ends.
    pub fn arm(&mut self) -> Result<(), Failure> {
        self.tell(&[STARTS])
    }

    /// How it is. It is [`Standing::Guarded`] until it ends, and then its descriptor hangs up.
    pub fn standing(&mut self) -> Standing {
        match self.process.try_wait() {
            Ok(None) => Standing::Guarded,
            Ok(Some(status)) if status.success() => Standing::Overdue,
            _ => Standing::Unguarded,
        }
    }

    /// Another process has switched the monitor off.
    pub fn release(&mut self) {
        // If it is gone, it does nothing either.
        let _ = self.tell(&[OFF]);
    }

    /// Ends it: everything is as it was, or another process's.
    pub fn dismiss(&mut self) {
        let _ = self.tell(&[DONE]);
        self.finish();
    }

    /// Lets it do what is left to do, and waits for it. False where it has not: it does nothing any more then.
    pub fn finish(&mut self) -> bool {
        self.pipe = None;
        if self.standing() == Standing::Guarded {
            // It may be stopped itself.
            let _ = kill(self.pid(), Signal::SIGCONT);
        }
        let ends = is_readable(self.output.as_fd(), Instant::now() + DONE_WITHIN);
        if !matches!(ends, Ok(true)) {
            // One that is gone cannot be killed, and need not.
            let _ = self.process.kill();
        }
        self.process.wait().is_ok_and(|status| status.success())
    }

    /// Its number, which is its own until its end has been waited for.
    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).unwrap_or(i32::MAX))
    }

    fn tell(&mut self, words: &[u8]) -> Result<(), Failure> {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        let told = self.pipe.as_mut().map_or_else(gone, |pipe| pipe.write_all(words));
        told.map_err(|error| Failure::from(error).in_operation("reach the second process"))
    }
}

impl AsFd for Guardian {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Waits on standard input for the end of the first process, or until it is late, and leaves the monitor as it was. `loaded`: its module was
/// there.
///
/// # Errors
/// The kernel did not let it.
pub(super) fn watch(loaded: bool, duration: Duration) -> Result<(), Failure> {
    // A terminal that closes, or a shutdown, must not end it before it has done its work.
    let _ = SigSet::all().thread_block();
    // The kernel loads the module for whoever asks first, and goes on with that when the asker is killed: this process is not.
    let _ = Channel::open();
    let mut output = io::stdout();
    let _ = output.write_all(READY).and_then(|()| output.flush());
    let words = listen(&mut io::stdin().lock(), duration + GRACE);
    match left_to_do(&words, loaded) {
        Some((before, started)) => restore(&before, started),
        None => Ok(()),
    }
}

/// What the first process has said when it ends, or when `patience` is over since it began to switch the monitor on.
fn listen(input: &mut (impl Read + AsFd), patience: Duration) -> Vec<u8> {
    let (mut words, mut buffer, mut deadline) = (Vec::new(), [0; 64], None);
    loop {
        // While nothing is on, it may take any time.
        let until = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        match is_readable(input.as_fd(), until) {
            Ok(true) => match input.read(&mut buffer) {
                Ok(0) | Err(_) => return words,
                Ok(length) => words.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            },
            Ok(false) if deadline.is_none() => {}
            // It is late; and a pipe that fails is no different from an end.
            Ok(false) | Err(_) => return words,
        }
        if is_started(&words) {
            deadline.get_or_insert_with(|| Instant::now() + patience);
        }
    }
}

/// What the first process left, and whether it was about to switch the monitor on; none where nothing is left.
fn left_to_do(words: &[u8], loaded: bool) -> Option<(Before, bool)> {
    let configuration = words.split_at_checked(CONFIGURATION).and_then(|(first, _)| decode(first));
    let is_done = steps(words).last() == Some(&DONE);
    (!is_done).then(|| (Before { configuration, loaded }, is_started(words)))
}

/// What comes after the configuration; all, where that is not whole.
fn steps(words: &[u8]) -> &[u8] {
    words.get(CONFIGURATION..).unwrap_or(words)
}

/// The monitor may be on, and by this run.
fn is_started(words: &[u8]) -> bool {
    let (steps, is_remembered) = (steps(words), words.len() >= CONFIGURATION);
    is_remembered && steps.contains(&STARTS) && !steps.contains(&OFF)
}

fn decode(bytes: &[u8]) -> Option<Configuration> {
    let (mode, rest) = bytes.split_first()?;
    let (truncation, queue) = rest.split_first_chunk()?;
    let queue = queue.first_chunk()?;
    Some(Configuration {
        mode: *mode,
        truncation: u32::from_ne_bytes(*truncation),
        queue: u32::from_ne_bytes(*queue),
    })
}

/// Leaves the monitor as it was. One that another process uses meanwhile stays as it is.
///
/// # Errors
/// The kernel refuses.
pub(super) fn restore(before: &Before, started: bool) -> Result<(), Failure> {
    if let Some(configuration) = before.configuration {
        match Channel::open()? {
            Ok(mut channel) => {
                if started {
                    channel.stop()??;
                }
                match channel.configure(configuration)? {
                    // It is on, and not by this run.
                    Ok(()) | Err(Errno::EBUSY) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            // Its module is gone.
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    if !before.loaded {
        channel::unload();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::thread;

    const WAS: Configuration = Configuration { mode: 0, truncation: 100, queue: 0x6464_6464 };

    /// What the guardian finds in the pipe after these steps.
    fn left(steps: &[&[u8]]) -> Option<(Option<Configuration>, bool)> {
        let left = left_to_do(&steps.concat(), true);
        left.map(|(before, started)| (before.configuration, started))
    }

    #[test]
    fn what_is_left_to_do_is_what_the_first_process_had_begun() {
        let remembered =
            [&[WAS.mode][..], &WAS.truncation.to_ne_bytes(), &WAS.queue.to_ne_bytes()].concat();
        assert_eq!(left(&[]), Some((None, false)));
        assert_eq!(left(&[&remembered]), Some((Some(WAS), false)));
        assert_eq!(left(&[&remembered, &[STARTS]]), Some((Some(WAS), true)));
        assert_eq!(left(&[&remembered, &[STARTS], &[DONE]]), None);
        assert_eq!(left(&[&remembered, &[STARTS, OFF]]), Some((Some(WAS), false)));
        assert_eq!(left(&[&remembered, &[STARTS], &[OFF], &[DONE]]), None);
        assert_eq!(left(&[&remembered, &[DONE]]), None);
        assert_eq!(left(&[&[DONE]]), None);
    }

    #[test]
    fn it_acts_without_the_first_process_only_when_that_is_late() {
        let (mut input, mut first) = UnixStream::pair().unwrap();
        let patience = Duration::from_millis(200);
        let began = Instant::now();
        let listens = thread::spawn(move || listen(&mut input, patience));
        // Before the monitor is on it waits for any time.
        first.write_all(&[b'd'; CONFIGURATION]).unwrap();
        thread::sleep(2 * patience);
        assert!(!listens.is_finished());
        first.write_all(&[STARTS]).unwrap();
        let words = listens.join().unwrap();
        assert_eq!(words, [&[b'd'; CONFIGURATION][..], &[STARTS]].concat());
        assert!(began.elapsed() >= 3 * patience && began.elapsed() < 20 * patience);
    }

    #[test]
    fn the_end_of_the_first_process_is_enough() {
        let (mut input, mut first) = UnixStream::pair().unwrap();
        first.write_all(&[DONE]).unwrap();
        drop(first);
        assert_eq!(listen(&mut input, Duration::from_secs(3600)), [DONE]);
    }
}
