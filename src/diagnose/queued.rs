//! What the queues below a tunnel dropped between the two samples: those of the devices by which its encrypted packets leave, and of the devices
//! below these. Whether packets of the tunnel were among them is for the checks to say.

use super::case::Case;
use super::lans;
use crate::snapshot::{Link, Observed, Queue, Snapshot};
use std::collections::BTreeSet;

/// So many devices below each other, and beside each other in a bond or bridge, are followed.
const MOST_DEVICES: usize = 64;

/// The queues below a tunnel, with what they did between the two samples.
pub(super) struct Queued<'a> {
    /// Those that dropped packets.
    pub dropping: Vec<Dropping<'a>>,
    /// Packets that all of them dropped.
    pub dropped: u64,
    /// Packets that left them.
    pub passed: u64,
}

/// A queue that dropped packets.
pub(super) struct Dropping<'a> {
    pub link: &'a Link,
    pub queue: &'a Queue,
    pub dropped: u32,
}

/// What the queues below the tunnel did between the two samples.
pub(super) fn of<'a>(case: &Case<'a>) -> Observed<Queued<'a>> {
    let (now, before) = (case.now, case.before()?);
    let queues = now.queues.as_ref().map_err(Clone::clone)?;
    let earlier = before.queues.as_ref().map_err(Clone::clone)?;
    let links = now.links.as_ref().map_err(Clone::clone)?;
    let mut queued = Queued { dropping: Vec::new(), dropped: 0, passed: 0 };
    for ifindex in below(now, lans::outer_links(case.tunnel()?)?) {
        let Some(link) = links.iter().find(|link| link.ifindex == ifindex) else { continue };
        for queue in queues.iter().filter(|queue| queue.ifindex == ifindex) {
            let (dropped, passed) = rise(queue, earlier);
            queued.dropped = queued.dropped.saturating_add(dropped.into());
            queued.passed = queued.passed.saturating_add(passed.into());
            if dropped > 0 {
                queued.dropping.push(Dropping { link, queue, dropped });
            }
        }
    }
    queued.dropping.sort_by_key(|one| std::cmp::Reverse(one.dropped));
    Ok(queued)
}

/// The packets that a queue dropped and passed since the earlier sample; all of them where it was set since.
fn rise(queue: &Queue, earlier: &[Queue]) -> (u32, u32) {
    let is_same = |old: &&Queue| {
        // The count of bytes does not wrap; one that went back is that of a new queue.
        old.ifindex == queue.ifindex
            && old.discipline == queue.discipline
            && old.bytes <= queue.bytes
    };
    match earlier.iter().find(is_same) {
        Some(old) => (queue.drops.wrapping_sub(old.drops), queue.packets.wrapping_sub(old.packets)),
        None => (queue.drops, queue.packets),
    }
}

/// These devices and those that they hand their packets to: the device of a VLAN, the ports of a bond or bridge.
fn below(now: &Snapshot, devices: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    let links = now.links.as_deref().unwrap_or_default();
    let mut found: BTreeSet<u32> = BTreeSet::new();
    let mut open: Vec<u32> = devices.into_iter().collect();
    while let Some(ifindex) = open.pop() {
        if found.len() >= MOST_DEVICES || !found.insert(ifindex) {
            continue;
        }
        open.extend(links.iter().filter(|l| l.ifindex == ifindex).filter_map(|l| l.lower));
        open.extend(links.iter().filter(|l| l.master == Some(ifindex)).map(|l| l.ifindex));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(discipline: &str, bytes: u64, packets: u32, drops: u32) -> Queue {
        let discipline = discipline.to_owned();
        Queue { ifindex: 2, discipline, bytes, packets, drops, ..Queue::default() }
    }

    #[test]
    fn a_counter_that_wraps_has_risen_and_a_queue_that_was_replaced_begins_at_0() {
        let now = queue("tbf", 900, 9, 3);
        assert_eq!(rise(&now, &[queue("tbf", 500, 5, 1)]), (2, 4));
        assert_eq!(rise(&now, &[queue("tbf", 500, u32::MAX, u32::MAX)]), (4, 10), "wrapped");
        assert_eq!(rise(&now, &[queue("htb", 500, 5, 1)]), (3, 9), "another discipline");
        assert_eq!(rise(&now, &[queue("tbf", 5000, 50, 40)]), (3, 9), "set anew");
        assert_eq!(rise(&now, &[]), (3, 9), "set since");
    }
}
