//! Lists of a snapshot out of what texts have: those that are cut, those that repeat themselves, counters of two programs. It reads no
//! text.

use super::entry::Entry;
use super::moments::Entries;
use crate::snapshot::host::IP_COUNTERS;
use crate::snapshot::{KernelCounter, Missing, Reason, Source};

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

fn counters(entries: &Entries<'_>, is_one: fn(&str) -> bool) -> Option<Vec<KernelCounter>> {
    let counters = entries.iter().filter_map(|entry| match entry {
        Entry::Counter(counter) if is_one(&counter.name) => Some(counter.clone()),
        _ => None,
    });
    let counters: Vec<KernelCounter> = counters.collect();
    (!counters.is_empty()).then_some(counters)
}
