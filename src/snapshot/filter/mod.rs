//! The rules of nftables, as far as they decide what becomes of a packet: chains, rules, sets and maps, in the terms of packets. Plain
//! data; it decides nothing. Registers and bytes are gone: each condition names the fields that it compares (`wire::nft` works that out).
//!
//! What the reader does not understand stays in its place as [`Field::Other`], [`Value::Unknown`] or [`Step::Undecided`], and keeps the
//! rule from being decided; nothing is left out that could decide over a packet.

mod rule;
mod rule_name;
mod value;

use super::default::is_default;
use super::short;
use serde::{Deserialize, Serialize};

pub use rule::{Counter, Match, Nat, Rule, SetMark, Step, Translation, Verdict, VerdictMap};
pub use rule_name::rule_name;
pub use value::{FibQuery, Field, HIDDEN_PATTERN, Part, Range, Value};

/// The rules of nftables of this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruleset {
    /// The chains of all tables that are not dormant. Chains of one hook with the same priority are in the order in which the kernel lists
    /// them, which is the one in which it asks them.
    #[serde(default)]
    pub chains: Vec<Chain>,
    /// The sets and maps that the rules of these chains look something up in.
    #[serde(default)]
    pub sets: Vec<Set>,
    /// Tables of the older iptables (`/proc/net/ip_tables_names`, `ip6_tables_names`): their rules are not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legacy: Vec<LegacyTable>,
}

/// The family of a table (NFPROTO_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFamily {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
    /// What a device receives or sends, before or after all others.
    Netdev,
    /// Frames that a bridge forwards, receives or sends.
    Bridge,
}

impl TableFamily {
    /// The word of nft.
    pub const fn name(self) -> &'static str {
        match self {
            TableFamily::Ip => "ip",
            TableFamily::Ip6 => "ip6",
            TableFamily::Inet => "inet",
            TableFamily::Netdev => "netdev",
            TableFamily::Bridge => "bridge",
        }
    }
}

/// A table of iptables-legacy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LegacyTable {
    /// `ip` or `ip6`.
    pub family: TableFamily,
    /// `filter`, `nat`, `mangle`, `raw` or `security`.
    pub table: String,
}

/// A chain (NFT_MSG_NEWCHAIN) and its rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name in the table.
    pub chain: String,
    /// What makes the kernel ask it; none for a chain that only rules lead to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Its rules, in their order.
    #[serde(default, deserialize_with = "short::list", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// Where the kernel asks a chain (NFTA_CHAIN_HOOK, NFTA_CHAIN_TYPE, NFTA_CHAIN_POLICY).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The place on a packet's way.
    pub hook: Hook,
    /// What its rules are for.
    pub kind: Kind,
    /// Its place among the chains of a hook, lowest first.
    pub priority: i32,
    /// Whether its policy drops what no rule decides.
    #[serde(default, skip_serializing_if = "is_default")]
    pub drops: bool,
    /// The devices that it is for; of the hooks ingress and egress alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
}

/// A hook (NF_INET_*, NF_NETDEV_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of nft")]
pub enum Hook {
    Ingress,
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
    Egress,
}

impl Hook {
    /// The word of nft.
    pub const fn name(self) -> &'static str {
        match self {
            Hook::Ingress => "ingress",
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
            Hook::Egress => "egress",
        }
    }
}

/// The type of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It passes and drops.
    Filter,
    /// It is asked for the first packet of a connection, and translates.
    Nat,
    /// In OUTPUT: the packet is routed again where its mark, addresses or TOS changed.
    Route,
}

/// A set or a map (NFT_MSG_NEWSET) with its elements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name there; of a set without a name the one that the kernel gave it.
    pub set: String,
    /// Why its elements are not known; none where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// Its elements. Those of a plain set with one field are one element with many values.
    #[serde(default, deserialize_with = "short::list", skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Element>,
}

/// Why the elements of a set are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unread {
    /// It has too many.
    TooMany,
    /// There are too many sets.
    TooManySets,
    /// Reading them failed, or they were of no known form.
    Failed,
}

/// An element of a set, or several with the same verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// The values: one for each field; none for what is in no other element.
    #[serde(default, deserialize_with = "short::list", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Its verdict, of a map of verdicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Ruleset {
    /// The chain of this name.
    pub fn chain(&self, family: TableFamily, table: &str, chain: &str) -> Option<&Chain> {
        self.chains.iter().find(|c| c.family == family && c.table == table && c.chain == chain)
    }

    /// The questions for routes that its rules ask, each once.
    pub fn fib_queries(&self) -> Vec<FibQuery> {
        let mut asked = Vec::new();
        let rules = self.chains.iter().flat_map(|chain| &chain.rules);
        for step in rules.flat_map(|rule| &rule.steps) {
            let parts: &[Part] = match step {
                Step::Match(condition) => &condition.of,
                Step::VerdictMap(map) => &map.of,
                _ => &[],
            };
            for part in parts {
                match part.field {
                    Field::Fib(query) if !asked.contains(&query) => asked.push(query),
                    _ => {}
                }
            }
        }
        asked
    }

    /// The set of this name.
    pub fn set(&self, family: TableFamily, table: &str, set: &str) -> Option<&Set> {
        self.sets.iter().find(|s| s.family == family && s.table == table && s.set == set)
    }
}
