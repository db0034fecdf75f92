//! Which of several outputs of one command are samples of the same counters. A part of a list, and one without the counters of another, are
//! none: what they lack would look as if it had risen since. It compares no number.

use super::entry::Entry;
use super::split::Table;

/// The tables of a format that are samples: whole ones where there is one, and of these those with most detail. `has_detail`: whether an entry
/// shows its counters; none where it has none.
pub(super) fn of<'a>(
    tables: &[&'a Table<'a>],
    format: &str,
    has_detail: fn(&Entry) -> Option<bool>,
) -> Vec<&'a Table<'a>> {
    let mut own: Vec<&Table<'_>> =
        tables.iter().copied().filter(|table| table.format == format).collect();
    if own.iter().any(|table| !table.is_filtered()) {
        own.retain(|table| !table.is_filtered());
    }
    let says = |table: &Table<'_>, wanted| {
        table.entries.iter().filter_map(has_detail).any(|detail| detail == wanted)
    };
    if own.iter().any(|table| says(table, true)) {
        own.retain(|table| !says(table, false));
    }
    own
}

/// The tables of links whose counters are samples, and all others. Where none has counters, all are.
pub(super) fn of_links<'a>(tables: &[&'a Table<'a>]) -> (Vec<&'a Table<'a>>, Vec<&'a Table<'a>>) {
    let detail = |table: &Table<'_>| -> Option<bool> {
        let counted = table.entries.iter().filter_map(|entry| match entry {
            Entry::Link(named) if named.statistics.is_some() => Some(named.has_errors),
            _ => None,
        });
        counted.reduce(|all, one| all && one)
    };
    let rank = |table: &Table<'_>| Some((detail(table)?, !table.is_filtered()));
    let own = tables.iter().copied().filter(|table| table.format == "ip link");
    let best = own.clone().filter_map(rank).max();
    own.partition(|table| best.is_none() || rank(table) == best)
}
