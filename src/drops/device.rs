//! The devices' own counters, compared with the drops that were seen. A drop while the counters are being read may be counted or not.

use super::attribution::{Attribution, Dropped};
use super::place::Place;
use super::stop::Stop;
use crate::code::Code;
use crate::collect::watch;
use crate::report::drops::Counter;
use crate::snapshot::{Driver, Link};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// A sample of the counters and its time: nanoseconds since 1970.
struct Reading {
    began: u64,
    ended: u64,
    tx_errors: BTreeMap<String, u64>,
}

impl Reading {
    fn take(drivers: &BTreeSet<Driver>) -> Option<Self> {
        let began = now();
        let links = watch::vtis(drivers).ok()?;
        let of = |link: Link| Some((link.name, link.statistics?.tx_errors));
        Some(Self { began, ended: now(), tx_errors: links.into_iter().filter_map(of).collect() })
    }
}

/// Drops of one device between the two samples; and those that may not be in the device's counter: dropped while it was read, or elsewhere.
#[derive(Clone, Copy, Default)]
struct Seen {
    between: u64,
    during: u64,
}

/// The comparison over a run.
pub struct Devices {
    first: Option<Reading>,
    last: Option<Reading>,
    seen: BTreeMap<String, Seen>,
}

impl Devices {
    /// Reads the counters; the monitor is on already.
    pub fn open(drivers: &BTreeSet<Driver>) -> Self {
        Self { first: Reading::take(drivers), last: None, seen: BTreeMap::new() }
    }

    /// Counts a drop at `time`, if its device counts it, too.
    pub fn count(&mut self, dropped: &Dropped, attribution: &Attribution, time: u64) {
        let (Some(first), [interface]) = (&self.first, attribution.interfaces.as_slice()) else {
            return;
        };
        let is_over = self.last.as_ref().is_some_and(|last| time > last.ended);
        let Some(is_certain) = is_counted(dropped, attribution) else { return };
        if time < first.began || is_over {
            return;
        }
        let seen = self.seen.entry(interface.clone()).or_default();
        let is_while_read =
            time <= first.ended || self.last.as_ref().is_some_and(|last| time >= last.began);
        if is_while_read || !is_certain {
            seen.during += 1;
        } else {
            seen.between += 1;
        }
    }

    /// Reads the counters again; alerts of earlier drops may still come.
    pub fn close(&mut self, drivers: &BTreeSet<Driver>) {
        self.last = Reading::take(drivers);
    }

    /// The devices that dropped packets, by either count. Empty if the counters could not be read.
    pub fn compare(&self, interface: Option<&str>) -> Vec<Counter> {
        let (Some(first), Some(last)) = (&self.first, &self.last) else { return Vec::new() };
        let compared = last.tx_errors.iter().filter_map(|(name, after)| {
            let counted = after.saturating_sub(*first.tx_errors.get(name)?);
            let Seen { between, during } = self.seen.get(name).copied().unwrap_or_default();
            let agree = (between..=between + during).contains(&counted);
            let seen = if agree { counted } else { between + during };
            Some(Counter { interface: name.clone(), tx_errors: counted, drops: seen, agree })
        });
        let is_wanted = |c: &Counter| interface.is_none_or(|name| name == c.interface);
        compared.filter(|c| is_wanted(c) && (c.tx_errors > 0 || c.drops > 0)).collect()
    }
}

/// Whether the device counts a drop in tx_errors: none where it does not, false where that depends on the device. xfrm counts what is refused
/// behind POSTROUTING as aborted, vti and vti6 as sent.
fn is_counted(dropped: &Dropped, attribution: &Attribution) -> Option<bool> {
    let has_left = dropped.input.is_none() && !dropped.packet.outer.is_empty();
    match (dropped.place, attribution.codes.as_slice()) {
        (Place::Device(_) | Place::Output, _)
        | (Place::Stack(Stop::Filter), [Code::EncryptionFailed]) => Some(true),
        (Place::Stack(Stop::Filter), [_, Code::EncryptionFailed]) => Some(false),
        (Place::Stack(stop), _) if has_left && stop != Stop::Filter => Some(false),
        _ => None,
    }
}

/// Nanoseconds since 1970, as alerts have them.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
