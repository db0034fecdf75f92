//! `tc -s qdisc show` as text. Made from the outputs of iproute2 6.1 (`print_qdisc()`, `print_tcstats2_attr()`). Only root qdiscs are
//! kept: they count what the whole tree below them drops.

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, number};
use crate::snapshot::Queue;

/// The name of the format.
pub(super) const FORMAT: &str = "tc qdisc";

/// The qdisc of these lines: its head, and its numbers below. None without numbers: nothing is known then of what it dropped.
pub(super) fn entry(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let (head, rest) = lines.split_first()?;
    let words = Words::of([head.text].into_iter());
    let (["qdisc", discipline, handle], _) = words.all().split_at_checked(3)? else { return None };
    if !handle.ends_with(':') {
        return None;
    }
    let device = words.after("dev").or_else(|| context.after("dev"))?;
    let below: Vec<&Line<'_>> = rest.iter().take_while(|line| is_below(line)).collect();
    let numbers = Words::of(below.iter().map(|line| line.text));
    let after = |key: &str| numbers.after(key).map(|word| word.trim_end_matches(','));
    let mut queue = Queue {
        ifindex: 0,
        discipline: (*discipline).to_owned(),
        bytes: after("Sent").and_then(number)?,
        packets: after("bytes").and_then(number)?,
        drops: after("(dropped").and_then(number)?,
        overlimits: after("overlimits").and_then(number)?,
        waiting: 0,
    };
    if let [_, waiting, ..] = numbers.behind(&["backlog"]) {
        queue.waiting = waiting.strip_suffix('p').and_then(number)?;
    }
    let entry = Entry::Queue(device.to_owned(), queue);
    // That of a device stands before its leaves, which have a parent; those of ingress and clsact have one, too.
    let entries = if words.has("root") { vec![entry] } else { Vec::new() };
    Some(Taken { lines: 1 + below.len(), entries })
}

/// Whether a line goes on with the qdisc above: its numbers, or what its kind adds to them.
fn is_below(line: &Line<'_>) -> bool {
    line.typed.is_none() && !line.text.is_empty() && !is_head(line.text)
}

/// Whether a line that could not be read must have been of a qdisc.
pub(super) fn is_head(line: &str) -> bool {
    line.starts_with("qdisc ")
}
