//! `drops`: every packet that dies on a VTI, live, with its cause. The kernel's drop monitor is on while it runs, through
//! [`crate::collect::drops`] alone; nothing else is changed, and no payload is shown or kept.
//!
//! Kernels with BTF and kprobes could name the errno of the lookup beside the function; `place` and `attribute` are where it would go.

mod attribute;
mod device;
mod inbound;
mod packet;
mod place;
mod state_cache;
mod tally;
mod told;
mod watcher;

pub use attribute::{Attribution, Dropped, attribute};
pub use packet::{Outer, Packet, read};
pub use place::Place;
pub use tally::{Counted, Key, Row, Tally, key};

use crate::error::{Error, Result};
use crate::report::drops::{DropsReport, Line};
use crate::snapshot::{Driver, Link};
use state_cache::StateCache;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use watcher::Watcher;

/// How it runs.
pub struct Options<'a> {
    /// For how long.
    pub duration: Duration,
    /// Only this interface.
    pub interface: Option<&'a str>,
    /// Drops a second of the whole machine at which it leaves.
    pub max_rate: u32,
    /// Which packets get a line while it runs.
    pub said: Said,
    /// Where the lines go in the end: when that is closed, it is time to end.
    pub output: BorrowedFd<'a>,
    /// Takes a line, which is to be written at once.
    pub say: &'a mut dyn FnMut(&Line) -> io::Result<()>,
}

/// Which packets get a line while it runs; the rows at the end have them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Each one.
    Each,
    /// The first of each row.
    First,
    /// No packet.
    None,
}

/// Watches, and gives the rows and the sums.
///
/// # Errors
/// There is no VTI, or not this one; the drop monitor cannot be used.
pub fn run(options: Options<'_>) -> Result<DropsReport> {
    let states = StateCache::open();
    let links = states
        .first()
        .links
        .as_ref()
        .map_err(|missing| Error::DataUnavailable(format!("cannot watch drops: {missing}")))?;
    if let Some(name) = options.interface {
        if !links.iter().any(|link| link.name == name && link.driver().is_some()) {
            return Err(crate::diagnose::no_such_interface(states.first(), name));
        }
    }
    let vtis = links.iter().filter(|link| !link.is_fallback_device());
    let drivers: BTreeSet<Driver> = vtis.filter_map(Link::driver).collect();
    if drivers.is_empty() {
        return Err(Error::UnconfiguredObject("this system has no VTI".to_string()));
    }
    Watcher::new(options, states, drivers)?.watch()
}
