//! Takes a text apart into what commands printed, by what the lines look like: each format is asked whether something of it begins here.
//! Prompts help, but nothing depends on them. It does not judge what the parts say.

use super::ends::{self, Kind, Tail};
use super::entry::Entry;
use super::filtered;
use super::format::{Context, Reader};
use super::lines::{self, Line};
use super::{
    configuration, counters, host, ifconfig, json, libreswan, link, log, neighbour, nft, pipe,
    qdisc, route, route_get, rule, stroke, swanctl, tunnel, typed, vyos_tables, xfrm_monitor,
    xfrm_policy, xfrm_state,
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
    (typed::ROUTE_GET, route_get::entry),
    ("ip route", route::entry),
];

/// What one command printed.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// Its format, a name of [`FORMATS`].
    pub format: &'static str,
    /// What was typed for it; empty where that is not known.
    pub typed: &'a str,
    /// The host of the prompt.
    pub host: Option<&'a str>,
    /// First and last line.
    pub lines: (usize, usize),
    /// What it says.
    pub entries: Vec<Entry>,
    /// Whether the command that printed it is in the text: without it, its head may be lacking.
    pub is_typed: bool,
    /// Whether the text shows where it ends: a prompt follows, or the text is a whole file.
    pub is_ended: bool,
}

impl Table<'_> {
    /// Whether it is a part of its list only.
    pub(super) fn is_filtered(&self) -> bool {
        let lines = if self.entries.is_empty() { 0 } else { self.lines.1 + 1 - self.lines.0 };
        filtered::is_filtered(self.typed, lines)
    }

    /// Whether it is surely the whole of its list.
    pub(super) fn is_whole(&self) -> bool {
        self.is_typed && self.is_ended && !self.is_filtered()
    }
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

/// Whether VyOS says which part of the configuration is edited, which it does before each prompt.
fn is_edit_level(line: &str) -> bool {
    line == "[edit]" || (line.starts_with("[edit ") && line.ends_with(']'))
}

/// Where in a text a reader is: what was typed last, and what came of it.
#[derive(Default)]
struct Place<'a> {
    typed: &'a str,
    host: Option<&'a str>,
    /// No table has come since, and nothing at all.
    is_first: bool,
    is_silent: bool,
    /// The next table does not go on with the last.
    is_new: bool,
    /// The last table goes as far as here.
    is_at_table: bool,
    /// Lines that are left out were just before.
    is_behind_cut: bool,
    /// How the entries of the last table end.
    tails: Vec<Tail<'a>>,
}

impl<'a> Place<'a> {
    fn begin() -> Self {
        Self { is_new: true, is_first: true, ..Self::default() }
    }

    /// A table of what was typed here.
    fn table(&self, format: &'static str, lines: (usize, usize), entries: Vec<Entry>) -> Table<'a> {
        let typed = typed::of_format(self.typed, format);
        // A word of one command of a line is taken for one of all: of which family and table the others are is not known.
        let is_mixed = pipe::commands(self.typed).count() > 1
            && self.typed.split_whitespace().any(|word| matches!(word, "-6" | "-f" | "table"));
        let is_typed = match typed::prints(typed) {
            Some(printed) => printed == format && !is_mixed,
            // Of a command that nothing is known of, the first table is taken to be all.
            None => !typed.is_empty() && self.is_first,
        };
        Table { format, typed, host: self.host, lines, entries, is_typed, is_ended: false }
    }
}

/// Takes a text apart. `is_whole`: it is a file as a program wrote it, and ends where its last list ends. `command`: what printed it, where the
/// name of the file says so.
pub(super) fn parts<'a>(text: &'a str, is_whole: bool, command: &'a str) -> Parts<'a> {
    let lines = lines::of(text);
    let mut found = Parts::default();
    let mut at = 0;
    let is_silent = typed::object(command).is_some();
    let mut here = Place { typed: command, is_silent, ..Place::begin() };
    while let Some(line) = lines.get(at) {
        if let Some(command) = line.typed {
            if here.is_silent {
                found.close_silent(&here, line.number);
            }
            found.end(here.is_at_table);
            here = Place {
                typed: command,
                host: line.host,
                is_silent: typed::object(command).is_some(),
                ..Place::begin()
            };
            at += 1;
            continue;
        }
        let opens_json = text.get(line.at..).is_some_and(|rest| rest.starts_with('['));
        // What VyOS's debug archive writes before an output. JSON may be one line that is too long for any other format.
        let is_nothing = line.text.is_empty()
            || line.text == "Stdout:"
            || line.text == "Exit code: 0"
            || swanctl::is_warning(line.text);
        if (is_nothing && !opens_json) || is_edit_level(line.text) {
            at += 1;
            continue;
        }
        here.is_silent = false;
        let context = Context { typed: here.typed };
        let number = line.number;
        if typed::is_elsewhere(here.typed) {
            found.pass(number, here.typed, "it is of another network namespace");
            at += 1;
            continue;
        }
        let table = if opens_json { json::table(text, &lines, at, &context) } else { None };
        if let Some((format, lines_taken, entries)) = table {
            let last = lines.get(at + lines_taken - 1).map_or(number, |line| line.number);
            // An array has an end of its own.
            let table = Table { is_ended: true, ..here.table(format, (number, last), entries) };
            found.push(table, &mut here);
            (here.is_new, here.is_at_table) = (true, false);
            at += lines_taken;
            continue;
        }
        let rest = lines.get(at..).unwrap_or_default();
        // What was typed says which format it is, and otherwise what the lines before were.
        let last = found.tables.last().filter(|_| !here.is_new).map(|table| table.format);
        match take(rest, &context, last.or_else(|| typed::object(here.typed))) {
            Some((format, taken)) => {
                let end = lines.get(at + taken.lines - 1).map_or(number, |line| line.number);
                let is_more = !here.is_new && last == Some(format);
                match found.tables.last_mut().filter(|_| is_more) {
                    Some(table) => {
                        table.lines.1 = end;
                        table.entries.extend(taken.entries);
                    }
                    None => {
                        let table = here.table(format, (number, end), taken.entries);
                        found.push(table, &mut here);
                    }
                }
                if std::mem::take(&mut here.is_behind_cut) {
                    found.torn.insert(format);
                }
                here.tails.push(ends::tail(rest.get(..taken.lines).unwrap_or_default()));
                (here.is_new, here.is_at_table) = (false, true);
                at += taken.lines;
            }
            None => {
                let mut torn = torn(line.text, last).to_vec();
                let kind = ends::kind(line.text);
                let before = found.tables.last().filter(|_| here.is_at_table);
                let is_lacking = |format: &&str| kind == Kind::Cut || ends::LISTS.contains(format);
                if kind != Kind::Around {
                    torn.extend(before.map(|table| table.format).filter(is_lacking));
                }
                (here.is_at_table, here.is_behind_cut) = (false, kind == Kind::Cut);
                found.torn.extend(&torn);
                let why =
                    if torn.is_empty() { typed::why_not(here.typed, line.text) } else { TORN };
                found.pass(number, here.typed, why);
                at += 1;
            }
        }
    }
    if is_whole {
        if here.is_silent {
            found.close_silent(&here, lines.last().map_or(1, |line| line.number + 1));
        }
        found.tables.iter_mut().for_each(|table| table.is_ended = true);
    } else if let Some(table) = found.tables.last().filter(|_| here.is_at_table) {
        if ends::is_cut(table.format, table.typed, &table.entries, &here.tails) {
            found.torn.insert(table.format);
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
    /// A table that begins. One that stands directly before it is ended, where one line typed both commands.
    fn push(&mut self, table: Table<'a>, here: &mut Place<'a>) {
        let is_one_line = !here.is_first && pipe::commands(here.typed).count() > 1;
        let is_ended = is_one_line && self.tables.last().is_some_and(|last| last.is_typed);
        self.end(here.is_at_table && is_ended);
        here.tails.clear();
        here.is_first = false;
        self.tables.push(table);
    }

    /// The last table has an end.
    fn end(&mut self, is_ended: bool) {
        if let Some(table) = self.tables.last_mut() {
            table.is_ended |= is_ended;
        }
    }

    /// A command that printed nothing before the next prompt: the list is empty, where it is one.
    fn close_silent(&mut self, here: &Place<'a>, next: usize) {
        if let Some(format) = typed::object(here.typed) {
            let line = next.saturating_sub(1);
            // It is no list: the daemon did not answer.
            let is_silent = format == swanctl::STATISTICS;
            let entries = if is_silent { vec![Entry::DaemonSilent] } else { Vec::new() };
            let table = here.table(format, (line, line), entries);
            self.tables.push(Table { is_ended: true, ..table });
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
