//! `drops`: every packet that a VTI drops, and that this host drops before it, behind it or as its ESP, live, with its cause. The kernel's drop monitor is on during the run, only through
//! [`crate::collect::drops`]; nothing else is changed, and no payload is shown or kept.
//!
//! On kernels with BTF and kprobes the errno of the lookup could be read, too; it would belong to `place` and `attribute`.

mod answers;
mod attribute;
mod attribution;
mod before;
mod behind;
mod device;
mod esp;
mod inbound;
mod options;
mod packet;
mod place;
mod ruling;
mod scene;
mod scope;
mod state_cache;
mod stop;
mod tally;
mod told;
mod watcher;

pub use attribute::attribute;
pub use attribution::{Attribution, Dropped};
pub use options::{Options, Said};
pub use packet::{Outer, Packet, read};
pub use place::Place;
pub use scope::Scope;
pub use stop::Stop;
pub use tally::{Counted, Key, Row, Tally, key};

use crate::collect;
use crate::error::{Error, Result};
use crate::report::drops::{DropsReport, Receivers, Stopped};
use crate::snapshot::{Driver, Link};
use state_cache::StateCache;
use std::collections::BTreeSet;
use watcher::Watcher;

/// Switches off a drop monitor that was left on.
///
/// # Errors
/// The drop monitor cannot be used.
pub fn stop() -> Result<Stopped> {
    let collect::drops::Stopped { was_on, is_on, was_ours, receivers } = collect::drops::stop()?;
    let receivers = receivers.map(|receivers| Receivers {
        processes: receivers.processes.into_iter().map(|one| (one.pid, one.name)).collect(),
        unseen: receivers.unseen,
    });
    Ok(Stopped { was_on, is_on, was_ours, receivers })
}

/// Watches, and returns the rows and the sums.
///
/// # Errors
/// There is no VTI, or not the one asked for; the drop monitor cannot be used.
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
