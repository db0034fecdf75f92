//! Switches off a drop monitor that was left on: both processes of a run were killed. It is asked for by name (`drops --stop`), for the kernel
//! does not tell whose monitor it is. It decides nothing, and loads no module for good.

use super::channel::{self, Channel};
use super::receivers::{Receivers, receivers};
use super::refusal::{absent, cannot};
use crate::collect::failure::Failure;
use crate::error::{Error, Result};
use crate::wire::drop_monitor::Configuration;
use nix::errno::Errno;

/// What the monitor was, and what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// It was on.
    pub was_on: bool,
    /// It is on still: another process reports hardware drops, or has switched it on meanwhile.
    pub is_on: bool,
    /// It was configured as a run configures it, and has the kernel's own configuration now.
    pub was_ours: bool,
    /// Who received its reports; why that is not known.
    pub receivers: std::result::Result<Receivers, String>,
}

/// Switches it off, where it is on.
///
/// # Errors
/// One sentence: the kernel has no monitor, or forbids it.
pub fn stop() -> Result<Stopped> {
    if !crate::collect::is_root() {
        return Err(Error::PermissionDenied("switching the drop monitor off needs root".into()));
    }
    let loaded = channel::is_loaded();
    let stopped = match Channel::open().map_err(cannot)? {
        Ok(mut channel) => switch_off(&mut channel).map_err(cannot),
        Err(Errno::ENOENT) => Err(absent()),
        Err(errno) => Err(cannot(errno.into())),
    };
    if !loaded {
        // The question loaded it.
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
