//! `nft list ruleset`, table by table. Made from the output of nftables 1.0.6 (Debian 12) for rules of each kind that the model of the
//! filter reads, and held in the laboratory against what the kernel itself says of the same rules. A table of which a brace is missing is
//! not read at all.
//!
//! `tokens` has the words, `selector` what a rule asks, `value` and `symbols` what it asks for, `matching` its conditions, `action` what
//! else it does, `verdict` how it ends, `reader` what is known of it so far, `rule` the whole of it, `set` what it looks something up in.

mod action;
mod matching;
mod reader;
mod rule;
mod selector;
mod set;
mod symbols;
mod table;
mod tokens;
mod value;
mod verdict;

pub(super) use table::is_head;

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;

/// The name of the format.
pub(super) const FORMAT: &str = "nft list ruleset";

/// The table that begins with this line.
pub(super) fn entry(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let line = lines.first()?;
    // iptables-nft says so of its tables.
    if line.text.starts_with("# Warning: table ") {
        return Some(Taken { lines: 1, entries: Vec::new() });
    }
    let (family, name) = table::head(line.text)?;
    let is_terse = context.has("-t") || context.has("--terse");
    let (lines, table) = table::read(lines, family, name, is_terse)?;
    let entries = table.map(|table| vec![Entry::FilterTable(Box::new(table))]).unwrap_or_default();
    Some(Taken { lines, entries })
}
