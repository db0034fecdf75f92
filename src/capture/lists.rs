//! The long lists of a capture, read a few entries at a time: the YAML library holds everything that it reads at once as a list of events,
//! some fifteen times the text. Only a text in the layout that this program writes is read so, line by line; any other is left to the
//! library, and so is one with anything wrong in it, for the library says what and where.

use super::Capture;
use crate::snapshot::{Observed, Snapshot};
use serde::de::DeserializeOwned;
use serde_yaml::Deserializer;
use serde_yaml::with::singleton_map_recursive;

/// A shorter list stays where it is.
const LONG: usize = 64 << 10;
/// Entries that are read together.
const TOGETHER: usize = 128;

/// A value from a whole YAML document; enums with data are maps of one key.
pub(super) fn document<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    singleton_map_recursive::deserialize(Deserializer::from_str(text))
}

/// The capture that this text is. None where it has no long lists, or another layout, or cannot be read.
pub(super) fn capture(text: &str) -> Option<Capture> {
    let split = split(text)?;
    let mut capture: Capture = document(&split.rest).ok()?;
    for list in &split.lists {
        fill(capture.snapshots.get_mut(list.snapshot)?, list)?;
    }
    Some(capture)
}

/// A capture's text with empty lists in place of the long ones.
struct Split<'t> {
    rest: String,
    lists: Vec<Taken<'t>>,
}

/// A list that was taken out.
struct Taken<'t> {
    snapshot: usize,
    /// The key of the source.
    key: &'t str,
    text: &'t str,
}

/// Puts a list where it belongs.
fn fill(snapshot: &mut Snapshot, list: &Taken<'_>) -> Option<()> {
    fn put<T: DeserializeOwned>(into: &mut Observed<Vec<T>>, text: &str) -> Option<()> {
        let is_free = into.as_ref().is_ok_and(Vec::is_empty);
        *into = Ok(entries(text)?);
        is_free.then_some(())
    }
    match list.key {
        "links" => put(&mut snapshot.links, list.text),
        "addresses" => put(&mut snapshot.addresses, list.text),
        "routes" => put(&mut snapshot.routes, list.text),
        "route_lookups" => put(&mut snapshot.route_lookups, list.text),
        "neighbours" => put(&mut snapshot.neighbours, list.text),
        "associations" => put(&mut snapshot.sas, list.text),
        "policies" => put(&mut snapshot.policies, list.text),
        "proc_net_dev" => put(&mut snapshot.proc_net_dev, list.text),
        _ => None,
    }
}

/// Where a list begins and what its entries begin with.
const ENTRY: &str = "    - ";

/// Takes the long lists out; none where a line is not as this program writes it, or no list is long.
fn split(text: &str) -> Option<Split<'_>> {
    let mut split = Split { rest: String::new(), lists: Vec::new() };
    let (mut snapshots, mut in_snapshots, mut key) = (0_usize, false, "");
    let mut rest = text;
    // What is not yet copied into the rest.
    let mut kept = text;
    while let Some(line) = rest.split_inclusive('\n').next() {
        rest = rest.get(line.len()..)?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        if !is_simple(line) {
            return None;
        }
        if line.starts_with("- ") && in_snapshots {
            snapshots += 1;
            key = "";
        } else if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            in_snapshots = line == "snapshots:";
        } else if let Some(new) = line.strip_prefix("  ").filter(|l| !l.starts_with(' ')) {
            key = new.strip_suffix(':').unwrap_or_default();
        }
        if line != "    seen:" || !in_snapshots || !is_list(key) || !rest.starts_with(ENTRY) {
            continue;
        }
        let of_list = |line: &&str| line.starts_with(ENTRY) || line.starts_with("     ");
        let lines = rest.split_inclusive('\n').take_while(of_list);
        let (list, behind) = rest.split_at_checked(lines.map(str::len).sum())?;
        if list.len() < LONG {
            continue;
        }
        if !list.lines().all(is_simple) {
            return None;
        }
        let before = kept.get(..kept.len() - rest.len())?.strip_suffix('\n')?;
        split.rest.push_str(before);
        split.rest.push_str(" []\n");
        split.lists.push(Taken { snapshot: snapshots.checked_sub(1)?, key, text: list });
        (rest, kept) = (behind, behind);
    }
    split.rest.push_str(kept);
    (!split.lists.is_empty()).then_some(split)
}

fn is_list(key: &str) -> bool {
    let lists = [
        "links",
        "addresses",
        "routes",
        "route_lookups",
        "neighbours",
        "associations",
        "policies",
        "proc_net_dev",
    ];
    lists.contains(&key)
}

/// Whether a line stands for itself: a comment, or a key, an entry or both with a value that ends on the line.
fn is_simple(line: &str) -> bool {
    if line.starts_with('#') {
        return true;
    }
    let mut content = line.trim_start_matches(' ');
    let mut is_entry = false;
    while let Some(inside) = content.strip_prefix("- ") {
        (content, is_entry) = (inside, true);
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match content.split_once(':') {
        Some((key, "")) => !key.is_empty() && key.chars().all(is_word),
        Some((key, value)) if !key.is_empty() && key.chars().all(is_word) => {
            value.strip_prefix(' ').is_some_and(is_value)
        }
        _ => is_entry && is_value(content),
    }
}

/// Whether a value is one that ends with its line, in the forms that this program writes.
fn is_value(value: &str) -> bool {
    if let Some(inside) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
        let mut escaped = false;
        let closes = |c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        };
        return !inside.contains(closes) && !escaped;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./ ()".contains(c);
    let is_start = |c: char| c.is_ascii_alphanumeric();
    let is_negative =
        || value.strip_prefix('-').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    matches!(value, "[]" | "{}")
        || ((value.starts_with(is_start) || is_negative()) && value.chars().all(is_plain))
}

/// The entries of a list.
fn entries<T: DeserializeOwned>(text: &str) -> Option<Vec<T>> {
    let lines = text.split_inclusive('\n');
    let mut all = Vec::with_capacity(lines.clone().filter(|line| line.starts_with(ENTRY)).count());
    let (mut rest, mut count, mut length) = (text, 0, 0);
    for line in lines {
        if line.starts_with(ENTRY) {
            if count == TOGETHER {
                let (some, behind) = rest.split_at_checked(length)?;
                all.append(&mut document(some).ok()?);
                (rest, count, length) = (behind, 0, 0);
            }
            count += 1;
        }
        length += line.len();
    }
    all.append(&mut document(rest).ok()?);
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_below_zero_is_simple_and_a_list_on_the_line_is_not() {
        assert!(is_simple("        router_solicitations: -1"));
        assert!(!is_simple("        router_solicitations: - 1"));
        assert!(!is_simple("        router_solicitations: -"));
    }

    #[test]
    fn a_line_that_goes_on_or_refers_to_another_is_not_simple() {
        for line in [
            "",
            "  a: |",
            "a: &x 1",
            "a: *x",
            "a: !t 1",
            "a: 'b'",
            "a: \"b",
            "a: b # c",
            "a: [1]",
            "goes on",
            "a: b: c",
            "---",
            "\ta: 1",
            "a:  1",
            "? a",
            "- - ",
            "a: \"b\\\"",
            "a: \"b\" c\"",
        ] {
            assert!(!is_simple(line), "{line}");
        }
        for line in [
            "# expect t0: ok",
            "a:",
            "  a: 1",
            "- a: b",
            "    - \"x: y\"",
            "a: []",
            "- {}",
            "a: \"\\\"\"",
            "- 0.0.0.0/0",
            "a: 6.12.0 (x)",
            "a: \"\"",
        ] {
            assert!(is_simple(line), "{line}");
        }
    }

    #[test]
    fn a_list_is_the_same_however_it_is_read() {
        let list: String = (0..1000)
            .map(|n| format!("    - ifindex: {n}\n      address: 192.0.2.1\n      state: 2\n"))
            .collect();
        let text = format!(
            "schema: 1\nsnapshots:\n- taken_at_ms: 1\n  host:\n    hostname: a\n    kernel_release: b\n  neighbours:\n    seen:\n{list}  cleared: []\n"
        );
        assert!(list.len() < LONG && capture(&text).is_none());
        let long = text.replace("    seen:\n", &format!("    seen:\n{}", list.repeat(2)));
        let read = capture(&long).unwrap();
        assert_eq!(read, document(&long).unwrap());
        assert_eq!(read.snapshots.first().unwrap().neighbours.as_ref().unwrap().len(), 3000);
        for wrong in [
            long.replacen("state: 2", "state: x", 2500),
            long.replacen("  cleared", "  neighbours", 1),
        ] {
            assert!(capture(&wrong).is_none() && document::<Capture>(&wrong).is_err());
        }
    }
}
