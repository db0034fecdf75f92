//! The guardian: a second process of this program that restores the drop monitor when the first process ends in any way, or does not end in
//! time because it was stopped. It has its own process group, so neither Ctrl-C nor Ctrl-Z reaches it. Until then it touches only the monitor's
//! module.

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

/// How late a run may be before the guardian acts without it.
pub const GRACE: Duration = Duration::from_secs(3);
/// How long it may take to be ready: the kernel may have to load a module.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take to restore the monitor. After that it is killed.
const DONE_WITHIN: Duration = Duration::from_secs(5);

/// The state of the kernel's monitor before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before {
    /// How it reported; none while that has not been read, and so has not been changed.
    pub configuration: Option<Configuration>,
    /// Its module was loaded.
    pub loaded: bool,
}

/// The state of the guardian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Guarded,
    /// It has restored the monitor, or is about to, because this process was late.
    Overdue,
    /// It has ended without doing anything.
    Unguarded,
}

/// The run is about to switch the monitor on.
const STARTS: u8 = b's';
/// Another process has switched the monitor off: it must not be switched off again.
const OFF: u8 = b'o';
/// Nothing is left to be done.
const DONE: u8 = b'd';
/// The guardian is ready: the kernel has loaded the module.
const READY: &[u8] = b"r";
/// Bytes of a configuration in the pipe: they come first.
const CONFIGURATION: usize = 9;

/// The first process's handle of the guardian. Dropping it without [`Guardian::dismiss`] makes the guardian act.
pub(super) struct Guardian {
    process: Child,
    pipe: Option<ChildStdin>,
    /// Hangs up when the guardian ends.
    output: ChildStdout,
    /// How long it waits for this process from [`Guardian::arm`] on.
    patience: Duration,
    /// When it acts at the earliest; none before [`Guardian::arm`].
    acts: Option<Instant>,
}

impl Guardian {
    /// Starts it and waits until it is ready. From [`Guardian::arm`] on the first process has `duration` and [`GRACE`].
    pub fn start(loaded: bool, duration: Duration) -> Result<Self, Failure> {
        let failed =
            |error| Failure::from(error).in_operation("start a second process of this program");
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
        let (output, patience) = (output.map_err(failed)?, duration + GRACE);
        let mut guardian = Self { process, pipe, output, patience, acts: None };
        let deadline = Instant::now() + READY_WITHIN;
        if !is_readable(guardian.output.as_fd(), deadline).map_err(failed)? {
            return Err(failed(io::Error::from(io::ErrorKind::TimedOut)));
        }
        guardian.output.read_exact(&mut [0; READY.len()]).map_err(failed)?;
        Ok(guardian)
    }

    /// Tells the guardian the monitor's configuration, which is about to be changed.
    pub fn remember(&mut self, configuration: Configuration) -> Result<(), Failure> {
        let Configuration { mode, truncation, queue } = configuration;
        self.tell(&[&[mode][..], &truncation.to_ne_bytes(), &queue.to_ne_bytes()].concat())
    }

    /// From now on it stops the monitor when the first process ends.
    pub fn arm(&mut self) -> Result<(), Failure> {
        // It counts its time from when it reads this, which is later.
        self.acts = Some(Instant::now() + self.patience);
        self.tell(&[STARTS])
    }

    /// Its state: [`Standing::Guarded`] until its time is over or it ends; then its descriptor hangs up.
    pub fn standing(&mut self) -> Standing {
        match self.process.try_wait() {
            // It may have switched the monitor off and not have ended yet.
            Ok(None) if self.acts.is_some_and(|acts| acts <= Instant::now()) => Standing::Overdue,
            Ok(None) => Standing::Guarded,
            Ok(Some(status)) if status.success() => Standing::Overdue,
            _ => Standing::Unguarded,
        }
    }

    /// Another process has switched the monitor off.
    pub fn release(&mut self) {
        // If it has ended, it does nothing either.
        let _ = self.tell(&[OFF]);
    }

    /// Ends it: everything is restored, or belongs to another process.
    pub fn dismiss(&mut self) {
        let _ = self.tell(&[DONE]);
        self.finish();
    }

    /// Lets it finish its work and waits for it. False where it did not finish: then it does nothing any more.
    pub fn finish(&mut self) -> bool {
        self.pipe = None;
        if let Ok(None) = self.process.try_wait() {
            // The guardian itself may be stopped.
            let _ = kill(self.pid(), Signal::SIGCONT);
        }
        let ends = is_readable(self.output.as_fd(), Instant::now() + DONE_WITHIN);
        if !matches!(ends, Ok(true)) {
            // A process that has ended cannot be killed and need not be.
            let _ = self.process.kill();
        }
        self.process.wait().is_ok_and(|status| status.success())
    }

    /// Its process id, which no other process gets until this one has been waited for.
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

/// Waits on standard input until the first process ends or is late, then restores the monitor. `loaded`: its module was loaded before.
///
/// # Errors
/// The kernel refused.
pub(super) fn watch(loaded: bool, duration: Duration) -> Result<(), Failure> {
    // A closing terminal or a shutdown must not end it before its work is done.
    let _ = SigSet::all().thread_block();
    // The kernel loads the module for the first process that asks, and continues even if that process is killed; this one is not killed.
    let _ = Channel::open();
    let mut output = io::stdout();
    let _ = output.write_all(READY).and_then(|()| output.flush());
    let words = listen(&mut io::stdin().lock(), duration + GRACE);
    match left_to_do(&words, loaded) {
        Some((before, started)) => restore(&before, started),
        None => Ok(()),
    }
}

/// What the first process has written when it ends, or `patience` after it began to switch the monitor on.
fn listen(input: &mut (impl Read + AsFd), patience: Duration) -> Vec<u8> {
    let (mut words, mut buffer, mut deadline) = (Vec::new(), [0; 64], None);
    loop {
        // While the monitor is off, there is no time limit.
        let until = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        match is_readable(input.as_fd(), until) {
            Ok(true) => match input.read(&mut buffer) {
                Ok(0) | Err(_) => return words,
                Ok(length) => words.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            },
            Ok(false) if deadline.is_none() => {}
            // It is late; and a failed pipe means the same as its end.
            Ok(false) | Err(_) => return words,
        }
        if is_started(&words) {
            deadline.get_or_insert_with(|| Instant::now() + patience);
        }
    }
}

/// What the first process has left to restore, and whether it was about to switch the monitor on; none where nothing is left.
fn left_to_do(words: &[u8], loaded: bool) -> Option<(Before, bool)> {
    let configuration = words.split_at_checked(CONFIGURATION).and_then(|(first, _)| decode(first));
    let is_done = steps(words).last() == Some(&DONE);
    (!is_done).then(|| (Before { configuration, loaded }, is_started(words)))
}

/// The bytes after the configuration; all bytes, where that is incomplete.
fn steps(words: &[u8]) -> &[u8] {
    words.get(CONFIGURATION..).unwrap_or(words)
}

/// The monitor may be on because of this run.
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

/// Restores the monitor. One that another process uses meanwhile is left alone.
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
                    // Another process has switched it on.
                    Ok(()) | Err(Errno::EBUSY) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            // Its module was removed.
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

    /// The contents of the pipe after these steps.
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
        // Before the monitor is on, it waits without a limit.
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
