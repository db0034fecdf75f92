//! What people have of a host: texts that commands printed, saved or pasted. From them to snapshots, which are diagnosed as any others.
//! It reads no file, decides nothing about a tunnel, and looks at no key.
//!
//! `lines` takes away what terminals and mail put around a text, `split` finds the parts by what they look like, one file a format reads
//! each, `moments` finds what was printed twice, and `assemble` makes snapshots of it. What the texts do not hold is missing:
//! `Reason::NotInText`. What is assumed instead is in `Snapshot::assumed`, and no finding is proven with it.

#![deny(clippy::disallowed_methods)]

mod assemble;
mod bytes;
mod configuration;
mod counters;
mod defaults;
mod ends;
mod entry;
mod extent;
mod filter;
mod filtered;
mod format;
mod host;
mod hosts;
mod ifconfig;
mod ike;
mod interfaces;
mod ip_tunnel;
mod json;
mod known_tables;
mod libreswan;
mod lines;
mod link;
mod lists;
mod log;
mod lookups;
mod moments;
mod names;
mod neighbour;
mod nft;
mod pipe;
mod prefixes;
mod qdisc;
mod route;
mod route_get;
mod routes;
mod rule;
mod rules;
mod samples;
mod settings;
mod split;
mod stroke;
mod swanctl;
mod tunnel;
mod typed;
mod vtis;
mod vyos_sas;
mod vyos_tables;
mod words;
mod xfrm;
mod xfrm_monitor;
mod xfrm_policy;
mod xfrm_state;

use crate::error::{Error, Result};
use crate::report::input::{Input, Part, Unread};
use crate::snapshot::Snapshot;
use assemble::Everything;

pub use bytes::text_of;

/// A text and its name: a file, or standard input.
#[derive(Clone, Debug)]
pub struct Text {
    /// For people.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// A program wrote the whole of it as a file: its last list ends where it ends.
    pub is_whole: bool,
}

/// What was made of texts.
#[derive(Debug)]
pub struct Reading {
    /// One or two, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// What was recognised, and what was not.
    pub input: Input,
}

/// Reads texts of one host, in any order.
///
/// # Errors
/// `IncorrectValue`: nothing in them is recognised, and the sentence says what to paste; or they are of two hosts.
pub fn read(texts: &[Text]) -> Result<Reading> {
    let commands: Vec<Option<String>> =
        texts.iter().map(|text| command_of(&text.name).filter(|_| text.is_whole)).collect();
    let parts: Vec<(&str, split::Parts<'_>)> = texts
        .iter()
        .zip(&commands)
        .map(|(text, command)| {
            let command = command.as_deref().unwrap_or_default();
            (text.name.as_str(), split::parts(&text.text, text.is_whole, command))
        })
        .collect();
    let mut input = Input::default();
    for (name, parts) in &parts {
        for table in parts
            .tables
            .iter()
            .filter(|table| !table.entries.is_empty() || typed::object(table.typed).is_some())
        {
            input.add(Part {
                input: (*name).to_owned(),
                first_line: table.lines.0,
                last_line: table.lines.1,
                what: table.format,
                entries: table.entries.len(),
            });
        }
        input.unread.extend(parts.unread.iter().map(|passage| Unread {
            input: (*name).to_owned(),
            first_line: passage.lines.0,
            last_line: passage.lines.1,
            why: passage.why,
        }));
    }
    if input.parts.is_empty() {
        return Err(Error::IncorrectValue(nothing(texts, &input.unread)));
    }
    let tables: Vec<_> = parts.iter().flat_map(|(_, parts)| &parts.tables).collect();
    hosts::one(&tables)?;
    let torn = parts.iter().flat_map(|(_, parts)| &parts.torn).copied().collect();
    Ok(Reading { snapshots: Everything::of(tables, torn).snapshots(), input })
}

/// What to paste where nothing is recognised; and why not, where what was pasted says it.
fn nothing(texts: &[Text], unread: &[Unread]) -> String {
    let names: Vec<&str> = texts.iter().map(|text| text.name.as_str()).collect();
    let why = unread.iter().map(|passage| passage.why).find(|why| *why != typed::UNKNOWN);
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "nothing in {} is recognised{why}: paste what these print: ip -d -s -s link show; ip -s xfrm state list nokeys; ip -s xfrm policy list",
        names.join(", ")
    )
}

/// The command whose output is in a file of this name: sos names its files after the commands (`_mangle_command()` in
/// sos/report/plugins/__init__.py of sos 4), with `_` for all that is no word.
pub fn command_of(name: &str) -> Option<String> {
    const PROGRAMS: [&str; 7] = ["ip", "tc", "nft", "swanctl", "ipsec", "uname", "nstat"];
    let name = name.rsplit('/').next().unwrap_or_default();
    let is_command = PROGRAMS
        .iter()
        .any(|program| name.strip_prefix(program).is_some_and(|rest| rest.starts_with('_')));
    is_command.then(|| name.replace('_', " "))
}
