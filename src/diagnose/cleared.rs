//! The counters of one interface since `clear interfaces … counters` of VyOS: those whose values at that time VyOS keeps.

use super::systems::Release;
use crate::report::ClearedCounters;
use crate::report::time::rfc3339;
use crate::snapshot::{Baseline, Link, Snapshot};

/// None where they were not cleared, where VyOS 1.3 cleared them, where the values could not be read, and where a counter is below its value
/// at that time: then the interface was recreated. `exported`: whether the kernel shows the error counters of this driver.
pub(super) fn since_cleared(
    now: &Snapshot,
    link: &Link,
    exported: bool,
) -> Option<ClearedCounters> {
    let cleared = now.cleared.iter().find(|cleared| cleared.name == link.name)?;
    let before = cleared.baseline.as_ref().ok()?;
    // `clear_counters()` of 1.3 writes zeros instead of the counters' values (vyos-1x, equuleus, python/vyos/ifconfig/operational.py): what
    // it calls "since cleared" is since boot.
    let version = now.host.vyos_version.as_deref().unwrap_or_default();
    let is_empty = Baseline { cleared_at: before.cleared_at, ..Baseline::default() } == *before;
    if is_empty && Release::of(version) == Release::V1_3 {
        return None;
    }
    let now = link.statistics.as_ref()?;
    let carrier = now.tx_carrier_errors.checked_sub(before.tx_carrier_errors)?;
    Some(ClearedCounters {
        cleared_at: rfc3339(before.cleared_at.saturating_mul(1000)),
        tx_packets: now.tx_packets.checked_sub(before.tx_packets)?,
        tx_bytes: now.tx_bytes.checked_sub(before.tx_bytes)?,
        tx_errors: now.tx_errors.checked_sub(before.tx_errors)?,
        tx_carrier_errors: exported.then_some(carrier),
        tx_dropped: now.tx_dropped.checked_sub(before.tx_dropped)?,
        collisions: now.collisions.checked_sub(before.collisions)?,
        rx_packets: now.rx_packets.checked_sub(before.rx_packets)?,
        rx_bytes: now.rx_bytes.checked_sub(before.rx_bytes)?,
        rx_errors: now.rx_errors.checked_sub(before.rx_errors)?,
        rx_dropped: now.rx_dropped.checked_sub(before.rx_dropped)?,
    })
}
