//! Lists of a snapshot out of what texts have: those that are cut, those that repeat themselves, counters of two programs. It reads no
//! text.

use super::entry::Entry;
use super::moments::Entries;
use crate::snapshot::host::IP_COUNTERS;
use crate::snapshot::{
    DeviceColumns, KernelCounter, Missing, Observed, PolicyDirection, Queue, Reason, Snapshot,
    Source,
};

/// A list of which some lines could not be read is no list.
pub(super) fn cut(source: Source) -> Missing {
    Missing::new(
        source,
        Reason::NotInText,
        "some of its lines are cut or changed: paste it again, as a file or in a code block",
    )
}

/// Those that differ, in their order.
pub(super) fn without_repeats<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in all {
        // Lists of a thousand routes through VTIs are rare, and longer ones are cut by the limit of the text.
        if kept.len() > 4096 || !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// The counters of XFRM, those of nstat beside those of the file; none where only others of nstat are in the text.
pub(super) fn counters_of(entries: &Entries<'_>) -> Option<Vec<KernelCounter>> {
    counters(entries, |name| name.starts_with("Xfrm"))
}

/// The counters of IP, of nstat alone; none where it printed none of them. Without `-z` it leaves out those that are 0: they stay unknown.
pub(super) fn ip_counters_of(entries: &Entries<'_>) -> Option<Vec<KernelCounter>> {
    let mut counters = counters(entries, |name| IP_COUNTERS.contains(&name))?;
    counters.sort_by(|a, b| a.name.cmp(&b.name));
    Some(counters)
}

/// The queues of a host; missing where the list is of some devices only, or where some of its lines are cut.
pub(super) fn queues_of(
    entries: &Entries<'_>,
    index: impl Fn(&str) -> Option<u32>,
    is_torn: bool,
) -> Observed<Vec<Queue>> {
    if is_torn {
        return Err(cut(Source::Queues));
    }
    let all = entries.iter().filter_map(|entry| match entry {
        Entry::Queue(device, queue) => Some((device, queue)),
        _ => None,
    });
    if !all.clone().any(|(device, _)| device == LOOPBACK) {
        let detail = "only some are in the text: `tc -s qdisc show` shows all";
        return Err(Missing::new(Source::Queues, Reason::NotInText, detail));
    }
    let queues = all.filter(|(_, queue)| queue.discipline != NO_QUEUE);
    let queues = queues
        .filter_map(|(device, queue)| Some(Queue { ifindex: index(device)?, ..queue.clone() }));
    Ok(queues.collect())
}

/// A list of qdiscs without it is of some devices only.
const LOOPBACK: &str = "lo";

/// Of devices that queue nothing; the kernel's own messages of them are no queue, either.
const NO_QUEUE: &str = "noqueue";

fn counters(entries: &Entries<'_>, is_one: fn(&str) -> bool) -> Option<Vec<KernelCounter>> {
    let counters = entries.iter().filter_map(|entry| match entry {
        Entry::Counter(counter) if is_one(&counter.name) => Some(counter.clone()),
        _ => None,
    });
    let counters: Vec<KernelCounter> = counters.collect();
    (!counters.is_empty()).then_some(counters)
}

/// Counters of interfaces, as rows of `/proc/net/dev`.
pub(super) fn rows_of(entries: &Entries<'_>) -> Vec<DeviceColumns> {
    let rows = entries.iter().filter_map(|entry| match entry {
        Entry::Row(row) => Some(row.clone()),
        Entry::Tunnel(tunnel) => tunnel.row.clone(),
        _ => None,
    });
    rows.collect()
}

/// A list with fewer entries than the kernel counted is cut. One with more is older or newer than the count.
pub(super) fn hold_against_counts(now: &mut Snapshot) {
    if let (Ok(sas), Ok(info)) = (&now.sas, &now.sad_info) {
        if (sas.len() as u64) < u64::from(info.count) {
            now.sas = Err(cut(Source::SecurityAssociations));
        }
    }
    if let (Ok(policies), Ok(info)) = (&now.policies, &now.spd_info) {
        let listed =
            |wanted| policies.iter().filter(|policy| policy.direction == wanted).count() as u64;
        let counted = [
            (PolicyDirection::In, info.inbound),
            (PolicyDirection::Out, info.outbound),
            (PolicyDirection::Forward, info.forward),
        ];
        if counted.into_iter().any(|(direction, count)| listed(direction) < u64::from(count)) {
            now.policies = Err(cut(Source::SecurityPolicies));
        }
    }
}
