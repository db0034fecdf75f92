//! `/proc/net/dev`, `/proc/net/xfrm_stat` and nstat, row by row. The kernel's form of the first is that of Linux 2.6 to 7.2
//! (`dev_seq_printf_stats()`); nstat is that of iproute2 6.1.

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, number};
use crate::collect::proc;
use crate::snapshot::KernelCounter;
use crate::snapshot::host::IP_COUNTERS;

/// The two lines that the kernel prints above the rows.
const HEADER: &str = "Inter-|   Receive  |  Transmit\n face |bytes    packets\n";

/// Numbers in a row: eight of receive, eight of transmit.
const COLUMNS: usize = 16;

/// A row that is wrapped has not more lines.
const MOST_LINES: usize = 8;

/// A row of `/proc/net/dev`, or its header.
pub(super) fn row(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    if (first.text.starts_with("Inter-|") || first.text.starts_with("face |"))
        && first.text.contains('|')
    {
        return Some(Taken { lines: 1, entries: Vec::new() });
    }
    let (name, numbers) = first.text.split_once(':')?;
    let is_name =
        (1..=15).contains(&name.len()) && !name.contains(|c: char| c == '/' || c.is_whitespace());
    let mut columns: Vec<&str> = numbers.split_whitespace().collect();
    let is_number = |word: &&str| number::<u64>(word).is_some();
    if !is_name || columns.is_empty() || !columns.iter().all(is_number) {
        return None;
    }
    let mut lines = 1;
    for line in rest.iter().take(MOST_LINES) {
        let more: Vec<&str> = line.text.split_whitespace().collect();
        if columns.len() >= COLUMNS || more.is_empty() || !more.iter().all(is_number) {
            break;
        }
        columns.extend(more);
        lines += 1;
    }
    if columns.len() != COLUMNS {
        return None;
    }
    let rows = proc::parse_net_dev(&format!("{HEADER}{name}: {}\n", columns.join(" ")))?;
    let [row] = <[_; 1]>::try_from(rows).ok()?;
    Some(Taken { lines, entries: vec![Entry::Row(row)] })
}

/// A counter of `/proc/net/xfrm_stat`: `XfrmInError  0`; of nstat, which adds a column: `XfrmInError  0  0.0`.
pub(super) fn counter(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let line = lines.first()?;
    let words = Words::of(std::iter::once(line.text));
    // Without `-a`, nstat prints what was counted since it was run the last time.
    let since_boot = !context.has("nstat")
        || context.typed.split_whitespace().any(|word| word.starts_with('-') && word.contains('a'));
    let entry = |name: &str, value: &str| {
        Some(Entry::Counter(KernelCounter { name: name.to_owned(), value: number(value)? }))
    };
    let is_name = |name: &str| {
        (5..64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match words.all() {
        ["#kernel"] => Some(Taken { lines: 1, entries: Vec::new() }),
        [name, value] if name.starts_with("Xfrm") && is_name(name) => {
            Some(Taken::line(entry(name, value)?))
        }
        [name, value, rate] if is_name(name) && rate.parse::<f64>().is_ok() => {
            let of_nstat = ["Xfrm", "Ip", "Icmp", "Tcp", "Udp", "MPTcp", "Sctp", "Tls"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            let entry = entry(name, value).filter(|_| of_nstat)?;
            // The other counters of nstat are recognised, and no diagnosis asks for them.
            let is_asked_for = name.starts_with("Xfrm") || IP_COUNTERS.contains(name);
            let wanted = is_asked_for && since_boot;
            Some(Taken { lines: 1, entries: if wanted { vec![entry] } else { Vec::new() } })
        }
        _ => None,
    }
}
