//! Which moment each part of a text belongs to. Commands that were typed twice, or counters that are there twice, are two moments; everything
//! else is of both. It builds no snapshot.

use super::entry::Entry;
use super::split::Table;
use std::collections::HashSet;

/// The entries of one moment, of one format.
pub(super) type Entries<'a> = Vec<&'a Entry>;

/// The moments of a format, oldest first; none where the text has nothing of it.
#[derive(Debug, Default)]
pub(super) struct Moments<'a> {
    pub all: Vec<Entries<'a>>,
}

impl<'a> Moments<'a> {
    /// The moments of `format` among these tables. A new one begins where an entry has a key that the moment has already, or where the same
    /// command is typed again.
    pub(super) fn of(
        tables: impl Iterator<Item = &'a Table<'a>>,
        format: &str,
        key: impl Fn(&Entry) -> Option<String>,
    ) -> Self {
        let mut all: Vec<Entries<'a>> = Vec::new();
        let (mut keys, mut commands) = (HashSet::new(), HashSet::new());
        for table in tables.filter(|table| table.format == format) {
            let again = !table.typed.is_empty() && !commands.insert(table.typed);
            let repeats = table.entries.iter().filter_map(&key).any(|key| keys.contains(&key));
            if all.is_empty() || again || repeats {
                all.push(Vec::new());
                keys.clear();
                commands.clear();
                commands.insert(table.typed);
            }
            for entry in &table.entries {
                let is_new = key(entry).is_none_or(|key| keys.insert(key));
                if !is_new {
                    all.push(Vec::new());
                    keys.clear();
                    keys.extend(key(entry));
                }
                if let Some(last) = all.last_mut() {
                    last.push(entry);
                }
            }
        }
        Self { all }
    }

    /// The entries now.
    pub(super) fn now(&self) -> Option<&Entries<'a>> {
        self.all.last()
    }

    /// The entries of the moment before; none where there is one moment.
    pub(super) fn before(&self) -> Option<&Entries<'a>> {
        self.all.len().checked_sub(2).and_then(|at| self.all.get(at))
    }
}
