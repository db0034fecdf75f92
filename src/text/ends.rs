//! Where a list ends: at a prompt, or nobody knows where. What people and pagers put in the place of lines, and whether the last entry of a text
//! is shorter than those before it. It reads no value.

use super::entry::Entry;
use super::lines::Line;

/// What a line is that no format has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It stands for lines that were left out.
    Cut,
    /// A sentence, or what stands around a text: it is no part of the list before it.
    Around,
    /// It may have been one of the list before it.
    Unknown,
}

/// The lists of which a line that is not read is a line that is lacking.
pub(super) const LISTS: [&str; 5] = ["xfrm state", "xfrm policy", "ip link", "ip rule", "ip route"];

/// Words for lines that were left out, where they are all of a line.
const LEFT_OUT: &[&str] = &[
    "snip",
    "snipped",
    "cut",
    "more",
    "omitted",
    "truncated",
    "shortened",
    "skipped",
    "removed",
    "output",
    "lines",
    "line",
    "rest",
    "the",
    "other",
    "others",
    "etc",
    "and",
    "so",
    "on",
    "end",
];

/// What a line is that no format has.
pub(super) fn kind(line: &str) -> Kind {
    let words: Vec<String> = line
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() {
        // Three dots stand for something; rules and fences do not.
        let is_cut = line.contains("..") || line.contains('\u{2026}') || line == ":";
        return if is_cut { Kind::Cut } else { Kind::Around };
    }
    let is_left_out = |word: &String| {
        LEFT_OUT.contains(&word.as_str()) || word.bytes().all(|b| b.is_ascii_digit())
    };
    if words.iter().all(is_left_out) || line == "^C" || line.starts_with("--More") {
        return Kind::Cut;
    }
    let is_tag = line.starts_with(['[', '<', '`'])
        && ["code", "pre", "quote", "spoiler", "details"]
            .iter()
            .any(|tag| words.iter().any(|w| w == tag));
    if line.starts_with("```") || is_tag {
        return Kind::Around;
    }
    let is_word = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '-')
    };
    let plain = line.split_whitespace().filter(is_word).count();
    let is_sentence = line.starts_with(|c: char| c.is_alphabetic())
        && line.ends_with(['.', ':', '?', '!', ','])
        && plain * 3 >= line.split_whitespace().count() * 2
        && !line.contains("interrupted");
    if is_sentence { Kind::Around } else { Kind::Unknown }
}

/// The first words of the last two lines of an entry, without numbers.
pub(super) type Tail<'a> = (&'a str, &'a str);

/// That of these lines.
pub(super) fn tail<'a>(lines: &[Line<'a>]) -> Tail<'a> {
    let mut last = lines.iter().rev().map(|line| {
        let word = line.text.split_whitespace().next().unwrap_or_default();
        if word.starts_with(|c: char| c.is_ascii_digit()) { "" } else { word }
    });
    let end = last.next().unwrap_or_default();
    (last.next().unwrap_or_default(), end)
}

/// Whether the last entry of a list, behind which the text ends, is cut: it ends as none of those before it does, or lacks what each has.
pub(super) fn is_cut(format: &str, typed: &str, entries: &[Entry], tails: &[Tail<'_>]) -> bool {
    let ends_otherwise =
        || tails.split_last().is_some_and(|(last, rest)| !rest.is_empty() && !rest.contains(last));
    let counts = |entry: &Entry| matches!(entry, Entry::Link(named) if named.statistics.is_some());
    let has_s = typed.split_whitespace().any(|word| word == "-s");
    match (format, entries.last()) {
        ("xfrm state", Some(Entry::Sa(sa))) => ends_otherwise() || (has_s && sa.sa.uncounted),
        ("xfrm policy", Some(Entry::Policy(_))) => ends_otherwise(),
        ("ip link", Some(Entry::Link(_))) => entries.iter().any(counts) && ends_otherwise(),
        ("swanctl --list-sas", Some(Entry::IkeSa(sa))) => match sa.children.last() {
            Some(child) => child.remote_ts.is_empty(),
            None => sa.state == "ESTABLISHED",
        },
        ("swanctl --list-conns", Some(Entry::Connection(connection))) => {
            connection.children.last().is_none_or(|child| child.remote_ts.is_empty())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_lines_is_told_from_what_stands_around_them() {
        for line in [
            "[...]",
            "...",
            "<snip>",
            "[snip]",
            "--More--",
            "lines 1-17",
            "(12 lines omitted)",
            "^C",
            "\u{2026}",
            "-- cut --",
            "[output truncated]",
        ] {
            assert_eq!(kind(line), Kind::Cut, "{line}");
        }
        for line in
            ["```", "[/code]", "</pre>", "-----", "And here are my policies:", "Any ideas? Thanks!"]
        {
            assert_eq!(kind(line), Kind::Around, "{line}");
        }
        for line in [
            "lifetime config:x",
            "proto es",
            "10.0.0.0/8 de",
            "Dump was interrupted and may be inconsistent.",
        ] {
            assert_eq!(kind(line), Kind::Unknown, "{line}");
        }
    }
}
