//! Takes a text apart into what commands printed, by what the lines look like: each format is asked whether something of it begins here.
//! Prompts help, but nothing depends on them. It does not judge what the parts say.

use super::entry::Entry;
use super::format::{Context, Reader};
use super::lines::{self, Line};
use super::{
    configuration, counters, host, ifconfig, json, libreswan, link, log, neighbour, nft, qdisc,
    route, rule, stroke, swanctl, tunnel, typed, vyos_tables, xfrm_monitor, xfrm_policy,
    xfrm_state,
};
use std::collections::BTreeSet;

/// The formats, by what they show. The order matters where a line could be of two: the narrower form is first.
pub(super) const FORMATS: &[(&str, Reader)] = &[
    ("VyOS configuration", configuration::line),
    ("show version", host::version),
    ("uname", host::uname),
    ("date", host::date),
    ("sysctl", host::sysctl),
    ("xfrm count", host::counts),
    (nft::FORMAT, nft::entry),
    ("xfrm policy getdefault", xfrm_policy::defaults),
    (xfrm_monitor::FORMAT, xfrm_monitor::event),
    ("xfrm state", xfrm_state::entry),
    ("xfrm policy", xfrm_policy::entry),
    ("ip link", link::entry),
    (tunnel::FORMAT, tunnel::entry),
    (stroke::FORMAT, stroke::list),
    (libreswan::FORMAT, libreswan::status),
    (vyos_tables::INTERFACES, vyos_tables::interfaces),
    (vyos_tables::COUNTERS, vyos_tables::counters),
    (vyos_tables::IKE, vyos_tables::ike),
    (vyos_tables::IPSEC, vyos_tables::ipsec),
    ("swanctl --list-sas", swanctl::sas),
    ("swanctl --list-conns", swanctl::connections),
    ("swanctl --list-pols", swanctl::policies),
    (swanctl::STATISTICS, swanctl::statistics),
    ("state of vti-up-down", host::hook),
    ("log of charon", log::line),
    ("ifconfig", ifconfig::entry),
    ("ip rule", rule::entry),
    ("/proc/net/dev", counters::row),
    ("XFRM counters", counters::counter),
    (qdisc::FORMAT, qdisc::entry),
    ("ip neighbour", neighbour::entry),
    ("ip route", route::entry),
];

/// What one command printed.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// Its format, a name of [`FORMATS`].
    pub format: &'static str,
    /// What was typed for it; empty where that is not known.
    pub typed: &'a str,
    /// First and last line.
    pub lines: (usize, usize),
    /// What it says.
    pub entries: Vec<Entry>,
}

/// Lines that no format has, and why they are not read, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage<'a> {
    pub lines: (usize, usize),
    /// What was typed for them; empty where that is not known.
    pub typed: &'a str,
    pub why: &'static str,
}

/// A text that was taken apart.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub tables: Vec<Table<'a>>,
    pub unread: Vec<Passage<'a>>,
    /// The formats of lines that are cut or changed.
    pub torn: BTreeSet<&'static str>,
}

/// Why a line is not read that must have been one of a format.
const TORN: &str = "it is cut or changed";

/// Of which formats a line must have been that none of them takes.
fn torn(line: &str, last: Option<&str>) -> &'static [&'static str] {
    let of_xfrm = matches!(last, Some("xfrm state" | "xfrm policy"));
    if line.starts_with("src ")
        || (of_xfrm && ["proto ", "dir ", "tmpl "].iter().any(|word| line.starts_with(word)))
    {
        return &["xfrm state", "xfrm policy"];
    }
    if stroke::is_head(line) {
        return &[stroke::FORMAT];
    }
    if let Some(format) = vyos_tables::cut(line) {
        return format;
    }
    if nft::is_head(line) {
        return &[nft::FORMAT];
    }
    if qdisc::is_head(line) {
        return &[qdisc::FORMAT];
    }
    if (line.contains(" dev ") && (line.contains(" proto ") || line.contains(" scope ")))
        || line.starts_with("[{\"dst\"")
    {
        return &["ip route"];
    }
    &[]
}

/// Takes a text apart.
pub(super) fn parts(text: &str) -> Parts<'_> {
    let lines = lines::of(text);
    let mut found = Parts::default();
    let mut at = 0;
    // What was typed last, and whether anything came of it.
    let (mut typed, mut is_new, mut is_silent) = ("", true, false);
    while let Some(line) = lines.get(at) {
        if let Some(command) = line.typed {
            if is_silent {
                found.close_silent(typed, line.number);
            }
            (typed, is_new, is_silent) = (command, true, typed::object(command).is_some());
            at += 1;
            continue;
        }
        let opens_json = text.get(line.at..).is_some_and(|rest| rest.starts_with('['));
        // What VyOS's debug archive writes before an output. JSON may be one line that is too long for any other format.
        let is_nothing = line.text.is_empty()
            || line.text == "Stdout:"
            || line.text == "Exit code: 0"
            || swanctl::is_warning(line.text);
        if is_nothing && !opens_json {
            at += 1;
            continue;
        }
        is_silent = false;
        let context = Context { typed };
        let number = line.number;
        if typed::is_elsewhere(typed) {
            found.pass(number, typed, "it is of another network namespace");
            at += 1;
            continue;
        }
        let table = if opens_json { json::table(text, &lines, at, &context) } else { None };
        if let Some((format, lines_taken, entries)) = table {
            let last = lines.get(at + lines_taken - 1).map_or(number, |line| line.number);
            found.tables.push(Table { format, typed, lines: (number, last), entries });
            (at, is_new) = (at + lines_taken, true);
            continue;
        }
        let rest = lines.get(at..).unwrap_or_default();
        // What was typed says which format it is, and otherwise what the lines before were.
        let last = found.tables.last().filter(|_| !is_new).map(|table| table.format);
        match take(rest, &context, last.or_else(|| typed::object(typed))) {
            Some((format, taken)) => {
                let end = lines.get(at + taken.lines - 1).map_or(number, |line| line.number);
                match found.tables.last_mut().filter(|table| !is_new && table.format == format) {
                    Some(table) => {
                        table.lines.1 = end;
                        table.entries.extend(taken.entries);
                    }
                    None => found.tables.push(Table {
                        format,
                        typed,
                        lines: (number, end),
                        entries: taken.entries,
                    }),
                }
                is_new = false;
                at += taken.lines;
            }
            None => {
                let torn = torn(line.text, last);
                found.torn.extend(torn);
                let why = if torn.is_empty() { typed::why_not(typed, line.text) } else { TORN };
                found.pass(number, typed, why);
                at += 1;
            }
        }
    }
    found
}

/// Asks the format of the last table first: most lines are followed by one of the same.
fn take(
    lines: &[Line<'_>],
    context: &Context<'_>,
    last: Option<&str>,
) -> Option<(&'static str, super::format::Taken)> {
    let of_last = FORMATS.iter().filter(|(format, _)| Some(*format) == last);
    let mut all = of_last.chain(FORMATS);
    all.find_map(|(format, read)| {
        let taken = read(lines, context)?;
        (taken.lines > 0 && taken.lines <= lines.len()).then_some((*format, taken))
    })
}

impl<'a> Parts<'a> {
    /// A command that printed nothing before the next prompt: the list is empty, where it is one.
    fn close_silent(&mut self, command: &'a str, next: usize) {
        if let Some(format) = typed::object(command) {
            let line = next.saturating_sub(1);
            // It is no list: the daemon did not answer.
            let is_silent = format == swanctl::STATISTICS;
            let entries = if is_silent { vec![Entry::DaemonSilent] } else { Vec::new() };
            self.tables.push(Table { format, typed: command, lines: (line, line), entries });
        }
    }

    /// A line that is not read.
    fn pass(&mut self, line: usize, typed: &'a str, why: &'static str) {
        match self.unread.last_mut() {
            Some(passage)
                if passage.why == why && passage.typed == typed && passage.lines.1 + 2 >= line =>
            {
                passage.lines.1 = line;
            }
            _ => self.unread.push(Passage { lines: (line, line), typed, why }),
        }
    }
}
