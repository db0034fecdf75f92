//! `ip [-6] rule` as text. Made from the outputs of iproute2 6.1 (`print_rule()`).

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::names;
use super::words::{Words, hex, number, prefix};
use crate::snapshot::route::FR_ACT_TO_TBL;
use crate::snapshot::{Family, Mark, RouteType, Rule};

/// The rule of this line: `32766: from all lookup main`.
pub(super) fn entry(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let line = lines.first()?;
    let (priority, rest) = line.text.split_once(':')?;
    let words = Words::of(std::iter::once(rest));
    let is_rule = matches!(words.all(), ["from", ..] | ["not", "from", ..]);
    let priority = number(priority).filter(|_| is_rule)?;
    let end = |word: Option<&str>| match word {
        None | Some("all") => Some(None),
        Some(word) => prefix(word).map(Some),
    };
    let (source, destination) = (end(words.after("from"))?, end(words.after("to"))?);
    let is_ipv6 = [source, destination].into_iter().flatten().any(|prefix| prefix.addr().is_ipv6());
    let family = if is_ipv6 || context.has("-6") { Family::Inet6 } else { Family::Inet };
    let fwmark = words.after("fwmark").map_or(Some(Mark::default()), mark)?;
    let lookup = words.after("lookup").or_else(|| words.after("table"));
    let l3mdev = lookup == Some("[l3mdev-table]");
    let action = match (lookup, words.all().last().copied().and_then(names::route_type)) {
        (Some(_), _) => FR_ACT_TO_TBL,
        (None, Some(RouteType::Blackhole)) => 6,
        (None, Some(RouteType::Unreachable)) => 7,
        (None, Some(RouteType::Prohibit)) => 8,
        _ if words.has("goto") => 2,
        _ => 3,
    };
    let named = |key| words.after(key).map(|name| name.trim_end_matches("[detached]").to_owned());
    let rule = Rule {
        family,
        priority,
        action,
        table: lookup.filter(|_| !l3mdev).map_or(Some(0), names::table)?,
        source,
        destination,
        fwmark,
        iif: named("iif"),
        oif: named("oif"),
        l3mdev,
        invert: words.all().first() == Some(&"not"),
    };
    Some(Taken::line(Entry::Rule(rule)))
}

/// `0x1/0xff`, or `0x1` where all bits count.
fn mark(word: &str) -> Option<Mark> {
    match word.split_once('/') {
        Some((value, mask)) => Some(Mark { value: hex(value)?, mask: hex(mask)? }),
        None => Some(Mark { value: hex(word)?, mask: u32::MAX }),
    }
}
