//! The kernel's drop monitor, switched on for a while. **The one place of the program that changes the kernel's state**: alert mode,
//! truncation and queue length of the monitor, on and off, and its module. All of it is as before after the run, whatever ends the run:
//! what this process cannot do any more the [`guardian`] does. It decides nothing about packets.

mod channel;
pub mod guardian;

use super::failure::Failure;
use super::socket::{GENERIC, Subscription};
use crate::error::{Error, Result};
use crate::snapshot::Reason;
use crate::wire::drop_monitor::{self, Alert, Configuration};
use channel::Channel;
use guardian::{Before, Guardian};
use nix::errno::Errno;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

/// Datagrams taken in one go: then the caller looks at the time.
const MOST: usize = 2048;

/// The drop monitor while it is on. It is off again when this value ends.
pub struct Monitor {
    channel: Channel,
    events: Subscription,
    guardian: Guardian,
    before: Before,
    lost_before: u64,
    overruns: u64,
    on: bool,
}

impl Monitor {
    /// Switches the monitor on, for every drop of the machine.
    ///
    /// # Errors
    /// One sentence: the kernel has no monitor, forbids it, or somebody else's is on. Then nothing is changed.
    pub fn start() -> Result<Self> {
        // The kernel loads the module for anybody, and lets root alone take it out again.
        if !super::is_root() {
            return Err(Error::PermissionDenied("watching drops needs root".to_string()));
        }
        let loaded = channel::is_loaded();
        // From here on every early return lets go of the guardian, which undoes what was begun.
        let mut guardian = Guardian::start(loaded).map_err(cannot)?;
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
        channel.configure(Configuration::PACKETS).map_err(cannot)?.map_err(refused)?;
        guardian.arm().map_err(cannot)?;
        if let Err(errno) = channel.start().map_err(cannot)? {
            // It is on, and not by us: it must not be stopped.
            guardian.dismiss();
            return Err(refused(errno));
        }
        let before = Before { configuration: Some(configuration), loaded };
        Ok(Self { channel, events, guardian, before, lost_before, overruns: 0, on: true })
    }

    /// Takes the alerts that are there, without waiting. Those that cannot be decoded are counted.
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

    /// Drops of which no alert came: the monitor's queue was full, or this process's.
    ///
    /// # Errors
    /// The kernel did not say.
    pub fn lost(&mut self) -> Result<u64> {
        let queue = self.channel.lost().map_err(cannot)?.saturating_sub(self.lost_before);
        // Beside the exact number, if that cannot be read, the kernel tells of each overrun once.
        let socket = self.events.port().and_then(socket_drops).unwrap_or(self.overruns);
        Ok(queue.saturating_add(socket))
    }

    /// Switches the monitor off and leaves it as it was.
    pub fn stop(&mut self) {
        if self.on {
            self.on = false;
            guardian::restore(&self.before, true);
            self.guardian.dismiss();
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
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

/// The kernel refuses: then the monitor is somebody else's, or this process has not the rights.
fn refused(errno: Errno) -> Error {
    match errno {
        Errno::EBUSY | Errno::EAGAIN => Error::DataUnavailable(
            "somebody else's drop monitor is on, and it is left alone".to_string(),
        ),
        errno => cannot(errno.into()),
    }
}

fn absent() -> Error {
    Error::DataUnavailable(
        "this kernel has no drop monitor, or not in this network namespace; \
         `vti-diagnostics monitor` and `lookup` need none"
            .to_string(),
    )
}

fn cannot(failure: Failure) -> Error {
    let denied = failure.reason == Reason::Denied;
    let sentence = failure.in_operation("use the drop monitor").detail;
    if denied { Error::PermissionDenied(sentence) } else { Error::DataUnavailable(sentence) }
}
