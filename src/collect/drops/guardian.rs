//! The guardian: a second process of this program that outlives the first by a moment, and leaves the drop monitor as it was if the
//! first could not. It says that it is ready and no more, and touches nothing while the first lives, but for the monitor's module.

use super::channel::{self, Channel};
use crate::collect::failure::Failure;
use crate::wire::drop_monitor::Configuration;
use nix::sys::signal::SigSet;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

/// The hidden command that runs it.
pub const COMMAND: &str = "drops-guardian";

/// What the kernel's monitor was before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before {
    /// How it reported; none while that has not been read, and so not been changed.
    pub configuration: Option<Configuration>,
    /// Its module was there.
    pub loaded: bool,
}

/// The run is about to switch the monitor on.
const STARTS: u8 = b's';
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
}

impl Guardian {
    /// Starts it, and waits until it is ready. It is in a process group of its own, so that Ctrl-C reaches the first process alone.
    pub fn start(loaded: bool) -> Result<Self, Failure> {
        let spawned = Command::new("/proc/self/exe")
            .arg0("vti-diagnostics")
            .arg(COMMAND)
            .args(loaded.then_some("--loaded"))
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let failed = |error| Failure::from(error).in_operation("start the program once more");
        let mut process = spawned.map_err(failed)?;
        let (pipe, output) = (process.stdin.take(), process.stdout.take());
        let guardian = Self { process, pipe };
        let ready = output.map_or(Ok(()), |mut output| output.read_exact(&mut [0; READY.len()]));
        ready.map_err(failed)?;
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

    /// Ends it: everything is as it was, or somebody else's.
    pub fn dismiss(&mut self) {
        // If it is gone, it has nothing to do either.
        let _ = self.tell(&[DONE]);
        self.pipe = None;
        let _ = self.process.wait();
    }

    fn tell(&mut self, words: &[u8]) -> Result<(), Failure> {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        let told = self.pipe.as_mut().map_or_else(gone, |pipe| pipe.write_all(words));
        told.map_err(|error| Failure::from(error).in_operation("reach the second process"))
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.process.wait();
    }
}

/// Waits on standard input for the end of the first process, and leaves the monitor as it was. `loaded`: its module was there.
pub fn watch(loaded: bool) {
    // A terminal that closes, or a shutdown, must not end it before it has done its work.
    let _ = SigSet::all().thread_block();
    // The kernel loads the module for whoever asks first, and goes on with that when the asker is killed: this process is not.
    let _ = Channel::open();
    let mut output = io::stdout();
    let _ = output.write_all(READY).and_then(|()| output.flush());
    let mut words = Vec::new();
    // Until the first process is gone: a pipe that fails is no different.
    let _ = io::stdin().lock().read_to_end(&mut words);
    if let Some((before, started)) = left_to_do(&words, loaded) {
        restore(&before, started);
    }
}

/// What the first process left, and whether it was about to switch the monitor on; none where nothing is left.
fn left_to_do(words: &[u8], loaded: bool) -> Option<(Before, bool)> {
    let (configuration, rest) = match words.split_at_checked(CONFIGURATION) {
        Some((configuration, rest)) => (decode(configuration), rest),
        None => (None, words),
    };
    let is_done = rest.last() == Some(&DONE);
    (!is_done).then_some((Before { configuration, loaded }, rest.contains(&STARTS)))
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

/// Leaves the monitor as it was, as far as the kernel lets it: this is the end, and there is nobody to be told.
pub(super) fn restore(before: &Before, started: bool) {
    if let Some(configuration) = before.configuration {
        if let Ok(Ok(mut channel)) = Channel::open() {
            if started {
                let _ = channel.stop();
            }
            let _ = channel.configure(configuration);
        }
    }
    if !before.loaded {
        channel::unload();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(left(&[&remembered, &[DONE]]), None);
        assert_eq!(left(&[&[DONE]]), None);
    }
}
