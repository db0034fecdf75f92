//! Takes addresses and names out of a capture so that it can be shown to others, and its diagnosis stays the same.
//! It goes over the written form, not over the types: a string at a place that is not known here is refused, never passed on.

use super::names::Names;
use super::{Capture, address};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::snapshot::observed::{self, Source};
use ipnet::IpNet;
use serde_json::Value;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// The capture with addresses, the host's name, names of interfaces and of peers, and identities replaced, each always by the same; texts of the system on failed
/// reads are left out. Numbers, marks, SPIs, counters and versions stay. The key is new with each call and not kept.
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
    let capture = without_findings(capture.clone());
    let mut tree = serde_json::to_value(&capture).map_err(|error| failed(error.to_string()))?;
    let redaction = Redaction { key, names: Names::of(&capture.snapshots) };
    redaction.walk(&mut tree, "", "").map_err(failed)?;
    let redacted: Capture =
        serde_json::from_value(tree).map_err(|error| failed(error.to_string()))?;
    Ok(Capture { redacted: true, ..redacted })
}

/// The capture without the summaries of findings that the recorder kept: they name peers and addresses. Those of its own causes do not.
fn without_findings(mut capture: Capture) -> Capture {
    let recorded = capture.snapshots.iter_mut().filter_map(|s| s.recorded.as_mut().ok());
    for cause in recorded.flat_map(|r| &mut r.episodes).flat_map(|episode| &mut episode.causes) {
        if !Code::of_number(cause.code).is_some_and(Code::is_recorded) {
            cause.summary = "left out".into();
        }
    }
    capture
}

/// What becomes of a string by its place.
enum Kind {
    /// A word of this program or of the kernel, a version, a number in hexadecimal.
    Safe,
    Hostname,
    InterfaceName,
    /// The system's words, which may quote anything.
    FreeText,
    /// A connection, a CHILD or a peer.
    PeerName,
    /// An entry of the updown hook: interface, CHILD, family.
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
        | ("peers", "bind")
        | ("source_validation" | "episodes" | "remarks", "interface") => Kind::InterfaceName,
        ("events", "what") => Kind::Event,
        ("remarks", "what") | ("unread", "node" | "why") => Kind::FreeText,
        ("causes", "summary") => Kind::Safe,
        ("connections" | "children" | "peers", "name")
        | ("associations" | "traps", "connection")
        | ("traps", "child") => Kind::PeerName,
        ("associations", "local_id" | "remote_id" | "local_host" | "remote_host")
        | ("children", "local_ts" | "remote_ts")
        | ("connections", "local_addresses" | "remote_addresses")
        | ("peers", "remote_addresses") => Kind::Anything,
        ("ike", "daemon" | "since")
        | ("connections", "version" | "unique")
        | ("associations", "state" | "tasks_queued" | "tasks_active" | "tasks_passive")
        | ("children", "mode" | "dpd_action" | "close_action" | "state")
        | ("children", "spi_in" | "spi_out" | "mark_in" | "mark_out")
        | ("peers", "connection_type") => Kind::Safe,
        ("missing", "detail") => Kind::FreeText,
        ("", "tool_version")
        | ("host", "kernel_release" | "vyos_version")
        | ("links", "kind" | "info_kind" | "oper_state")
        | ("rules", "family" | "fwmark")
        | ("source_validation", "family")
        | ("routes" | "answer", "type")
        | ("answer", "answer")
        | ("associations", "spi" | "mode" | "family" | "mark" | "set_mark" | "direction")
        | ("policies", "direction" | "action" | "policy_type" | "mark")
        | ("selector", "family")
        | ("templates", "spi" | "mode" | "family")
        | ("default_policies", "inbound" | "forward" | "outbound")
        | ("xfrm_statistics", "name")
        | ("missing", "source" | "reason") => Kind::Safe,
        _ => Kind::Address,
    }
}

/// The words of `timeline::event`.
const EVENT_WORDS: &[&str] = &[
    "->",
    "SA",
    "SAs",
    "added",
    "all",
    "deleted",
    "down",
    "expired",
    "flushed",
    "from",
    "fwd",
    "in",
    "installed",
    "link",
    "out",
    "policies",
    "policy",
    "port",
    "destination",
    "protocol",
    "route",
    "set",
    "source",
    "table",
    "to",
    "up",
];

struct Redaction<'k, K> {
    key: &'k K,
    names: Names,
}

impl<K: BuildHasher> Redaction<'_, K> {
    /// Replaces every string under `value`, which is at `key` in `object`.
    fn walk(&self, value: &mut Value, object: &str, key: &str) -> std::result::Result<(), String> {
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
        let address = text.parse().map(|a: IpAddr| address::address(self.key, a).to_string());
        let prefix = || text.parse().map(|p: IpNet| address::prefix(self.key, p).to_string());
        address.or_else(|_| prefix()).ok()
    }

    /// An event of the recorder, where all of its words are known.
    fn event(&self, text: &str) -> String {
        let word = |word: &str| {
            let number = word.strip_prefix("0x").unwrap_or(word);
            let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_hexdigit());
            if EVENT_WORDS.contains(&word) || (is_number && number.len() <= 10) {
                return Some(word.to_string());
            }
            self.address(word).or_else(|| self.names.interface(word).map(str::to_owned))
        };
        let words: Option<Vec<String>> = text.split(' ').map(word).collect();
        words.map_or_else(|| "another event".into(), |words| words.join(" "))
    }

    fn replaced(&self, text: &str, object: &str, key: &str) -> std::result::Result<String, String> {
        match kind(object, key) {
            Kind::Safe => Ok(text.to_string()),
            Kind::Hostname => Ok("host".to_string()),
            Kind::FreeText => Ok(String::new()),
            Kind::InterfaceName => match self.names.interface(text) {
                Some(name) => Ok(name.to_owned()),
                None => Err(format!("{object}.{key}: an interface name that was not counted")),
            },
            Kind::PeerName => Ok(self.names.peer(text)),
            Kind::HookEntry => Ok(self.names.hook_entry(text)),
            Kind::LogLine => Ok(self.names.log_line(text)),
            Kind::Event => Ok(self.event(text)),
            Kind::Anything if text.starts_with('%') => Ok(text.to_owned()),
            Kind::Anything => Ok(self.address(text).unwrap_or_else(|| "other".to_owned())),
            Kind::Address => self.address(text).ok_or_else(|| {
                format!("{object}.{key}: expected an address, and no other text is known there")
            }),
        }
    }
}
