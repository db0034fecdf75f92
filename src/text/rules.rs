//! The routing rules of a snapshot, from the lists of them that the texts have as a whole. It reads no rule.

use super::entry::Entry;
use super::format::Context;
use super::known_tables::family;
use super::lists::{cut, without_repeats};
use super::moments::Entries;
use super::split::Table;
use crate::snapshot::{Family, Missing, Observed, Reason, Rule, Source};

/// The format of the texts that have rules.
const FORMAT: &str = "ip rule";

/// The priority of the rule of the main table, which nearly every host has: a list without it is a part of one.
const OF_MAIN: u32 = 32_766;

/// The lists of rules that are whole.
pub(super) fn whole<'a>(tables: &[&'a Table<'a>]) -> Vec<&'a Table<'a>> {
    tables.iter().copied().filter(|table| table.format == FORMAT && !is_part(table)).collect()
}

fn is_part(table: &Table<'_>) -> bool {
    let mut rules = table.entries.iter().filter_map(rule);
    table.is_filtered() || !(table.is_whole() || rules.any(|rule| rule.priority == OF_MAIN))
}

fn rule(entry: &Entry) -> Option<&Rule> {
    match entry {
        Entry::Rule(rule) => Some(rule),
        _ => None,
    }
}

/// The rules of a moment; none where the texts have none. Those of a family of which they only have a part are missing.
pub(super) fn of(
    entries: Option<&Entries<'_>>,
    tables: &[&Table<'_>],
    is_torn: bool,
) -> Option<Observed<Vec<Rule>>> {
    if is_torn {
        return Some(Err(cut(Source::Rules)));
    }
    let of = |table: &Table<'_>| family(&Context { typed: table.typed }).unwrap_or(Family::Inet);
    let whole = whole(tables);
    let is_lacking = |table: &&&Table<'_>| {
        table.format == FORMAT && is_part(table) && !whole.iter().any(|w| of(w) == of(table))
    };
    if tables.iter().any(|table| is_lacking(&table)) {
        let detail = "only some are in the text: `ip rule show` shows all";
        return Some(Err(Missing::new(Source::Rules, Reason::NotInText, detail)));
    }
    Some(Ok(without_repeats(entries?.iter().filter_map(|entry| rule(entry).cloned()))))
}
