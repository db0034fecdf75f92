//! Of which lists a text does not show that they are whole: their command, or the prompt behind them, is not in it. It looks at no entry.

use super::entry::Entry;
use super::split::Table;
use super::{stroke, vyos_tables};
use crate::snapshot::Source;
use std::collections::BTreeSet;

/// The sources that may have more than the texts show.
pub(super) fn unbounded(tables: &[&Table<'_>]) -> Vec<Source> {
    let open = tables.iter().filter(|table| !table.is_filtered() && !table.is_whole());
    let sources: BTreeSet<Source> = open.flat_map(|table| sources(table)).collect();
    sources.into_iter().collect()
}

/// What a table tells of.
fn sources(table: &Table<'_>) -> Vec<Source> {
    let has_addresses = || table.entries.iter().any(|entry| matches!(entry, Entry::Address(..)));
    match table.format {
        "xfrm state" => vec![Source::SecurityAssociations],
        "xfrm policy" => vec![Source::SecurityPolicies],
        "ip link" if has_addresses() => vec![Source::Links, Source::Addresses],
        "ip link" => vec![Source::Links],
        "ip rule" => vec![Source::Rules, Source::RouteLookups],
        "ip route" => vec![Source::Routes, Source::RouteLookups],
        "swanctl --list-sas"
        | "swanctl --list-conns"
        | stroke::FORMAT
        | vyos_tables::IKE
        | vyos_tables::IPSEC => vec![Source::Charon],
        _ => Vec::new(),
    }
}
