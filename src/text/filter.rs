//! The packet filter of a snapshot, from the tables of nftables that the texts have. It reads no rule.

use super::entry::Entry;
use super::lists::cut;
use super::moments::{Entries, Moments};
use super::nft::FORMAT;
use super::split::Table;
use super::typed::{NftList, nft_list};
use crate::snapshot::filter::Ruleset;
use crate::snapshot::{Missing, Reason, Snapshot, Source};
use crate::wire::source_validation::source_validation;

/// What the texts have of nftables.
pub(super) struct Filter<'a> {
    /// Tables, by moment.
    pub moments: Moments<'a>,
    /// Some commands listed a part of the rules only.
    has_parts: bool,
    /// No command is in the text that lists them all.
    is_untyped: bool,
}

impl<'a> Filter<'a> {
    pub(super) fn of(tables: &[&'a Table<'a>]) -> Self {
        let own = || tables.iter().copied().filter(|table| table.format == FORMAT);
        let is_part = |table: &&Table<'_>| nft_list(table.typed) == Some(NftList::Part);
        let moments =
            Moments::of(own().filter(|table| !is_part(table)), FORMAT, |entry| match entry {
                Entry::FilterTable(table) => {
                    Some(format!("{} {}", table.family.name(), table.name))
                }
                _ => None,
            });
        let is_untyped = !own().any(|table| nft_list(table.typed) == Some(NftList::Whole));
        Self { moments, has_parts: own().any(|table| is_part(&table)), is_untyped }
    }

    /// Fills in the rules of a moment.
    pub(super) fn fill(&self, now: &mut Snapshot, entries: Option<&Entries<'_>>, is_torn: bool) {
        let mut fail = |missing: Missing| {
            now.source_validation =
                Err(Missing { source: Source::SourceValidation, ..missing.clone() });
            now.filter = Err(missing);
        };
        if is_torn {
            return fail(cut(Source::PacketFilter));
        }
        let Some(entries) = entries else {
            if self.has_parts {
                let detail = "only some rules are in the text: `nft list ruleset` shows all";
                fail(Missing::new(Source::PacketFilter, Reason::NotInText, detail));
            }
            return;
        };
        let mut ruleset = Ruleset::default();
        for entry in entries {
            if let Entry::FilterTable(table) = entry {
                ruleset.chains.extend(table.chains.iter().cloned());
                ruleset.sets.extend(table.sets.iter().cloned());
            }
        }
        now.source_validation = Ok(source_validation(&ruleset));
        now.filter = Ok(ruleset);
        let mut assume = |detail: &str| {
            now.assumed.push(Missing::new(Source::PacketFilter, Reason::NotInText, detail));
        };
        assume("rules of iptables-legacy are taken to be none: `iptables-save` shows them");
        if self.is_untyped {
            assume("the tables of the text are taken to be all: `nft list ruleset` shows all");
        }
    }
}
