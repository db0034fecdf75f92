//! The guardian: a second process of this program that outlives the first by a moment, and leaves the drop monitor as it was if the
//! first could not. It says nothing, and touches nothing while the first lives.

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
pub struct Before {
    /// How it reported.
    pub configuration: Configuration,
    /// Its module was there.
    pub loaded: bool,
}

/// The run is about to switch the monitor on.
const STARTS: u8 = b's';
/// Nothing is left to be done.
const DONE: u8 = b'd';

/// The first process's hold on the guardian. Without [`Guardian::dismiss`], letting go makes it act.
pub(super) struct Guardian {
    process: Child,
    pipe: Option<ChildStdin>,
}

impl Guardian {
    /// Starts it. It is in a process group of its own, so that Ctrl-C reaches the first process alone.
    pub fn start(before: &Before) -> Result<Self, Failure> {
        let Configuration { mode, truncation, queue } = before.configuration;
        let loaded = u32::from(before.loaded);
        let arguments = [u32::from(mode), truncation, queue, loaded].map(|n| n.to_string());
        let spawned = Command::new("/proc/self/exe")
            .arg0("vti-diagnostics")
            .arg(COMMAND)
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let mut process = spawned
            .map_err(|error| Failure::from(error).in_operation("start the program once more"))?;
        let pipe = process.stdin.take();
        Ok(Self { process, pipe })
    }

    /// From now on it stops the monitor when the first process ends.
    pub fn arm(&mut self) -> Result<(), Failure> {
        self.tell(STARTS)
            .map_err(|error| Failure::from(error).in_operation("reach the second process"))
    }

    /// Ends it: everything is as it was, or somebody else's.
    pub fn dismiss(&mut self) {
        // If it is gone, it has nothing to do either.
        let _ = self.tell(DONE);
        self.pipe = None;
        let _ = self.process.wait();
    }

    fn tell(&mut self, word: u8) -> io::Result<()> {
        self.pipe
            .as_mut()
            .map_or(Err(io::ErrorKind::BrokenPipe.into()), |pipe| pipe.write_all(&[word]))
    }
}

/// Waits on standard input for the end of the first process, and leaves the monitor as it was.
pub fn watch(before: &Before) {
    // A terminal that closes, or a shutdown, must not end it before it has done its work.
    let _ = SigSet::all().thread_block();
    let mut words = Vec::new();
    // Until the first process is gone: a pipe that fails is no different.
    let _ = io::stdin().lock().read_to_end(&mut words);
    match words.as_slice() {
        [.., DONE] => {}
        [.., STARTS] => restore(before, true),
        _ => restore(before, false),
    }
}

/// Leaves the monitor as it was, as far as the kernel lets it: this is the end, and there is nobody to be told.
pub(super) fn restore(before: &Before, started: bool) {
    if let Ok(Ok(mut channel)) = Channel::open() {
        if started {
            let _ = channel.stop();
        }
        let _ = channel.configure(before.configuration);
    }
    if !before.loaded {
        channel::unload();
    }
}
