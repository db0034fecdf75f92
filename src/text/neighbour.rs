//! `ip neighbour` as text. Made from the outputs of iproute2 6.1 (`print_neigh()`).

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, address};
use crate::snapshot::Neighbour;

/// The neighbour of this line: `192.0.2.2 dev wan lladdr 02:00:00:00:00:02 REACHABLE`.
pub(super) fn entry(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let words = Words::of(lines.iter().take(1).map(|line| line.text));
    let first = address(words.all().first()?)?;
    let device = words.after("dev").or_else(|| context.after("dev"))?;
    let states = words.all().iter().filter_map(|word| state(word));
    // Several may be set, and each is printed.
    let state = states.reduce(|all, one| all | one)?;
    let neighbour = Neighbour { ifindex: 0, address: first, state };
    Some(Taken::line(Entry::Neighbour(device.to_owned(), neighbour)))
}

/// NUD_*, by the names of `print_neigh_state()`.
pub(super) fn state(word: &str) -> Option<u16> {
    Some(match word {
        "INCOMPLETE" => 0x01,
        "REACHABLE" => 0x02,
        "STALE" => 0x04,
        "DELAY" => 0x08,
        "PROBE" => 0x10,
        "FAILED" => 0x20,
        "NOARP" => 0x40,
        "PERMANENT" => 0x80,
        "NONE" => 0,
        _ => return None,
    })
}
