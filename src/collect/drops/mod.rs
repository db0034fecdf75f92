//! The kernel's drop monitor, switched on for a limited time. **The one place of the program that changes the kernel's state**: alert mode,
//! truncation and queue length of the monitor, on and off, and its module. The guardian restores all of it after the run, also if this process is
//! killed or stopped; if both are killed, [`stop()`] does. It decides nothing about packets.

mod channel;
mod guardian;
mod receivers;
mod refusal;
mod stop;

pub use guardian::{GRACE, Standing};
pub use receivers::{Receiver, Receivers};
pub use stop::{Stopped, stop};

use super::socket::{GENERIC, Subscription};
use crate::error::{Error, Result};
use crate::snapshot::Reason;
use crate::wire::drop_monitor::{self, Alert, Configuration};
use channel::Channel;
use guardian::{Before, Guardian};
use nix::errno::Errno;
use refusal::{absent, cannot, refused};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Datagrams taken in one go; then the caller checks the time.
const MOST: usize = 2048;

/// The drop monitor while it is on. Dropping this value switches it off.
pub struct Monitor {
    channel: Channel,
    events: Subscription,
    guardian: Guardian,
    before: Before,
    lost_before: u64,
    overruns: u64,
    /// [`Monitor::stop`] was not called yet.
    is_open: bool,
    /// This run has switched it on, and no process has switched it off.
    is_ours: bool,
}

impl Monitor {
    /// Switches the monitor on for every drop of the machine, for at most `duration` and [`GRACE`].
    ///
    /// # Errors
    /// One sentence: the kernel has no monitor, denies it, or it is on already. Then nothing is changed.
    pub fn start(duration: Duration) -> Result<Self> {
        // The kernel loads the module for every user, but only root may remove it.
        if !super::is_root() {
            return Err(Error::PermissionDenied(
                "watching drops needs root; run it with sudo".to_string(),
            ));
        }
        let loaded = channel::is_loaded();
        // From here on every early return drops the guardian's handle, so the guardian restores the monitor.
        let mut guardian = Guardian::start(loaded, duration).map_err(cannot)?;
        let mut channel = match Channel::open().map_err(cannot)? {
            Ok(channel) => channel,
            Err(Errno::ENOENT) => return Err(absent()),
            Err(errno) => return Err(cannot(errno.into())),
        };
        let configuration = channel.configuration().map_err(cannot)?;
        let group = channel.group().map_err(cannot)?;
        let events = Subscription::join(GENERIC, &[group]).map_err(cannot)?;
        let lost_before = channel.lost().map_err(cannot)?;
        guardian.remember(configuration).map_err(cannot)?;
        channel
            .configure(Configuration::PACKETS)
            .map_err(cannot)?
            .map_err(|errno| refused(errno, group))?;
        guardian.arm().map_err(cannot)?;
        if let Err(errno) = channel.start().map_err(cannot)? {
            // Another process has switched it on: it must not be stopped.
            guardian.dismiss();
            return Err(refused(errno, group));
        }
        if guardian.standing() != Standing::Guarded {
            // This process was stopped for so long that the guardian has ended: the monitor is on without a guardian.
            let _ = channel.stop();
            let _ = channel.configure(configuration);
            return Err(Error::DataUnavailable(
                "this process was stopped for too long while the run was starting".to_string(),
            ));
        }
        let before = Before { configuration: Some(configuration), loaded };
        let (overruns, is_open, is_ours) = (0, true, true);
        Ok(Self { channel, events, guardian, before, lost_before, overruns, is_open, is_ours })
    }

    /// Readable when there are alerts, or when the guardian has ended.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.events.as_fd(), self.guardian.as_fd()]
    }

    /// The state of the guardian.
    pub fn guardian(&mut self) -> Standing {
        self.guardian.standing()
    }

    /// Whether it is still on: another process may have switched it off.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub fn is_on(&mut self) -> Result<bool> {
        let is_on = self.channel.is_on().map_err(cannot)?;
        if !is_on && self.is_ours {
            self.is_ours = false;
            self.guardian.release();
        }
        Ok(is_on)
    }

    /// Takes the waiting alerts, without waiting for more. Those that cannot be decoded are counted.
    ///
    /// # Errors
    /// The socket failed.
    pub fn receive(&mut self, mut each: impl FnMut(&Alert<'_>)) -> Result<u64> {
        let mut malformed = 0;
        let family = self.channel.family();
        for _ in 0..MOST {
            let more = self.events.next(|message| match drop_monitor::decode(message.payload) {
                _ if message.kind != family => {}
                Ok(Some(alert)) => each(&alert),
                Ok(None) => {}
                Err(_) => malformed += 1,
            });
            match more {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) if failure.reason == Reason::Lost => self.overruns += 1,
                Err(failure) => return Err(cannot(failure)),
            }
        }
        Ok(malformed)
    }

    /// Drops without an alert: the queue of the monitor or of this process was full.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub fn lost(&mut self) -> Result<u64> {
        let queue = self.channel.lost().map_err(cannot)?.saturating_sub(self.lost_before);
        // Where the exact number cannot be read, the kernel at least reports each overrun once.
        let socket = self.events.port().and_then(socket_drops).unwrap_or(self.overruns);
        Ok(queue.saturating_add(socket))
    }

    /// Switches the monitor off and restores it. The guardian does it, so that no two processes do it, one of them too late.
    pub fn stop(&mut self) {
        if self.is_open {
            self.is_open = false;
            if !self.guardian.finish() {
                // Nothing is left that could report the error.
                let _ = guardian::restore(&self.before, self.is_ours);
            }
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs the guardian, in the second process.
///
/// # Errors
/// The monitor could not be restored.
pub fn guard(loaded: bool, duration: Duration) -> Result<()> {
    guardian::watch(loaded, duration).map_err(cannot)
}

/// The column `Drops` of `/proc/net/netlink` for a socket of NETLINK_GENERIC.
fn socket_drops(port: u32) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/netlink").ok()?;
    let protocol = GENERIC as i32;
    table.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, eth, pid, _, _, _, _, _, drops, ..] = words.as_slice() else { return None };
        let is_it = eth.parse() == Ok(protocol) && pid.parse() == Ok(port);
        is_it.then(|| drops.parse().ok()).flatten()
    })
}
