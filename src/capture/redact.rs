//! Takes addresses and names out of a capture so that it can be shown to others, and its diagnosis stays the same.
//! It goes over the written form, not over the types: a string at a place that is not known here is refused, never passed on. The written
//! form is JSON that nobody keeps: a tree of it would take ten times the memory of the capture.

use super::address::{Addresses, Present};
use super::names::{self, Names};
use super::pages::Pages;
use super::texts::{self, Change};
use super::{Capture, filter_names, forms, known, order};
use crate::error::{Error, Result};
use crate::snapshot::filter::HIDDEN_PATTERN;
use crate::snapshot::observed::{self, Source};
use crate::snapshot::recorded;
use crate::snapshot::validation::UnknownRule;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io;
use std::net::IpAddr;

/// The capture with addresses, the host's name, names of interfaces and of peers, and identities replaced, each always by the same; texts of the system on failed
/// reads are left out. Numbers, marks, SPIs, counters, times and versions stay, and of all other texts the words that `known` lists. The
/// key is new with each call and not kept.
///
/// # Errors
/// `DataUnavailable` where the capture has a text of which it is not known how to replace it.
pub fn redact(capture: Capture) -> Result<Capture> {
    redact_with(capture, &RandomState::new())
}

/// [`redact`] with a given key.
///
/// # Errors
/// As [`redact`].
pub fn redact_with(capture: Capture, key: &impl BuildHasher) -> Result<Capture> {
    let present = present(&capture, Present::default())?;
    replaced(capture, key, &present)
}

/// [`redact`] such that addresses are replaced as in the capture of the other end, where that is redacted beside this one: both captures are
/// needed, whole, and make the key. Who has neither of them cannot make it.
///
/// # Errors
/// As [`redact`]; `IncorrectValue` where one is redacted already, or both are the same.
pub fn redact_beside(capture: Capture, other: &Capture) -> Result<Capture> {
    let why = if capture.redacted {
        "this capture is redacted already"
    } else if other.redacted {
        "the other end's capture is redacted already"
    } else if capture.snapshots == other.snapshots {
        "the capture of --redact-with is the same one"
    } else {
        ""
    };
    if !why.is_empty() {
        let what = "redacting beside the other end needs both captures as they were written";
        return Err(Error::IncorrectValue(format!("{what}: {why}")));
    }
    let both = present(other, present(&capture, Present::default())?)?;
    let mut contents = [hash(&capture)?, hash(other)?];
    contents.sort_unstable();
    replaced(capture, &Key(contents), &both)
}

/// A key that two captures make, whichever comes first.
struct Key([u64; 2]);

impl BuildHasher for Key {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher
    }
}

/// What a capture holds, as a number.
fn hash(capture: &Capture) -> Result<u64> {
    struct Into(DefaultHasher);
    impl io::Write for Into {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut into = Into(DefaultHasher::new());
    serde_json::to_writer(&mut into, capture).map_err(failed)?;
    Ok(into.0.finish())
}

fn failed(error: serde_json::Error) -> Error {
    Error::DataUnavailable(format!("cannot redact the capture: {error}"))
}

/// The addresses and prefixes of a capture, beside others.
fn present(capture: &Capture, others: Present) -> Result<Present> {
    let mut prefixes = Prefixes(others);
    // Who only looks at the texts needs them nowhere.
    texts::serialize(capture, &mut serde_json::Serializer::new(io::sink()), &mut prefixes)
        .map_err(failed)?;
    Ok(prefixes.0)
}

fn replaced(mut capture: Capture, key: &impl BuildHasher, present: &Present) -> Result<Capture> {
    order::shuffle(&mut capture.snapshots, key);
    let mut redaction = Redaction {
        addresses: Addresses::new(key, present),
        names: Names::of(&capture.snapshots, key),
        filter_names: filter_names::FilterNames::default(),
        others: BTreeMap::new(),
    };
    let mut pages = Pages::default();
    texts::serialize(&capture, &mut serde_json::Serializer::new(&mut pages), &mut redaction)
        .map_err(failed)?;
    // A capture is large: it goes before the other comes.
    drop(redaction);
    drop(capture);
    let mut redacted: Capture = serde_json::from_reader(pages).map_err(failed)?;
    order::sort(&mut redacted.snapshots);
    Ok(Capture { redacted: true, ..redacted })
}

/// All addresses and prefixes that are words of a text.
struct Prefixes(Present);

impl Change for Prefixes {
    fn change(
        &mut self,
        text: &str,
        _: &str,
        _: &str,
    ) -> std::result::Result<Option<String>, String> {
        for word in text.split(' ') {
            let address = word.parse().map(|a: IpAddr| IpNet::from(a));
            if let Ok(net) = address.or_else(|_| word.parse()) {
                self.0.add(net);
            }
        }
        Ok(None)
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
    /// The name of an interface, or the beginning of some.
    InterfacePattern,
    /// The name of a table, a chain or a set of nftables.
    FilterName(filter_names::Of),
    /// The comment of a rule of nftables.
    FilterComment,
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
        ("base", "devices") => Kind::InterfaceName,
        ("values", "names") => Kind::InterfacePattern,
        ("chains" | "sets", "table") => Kind::FilterName(filter_names::Of::Table),
        ("chains", "chain") | ("verdict", "jump" | "goto") => {
            Kind::FilterName(filter_names::Of::Chain)
        }
        ("sets" | "match" | "verdict-map", "set") => Kind::FilterName(filter_names::Of::Set),
        ("rules", "comment") => Kind::FilterComment,
        ("algorithms", "kind") => Kind::Safe,
        ("algorithms", "name") => Kind::Words(known::ALGORITHMS),
        ("legacy", "table") => Kind::Words(known::FILTER_NAMES),
        ("steps", "undecided") | ("verdict", "target") => Kind::Words(known::FILTER_WORDS),
        ("field" | "rewrite", "other") => Kind::Words(UnknownRule::EXPRESSIONS),
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
        ("ip_counters", "name") => Kind::Words(known::IP_COUNTERS),
        ("queues", "discipline") => Kind::Words(known::QUEUES),
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
        | ("chains" | "sets" | "legacy", "family")
        | ("base", "hook" | "kind")
        | ("of", "field")
        | ("match" | "elements", "values")
        | ("values", "numbers")
        | ("rules", "steps")
        | ("steps" | "elements", "verdict")
        | ("steps", "rewrite")
        | ("nat", "what")
        | ("sets", "unread")
        | ("missing", "source" | "reason") => Kind::Safe,
        _ => Kind::Address,
    }
}

struct Redaction<'k, 'c, K> {
    addresses: Addresses<'k, K>,
    names: Names<'c>,
    filter_names: filter_names::FilterNames,
    /// Identities and what else is no address, with the number that stands for each.
    others: BTreeMap<String, usize>,
}

impl<K: BuildHasher> Redaction<'_, '_, K> {
    /// What stands for an address or a prefix; none where the text is neither.
    fn address(&self, text: &str) -> Option<String> {
        let address = text.parse().map(|a: IpAddr| self.addresses.address(a).to_string());
        let prefix = || text.parse().map(|p: IpNet| self.addresses.prefix(p).to_string());
        address.or_else(|_| prefix()).ok()
    }

    /// What stands for the name of an interface in a rule of nftables. The beginning of names that say something becomes one that nobody knows:
    /// of the names that stand for others it is not the beginning.
    fn pattern(&self, text: &str) -> std::result::Result<String, String> {
        match text.strip_suffix('*') {
            Some(start) if start.is_empty() || names::is_generic(start) => Ok(text.to_owned()),
            Some(_) => Ok(HIDDEN_PATTERN.to_owned()),
            // An empty name is that of no interface.
            None if text.is_empty() => Ok(String::new()),
            None => Ok(self.names.interface(text).unwrap_or_default()),
        }
    }

    /// An event of the recorder, where all of its words are known.
    fn event(&self, text: &str) -> String {
        let mut before = "";
        let word = |word| {
            let is_name = std::mem::replace(&mut before, word) == "link";
            if is_name {
                return self.names.interface(word);
            }
            if known::EVENT_WORDS.contains(&word) || forms::is_number(word) {
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
        let number = self.others.entry(text.to_owned()).or_insert(number);
        format!("other{number}")
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
            Kind::Version => Ok(forms::version(text)),
            Kind::Daemon => Ok(forms::daemon(text)),
            Kind::Time => Ok(if forms::is_time(text) { text.to_owned() } else { String::new() }),
            Kind::Cause => Ok(listed(recorded::SUMMARIES, "left out")),
            Kind::Hostname => Ok("host".to_string()),
            Kind::FreeText => Ok(String::new()),
            Kind::InterfaceName => self
                .names
                .interface(text)
                .ok_or_else(|| format!("{object}.{key}: an interface name that was not counted")),
            Kind::InterfacePattern => self.pattern(text),
            Kind::FilterName(of) => Ok(self.filter_names.name(of, text)),
            Kind::FilterComment => Ok(self.filter_names.comment(text)),
            Kind::PeerName => Ok(self.names.peer(text)),
            Kind::HookEntry => Ok(self.names.hook_entries(text)),
            Kind::LogLine => Ok(self.names.log_line(text)),
            Kind::Event => Ok(self.event(text)),
            Kind::Anything if text.is_empty() || known::ANY.contains(&text) => Ok(text.to_owned()),
            Kind::Anything => Ok(self.address(text).unwrap_or_else(|| self.other(text))),
            Kind::Address => self
                .address(text)
                .ok_or_else(|| format!("{object}.{key}: expected an address, found another text")),
        }
    }
}

impl<K: BuildHasher> Change for Redaction<'_, '_, K> {
    fn change(
        &mut self,
        text: &str,
        object: &str,
        key: &str,
    ) -> std::result::Result<Option<String>, String> {
        self.replaced(text, object, key).map(Some)
    }
}
