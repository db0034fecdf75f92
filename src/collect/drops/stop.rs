//! Switches off a drop monitor that was left on because both processes of a run were killed. An administrator has to order it (`drops --stop`),
//! because the kernel does not record which process switched the monitor on. It decides nothing, and removes a module that it loaded.

use super::channel::{self, Channel};
use super::receivers::{Receivers, receivers};
use super::refusal::{absent, cannot};
use crate::collect::failure::Failure;
use crate::error::{Error, Result};
use crate::wire::drop_monitor::Configuration;
use nix::errno::Errno;

/// The state of the monitor before, and what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// It was on.
    pub was_on: bool,
    /// It is still on: another process has hardware drops reported, or has switched it on meanwhile.
    pub is_on: bool,
    /// It had the configuration of a run, and has the kernel's default now.
    pub was_ours: bool,
    /// The processes that received its reports, or why they are unknown.
    pub receivers: std::result::Result<Receivers, String>,
}

/// Switches it off, where it is on.
///
/// # Errors
/// One sentence: the kernel has no monitor, or denies it.
pub fn stop() -> Result<Stopped> {
    if !crate::collect::is_root() {
        return Err(Error::PermissionDenied(
            "switching the drop monitor off needs root; run it with sudo".into(),
        ));
    }
    let loaded = channel::is_loaded();
    let stopped = match Channel::open().map_err(cannot)? {
        Ok(mut channel) => switch_off(&mut channel).map_err(cannot),
        Err(Errno::ENOENT) => Err(absent()),
        Err(errno) => Err(cannot(errno.into())),
    };
    if !loaded {
        // The request loaded it.
        channel::unload();
    }
    stopped
}

fn switch_off(channel: &mut Channel) -> std::result::Result<Stopped, Failure> {
    let receivers = receivers(channel.group()?).map_err(|failure| failure.detail);
    let mut stopped =
        Stopped { was_on: channel.is_on()?, is_on: false, was_ours: false, receivers };
    if stopped.was_on {
        stopped.was_ours = channel.configuration()? == Configuration::PACKETS;
        channel.stop()??;
        stopped.is_on = channel.is_on()?;
        if stopped.was_ours && !stopped.is_on {
            channel.configure(Configuration::DEFAULT)??;
        }
    }
    Ok(stopped)
}
