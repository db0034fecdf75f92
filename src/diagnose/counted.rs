//! The counters of one interface, since boot and between two snapshots.
//! They come from IFLA_STATS64 if it was read, or else from `/proc/net/dev`, which does not have all of them.

use crate::report::Counters;
use crate::snapshot::{
    DeviceColumns, Driver, Link, Missing, Observed, Reason, Snapshot, Source, Statistics,
};
use crate::units::{Span, rate};
use crate::way::counters::exports_errors;
use crate::way::transmit::classes::ErrorClasses;
use crate::way::transmit::infer::{Inferred, infer_driver};

/// Counters of `/proc/net/xfrm_stat` that rise if `xfrm_lookup_with_ifid()` fails.
pub(super) const LOOKUP_FAILED: [&str; 4] =
    ["XfrmOutNoStates", "XfrmOutBundleGenError", "XfrmOutPolBlock", "XfrmOutPolError"];

/// Counters of one interface.
pub(super) struct Counted {
    /// Since the interface was created.
    pub total: Observed<Counters>,
    /// Between the two snapshots.
    pub interval: Observed<Counters>,
    /// The drivers that the columns are consistent with, and why, if the kernel was not asked.
    pub inferred: Option<Inferred>,
    /// Whether the kernel shows error counters of this driver at all.
    pub exported: bool,
}

impl Counted {
    /// Of a link, by IFLA_STATS64; by its row of `/proc/net/dev` if the kernel sent none.
    pub fn of_link(now: &Snapshot, earlier: Option<&Snapshot>, link: &Link) -> Self {
        let exported = link.driver().is_none_or(|d| exports_errors(d, now.host.release()));
        let of = |snapshot: &Snapshot| -> Observed<Counters> {
            let links = snapshot.links.as_ref().map_err(Clone::clone)?;
            // Only the same interface: a recreated one of the same name starts from 0.
            let is_same = |l: &&Link| l.ifindex == link.ifindex && l.name == link.name;
            // Links are sorted, except in a capture that was edited by hand.
            let sorted = links.binary_search_by_key(&link.ifindex, |l| l.ifindex).ok();
            let same = sorted.and_then(|at| links.get(at)).filter(is_same);
            let same = same.or_else(|| links.iter().find(is_same));
            match same {
                None => Err(Missing::new(
                    Source::Links,
                    Reason::Vanished,
                    format!("{} did not exist", link.name),
                )),
                Some(Link { statistics: Some(s), .. }) => Ok(of_statistics(s, exported)),
                Some(_) => {
                    row(snapshot, &link.name).map(|c| of_columns(c, link.driver().as_slice()))
                }
            }
        };
        let total = of(now);
        let interval = Self::interval(now, earlier, &total, of);
        Self { total, interval, inferred: None, exported }
    }

    /// Of a row of `/proc/net/dev` alone.
    pub fn of_row(now: &Snapshot, earlier: Option<&Snapshot>, name: &str) -> Self {
        let table = now.proc_net_dev.as_deref().unwrap_or_default();
        let inferred = row(now, name).ok().and_then(|c| infer_driver(c, table));
        let drivers = inferred.as_ref().map_or(&[][..], |inferred| &inferred.drivers);
        let of = |snapshot: &Snapshot| row(snapshot, name).map(|c| of_columns(c, drivers));
        let total = of(now);
        let interval = Self::interval(now, earlier, &total, of);
        Self { total, interval, inferred, exported: true }
    }

    fn interval(
        now: &Snapshot,
        earlier: Option<&Snapshot>,
        total: &Observed<Counters>,
        of: impl Fn(&Snapshot) -> Observed<Counters>,
    ) -> Observed<Counters> {
        let before = earlier.ok_or_else(no_interval)?;
        let restarted = || {
            Missing::new(
                Source::EarlierSnapshot,
                Reason::Inconsistent,
                "the counters decreased: the interface was recreated",
            )
        };
        difference(
            total.as_ref().map_err(Clone::clone)?,
            &of(before)?,
            now.milliseconds_since(before),
        )
        .ok_or_else(restarted)
    }

    /// How much a counter rose between the two snapshots.
    pub fn rise(&self, counter: impl Fn(&Counters) -> u64) -> Observed<u64> {
        self.interval.as_ref().map(counter).map_err(Clone::clone)
    }

    /// `carrier +120 in 10 s (12/s)`, or `59 since boot`; none if it is 0 or unknown.
    pub fn words(&self, name: &str, counter: impl Fn(&Counters) -> u64) -> Option<String> {
        let total = self.total.as_ref().ok().map(&counter)?;
        match self.interval.as_ref() {
            Ok(interval) if total > 0 => {
                let (rise, ms) = (counter(interval), interval.milliseconds.unwrap_or(0));
                // Rare events have no rate: the count and its span say it already.
                let rate = rate(rise, ms).map_or_else(String::new, |rate| format!(" ({rate})"));
                Some(format!("{name} +{rise}{}{rate}, {total} since boot", Span(ms).within()))
            }
            _ => (total > 0).then(|| format!("{name} {total} since boot")),
        }
    }
}

fn row<'a>(snapshot: &'a Snapshot, name: &str) -> Observed<&'a DeviceColumns> {
    let rows = snapshot.proc_net_dev.as_ref().map_err(Clone::clone)?;
    let missing =
        || Missing::new(Source::ProcNetDev, Reason::Vanished, format!("it has no row for {name}"));
    rows.iter().find(|r| r.name == name).ok_or_else(missing)
}

fn of_statistics(s: &Statistics, exported: bool) -> Counters {
    let split = ErrorClasses::of_statistics(s);
    Counters {
        tx_packets: s.tx_packets,
        tx_bytes: s.tx_bytes,
        tx_dropped: s.tx_dropped,
        rx_packets: s.rx_packets,
        rx_bytes: s.rx_bytes,
        rx_errors: s.rx_errors,
        rx_dropped: s.rx_dropped,
        ..of_split(split, exported)
    }
}

fn of_columns(c: &DeviceColumns, drivers: &[Driver]) -> Counters {
    Counters {
        tx_packets: c.tx_packets,
        tx_bytes: c.tx_bytes,
        tx_dropped: c.tx_drop,
        rx_packets: c.rx_packets,
        rx_bytes: c.rx_bytes,
        rx_errors: c.rx_errs,
        rx_dropped: c.rx_drop,
        ..of_split(ErrorClasses::of_columns(c, drivers), true)
    }
}

fn of_split(split: ErrorClasses, exported: bool) -> Counters {
    Counters {
        tx_errors: split.errors,
        tx_carrier_errors: split.carrier.filter(|_| exported),
        tx_aborted_errors: split.aborted.filter(|_| exported),
        tx_carrier_column: split.column,
        collisions: split.collisions,
        tx_too_big_or_other: split.rest,
        ..Counters::default()
    }
}

/// `now - before`, counter by counter; none if one of them decreased.
fn difference(now: &Counters, before: &Counters, milliseconds: u64) -> Option<Counters> {
    let optional = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => a.checked_sub(b).map(Some),
        _ => Some(None),
    };
    Some(Counters {
        tx_packets: now.tx_packets.checked_sub(before.tx_packets)?,
        tx_bytes: now.tx_bytes.checked_sub(before.tx_bytes)?,
        tx_errors: now.tx_errors.checked_sub(before.tx_errors)?,
        tx_carrier_errors: optional(now.tx_carrier_errors, before.tx_carrier_errors)?,
        tx_aborted_errors: optional(now.tx_aborted_errors, before.tx_aborted_errors)?,
        tx_carrier_column: now.tx_carrier_column.checked_sub(before.tx_carrier_column)?,
        tx_dropped: now.tx_dropped.checked_sub(before.tx_dropped)?,
        collisions: now.collisions.checked_sub(before.collisions)?,
        tx_too_big_or_other: now.tx_too_big_or_other.saturating_sub(before.tx_too_big_or_other),
        rx_packets: now.rx_packets.checked_sub(before.rx_packets)?,
        rx_bytes: now.rx_bytes.checked_sub(before.rx_bytes)?,
        rx_errors: now.rx_errors.checked_sub(before.rx_errors)?,
        rx_dropped: now.rx_dropped.checked_sub(before.rx_dropped)?,
        milliseconds: Some(milliseconds),
    })
}

/// How much a counter of IP rose between two snapshots.
pub(super) fn ip_rise(now: &Snapshot, earlier: &Snapshot, name: &str) -> Observed<u64> {
    Ok(now.ip_counter(name)?.saturating_sub(earlier.ip_counter(name)?))
}

/// A missing earlier snapshot: why nothing is known about rates.
pub(super) fn no_interval() -> Missing {
    Missing::new(
        Source::EarlierSnapshot,
        Reason::Skipped,
        "use --interval 10 to see which counters are rising",
    )
}
