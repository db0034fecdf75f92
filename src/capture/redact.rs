//! Takes addresses and names out of a capture so that it can be shown to others, and its diagnosis stays the same.
//! It goes over the written form, not over the types: a string at a place that is not known here is refused, never passed on.

use super::address::Addresses;
use super::names::Names;
use super::{Capture, known};
use crate::error::{Error, Result};
use crate::snapshot::observed::{self, Source};
use crate::snapshot::recorded;
use crate::snapshot::validation::UnknownRule;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// The capture with addresses, the host's name, names of interfaces and of peers, and identities replaced, each always by the same; texts of the system on failed
/// reads are left out. Numbers, marks, SPIs, counters, times and versions stay, and of all other texts the words that `known` lists. The
/// key is new with each call and not kept.
///
/// # Errors
/// `DataUnavailable` where the capture has a text of which it is not known how to replace it.
pub fn redact(capture: &Capture) -> Result<Capture> {
    redact_with(capture, &RandomState::new())
}

/// [`redact`] with a given key.
///
/// # Errors
/// As [`redact`].
pub fn redact_with(capture: &Capture, key: &impl BuildHasher) -> Result<Capture> {
    let failed = |why: String| Error::DataUnavailable(format!("cannot redact the capture: {why}"));
    let mut tree = serde_json::to_value(capture).map_err(|error| failed(error.to_string()))?;
    let mut present = Vec::new();
    addresses(&tree, &mut present);
    let mut redaction = Redaction {
        addresses: Addresses::new(key, present),
        names: Names::of(&capture.snapshots),
        others: BTreeMap::new(),
    };
    redaction.walk(&mut tree, "", "").map_err(failed)?;
    let redacted: Capture =
        serde_json::from_value(tree).map_err(|error| failed(error.to_string()))?;
    Ok(Capture { redacted: true, ..redacted })
}

/// All addresses and prefixes that are words of a text.
fn addresses(value: &Value, found: &mut Vec<IpNet>) {
    match value {
        Value::String(text) => found.extend(text.split(' ').filter_map(|word| {
            let address = word.parse().map(|a: IpAddr| IpNet::from(a));
            address.or_else(|_| word.parse()).ok()
        })),
        Value::Array(list) => list.iter().for_each(|value| addresses(value, found)),
        Value::Object(map) => map.values().for_each(|value| addresses(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What becomes of a string by its place.
enum Kind {
    /// By its type a word of this program or of the kernel, or a number in hexadecimal: a capture with any other text there is not read.
    Safe,
    /// One of these words, or another.
    Words(&'static [&'static str]),
    /// A version: what a distribution or a builder adds to it stays where it is known.
    Version,
    /// charon's name and version.
    Daemon,
    /// A time in charon's words.
    Time,
    /// What the recorder says of a cause, where these are its own words: those of a finding name peers and addresses.
    Cause,
    Hostname,
    InterfaceName,
    /// The system's words, which may quote anything.
    FreeText,
    /// A connection, a CHILD or a peer.
    PeerName,
    /// Entries of the updown hook: interface, CHILD, family.
    HookEntry,
    /// A line of charon, of which only what kind it is stays.
    LogLine,
    /// What the kernel told the recorder: addresses are replaced, and the rest is of a few words.
    Event,
    /// An address or prefix where it is one; any other text is left out.
    Anything,
    /// An address or a prefix, or it is refused.
    Address,
}

/// The kind of the string with this key in this object (of this list).
fn kind(object: &str, key: &str) -> Kind {
    if key == "seen" {
        match Source::of_field(object).map(Source::redaction) {
            Some(observed::Redaction::HookEntries) => return Kind::HookEntry,
            Some(observed::Redaction::LogLines) => return Kind::LogLine,
            Some(observed::Redaction::ByField | observed::Redaction::NoText) | None => {}
        }
    }
    match (object, key) {
        ("host", "hostname") => Kind::Hostname,
        ("links" | "proc_net_dev" | "interfaces" | "cleared", "name")
        | ("rules", "iif" | "oif")
        | ("interfaces", "vrf")
        | ("peers", "bind" | "dhcp_interface")
        | ("source_validation" | "episodes" | "remarks", "interface")
        | ("set", "interfaces") => Kind::InterfaceName,
        ("set", "name") => Kind::Words(known::INTERFACE_SETS),
        ("unknown", "chain") => Kind::Words(known::VALIDATION_CHAINS),
        ("unknown", "expression") => Kind::Words(UnknownRule::EXPRESSIONS),
        ("events", "what") => Kind::Event,
        ("remarks", "what") | ("unread", "node" | "why") => Kind::FreeText,
        ("causes", "summary") => Kind::Cause,
        ("connections" | "children" | "peers", "name")
        | ("associations" | "traps", "connection")
        | ("traps", "child") => Kind::PeerName,
        ("associations", "local_id" | "remote_id" | "local_host" | "remote_host")
        | ("children", "local_ts" | "remote_ts")
        | ("connections", "local_addresses" | "remote_addresses")
        | ("peers", "remote_addresses" | "virtual_addresses") => Kind::Anything,
        ("ike", "daemon") => Kind::Daemon,
        ("ike", "since") => Kind::Time,
        ("connections", "version" | "unique") => Kind::Words(known::CONNECTION),
        ("associations" | "children", "state") => Kind::Words(known::STATES),
        ("associations", "tasks_queued" | "tasks_active" | "tasks_passive") => {
            Kind::Words(known::TASKS)
        }
        ("children", "mode" | "dpd_action" | "close_action") => Kind::Words(known::CHILD),
        ("peers", "connection_type") => Kind::Words(known::CONNECTION_TYPES),
        ("links", "info_kind") => Kind::Words(known::LINK_KINDS),
        ("xfrm_statistics", "name") => Kind::Words(known::XFRM_COUNTERS),
        ("", "tool_version") | ("host", "kernel_release" | "vyos_version") => Kind::Version,
        ("missing", "detail") => Kind::FreeText,
        ("children", "spi_in" | "spi_out" | "mark_in" | "mark_out")
        | ("links", "kind" | "oper_state")
        | ("rules", "family" | "fwmark")
        | ("source_validation", "family")
        | ("peers", "reauthentication")
        | ("routes" | "answer", "type")
        | ("answer", "answer")
        | ("associations", "spi" | "mode" | "family" | "mark" | "set_mark" | "direction")
        | ("policies", "direction" | "action" | "policy_type" | "mark")
        | ("changed", "mark")
        | ("selector", "family")
        | ("templates", "spi" | "mode" | "family")
        | ("default_policies", "inbound" | "forward" | "outbound")
        | ("missing", "source" | "reason") => Kind::Safe,
        _ => Kind::Address,
    }
}

struct Redaction<'k, K> {
    addresses: Addresses<'k, K>,
    names: Names,
    /// Identities and what else is no address, with what stands for each.
    others: BTreeMap<String, String>,
}

impl<K: BuildHasher> Redaction<'_, K> {
    /// Replaces every string under `value`, which is at `key` in `object`.
    fn walk(
        &mut self,
        value: &mut Value,
        object: &str,
        key: &str,
    ) -> std::result::Result<(), String> {
        match value {
            Value::String(text) => {
                *text = self.replaced(text, object, key)?;
                Ok(())
            }
            Value::Array(list) => list.iter_mut().try_for_each(|v| self.walk(v, object, key)),
            Value::Object(map) => {
                // `seen` only says that the value was read; the place is that of the field.
                let object = if key == "seen" { object } else { key };
                map.iter_mut().try_for_each(|(key, value)| self.walk(value, object, key))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    /// What stands for an address or a prefix; none where the text is neither.
    fn address(&self, text: &str) -> Option<String> {
        let address = text.parse().map(|a: IpAddr| self.addresses.address(a).to_string());
        let prefix = || text.parse().map(|p: IpNet| self.addresses.prefix(p).to_string());
        address.or_else(|_| prefix()).ok()
    }

    /// An event of the recorder, where all of its words are known.
    fn event(&self, text: &str) -> String {
        let mut before = "";
        let word = |word| {
            let is_name = std::mem::replace(&mut before, word) == "link";
            if is_name {
                return self.names.interface(word).map(str::to_owned);
            }
            if known::EVENT_WORDS.contains(&word) || known::is_number(word) {
                return Some(word.to_string());
            }
            self.address(word)
        };
        let words: Option<Vec<String>> = text.split(' ').map(word).collect();
        words.map_or_else(|| "another event".into(), |words| words.join(" "))
    }

    /// An identity, a host's name or a range of addresses: a number, so that equal ones stay equal.
    fn other(&mut self, text: &str) -> String {
        let number = self.others.len() + 1;
        self.others.entry(text.to_owned()).or_insert_with(|| format!("other{number}")).clone()
    }

    fn replaced(
        &mut self,
        text: &str,
        object: &str,
        key: &str,
    ) -> std::result::Result<String, String> {
        let listed = |words: &[&str], otherwise: &str| {
            if text.is_empty() || words.contains(&text) { text } else { otherwise }.to_owned()
        };
        match kind(object, key) {
            Kind::Safe => Ok(text.to_string()),
            Kind::Words(words) => Ok(listed(words, "other")),
            Kind::Version => Ok(known::version(text)),
            Kind::Daemon => Ok(known::daemon(text)),
            Kind::Time => Ok(if known::is_time(text) { text.to_owned() } else { String::new() }),
            Kind::Cause => Ok(listed(recorded::SUMMARIES, "left out")),
            Kind::Hostname => Ok("host".to_string()),
            Kind::FreeText => Ok(String::new()),
            Kind::InterfaceName => match self.names.interface(text) {
                Some(name) => Ok(name.to_owned()),
                None => Err(format!("{object}.{key}: an interface name that was not counted")),
            },
            Kind::PeerName => Ok(self.names.peer(text)),
            Kind::HookEntry => Ok(self.names.hook_entries(text)),
            Kind::LogLine => Ok(self.names.log_line(text)),
            Kind::Event => Ok(self.event(text)),
            Kind::Anything if text.is_empty() || known::ANY.contains(&text) => Ok(text.to_owned()),
            Kind::Anything => Ok(self.address(text).unwrap_or_else(|| self.other(text))),
            Kind::Address => self.address(text).ok_or_else(|| {
                format!("{object}.{key}: expected an address, and no other text is known there")
            }),
        }
    }
}
