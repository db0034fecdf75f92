//! A rule of nftables as steps: conditions, and what becomes of a packet that meets them. Plain data.

use super::value::{Field, Part, Value};
use crate::snapshot::default::is_default;
use crate::snapshot::short;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One rule (NFT_MSG_NEWRULE).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its number in the table.
    pub handle: u64,
    /// Its comment, in which VyOS names the rule of the configuration.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// What it does, in its order: conditions, and what becomes of a packet that meets them all.
    #[serde(default, deserialize_with = "short::list", skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// A step of a rule (`struct nft_expr`, one or several).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A condition: a packet that does not meet it leaves the rule.
    Match(Match),
    /// A verdict for each of the keys of a map; a packet without an entry leaves the rule.
    VerdictMap(VerdictMap),
    /// What becomes of the packet.
    Verdict(Verdict),
    /// Packets that met the conditions before it.
    Counter(Counter),
    /// The mark of the packet becomes `mark & keep ^ flip`.
    SetMark(SetMark),
    /// The mark of the packet becomes a number that is not known from the rule alone.
    SetUnknownMark,
    /// The packet is not tracked.
    Untracked,
    /// The source or the destination is translated, and the packet accepted.
    Nat(Nat),
    /// These fields of the packet change.
    Rewrite(Vec<Field>),
    /// An expression of which it is not known whether a packet passes it.
    Undecided(String),
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// What is compared: one field, or several together.
    #[serde(deserialize_with = "short::list")]
    pub of: Vec<Part>,
    /// Whether the fields must not be among the values.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not: bool,
    /// The values: one for each field.
    #[serde(default, deserialize_with = "short::list", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// The set of the rule's table that has the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
}

/// A map of verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictMap {
    /// Its key.
    #[serde(deserialize_with = "short::list")]
    pub of: Vec<Part>,
    /// Its name.
    pub set: String,
}

/// A verdict (`struct nft_verdict`), or an expression that is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// This base chain lets the packet pass.
    Accept,
    /// It is dropped.
    Drop,
    /// It is dropped, and its sender told.
    Reject,
    /// The next rule.
    Continue,
    /// Back to the rule behind the jump; in a base chain, its policy.
    Return,
    /// The rules of this chain, and then the next rule.
    Jump(String),
    /// The rules of this chain.
    Goto(String),
    /// A program decides.
    Queue,
    /// A target of iptables of this name, which may do anything.
    Target(String),
}

/// A counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How a mark changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMark {
    /// The bits that stay.
    pub keep: u32,
    /// The bits that are turned afterwards.
    pub flip: u32,
}

/// A translation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nat {
    /// What it translates.
    pub what: Translation,
    /// The lowest new address; none where the rule has none (masquerade, a map, another port alone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<IpAddr>,
    /// The highest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<IpAddr>,
    /// Whether the host part of the address stays (NF_NAT_RANGE_NETMAP).
    #[serde(default, skip_serializing_if = "is_default")]
    pub netmap: bool,
    /// Whether the address stays, and only the port changes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub port_only: bool,
}

/// What a rule translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Translation {
    /// The source, to an address of the rule.
    Source,
    /// The destination, to an address of the rule.
    Destination,
    /// The source, to an address of the device by which the packet leaves.
    Masquerade,
    /// The destination, to this host.
    Redirect,
}

impl Rule {
    /// Where a text does not say the numbers of rules, theirs are this and their places in the chain, from 1. The kernel counts up from 1
    /// and never gets here.
    pub const UNNUMBERED: u64 = 1 << 63;

    /// Its place in its chain, from 1, where its number is not known.
    pub const fn place(&self) -> Option<u64> {
        match self.handle.checked_sub(Self::UNNUMBERED) {
            Some(0) | None => None,
            place => place,
        }
    }

    /// What it does, without what it counted.
    pub fn without_counts(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !matches!(step, Step::Counter(_)))
    }

    /// Whether it is the same rule as one of another moment: by its number, or where that is not known by its place and what it does.
    pub fn is_same(&self, other: &Rule) -> bool {
        let is_numbered = self.place().is_none() && other.place().is_none();
        self.handle == other.handle
            && (is_numbered || self.without_counts().eq(other.without_counts()))
    }

    /// What an operator counts it by: `rule 7`, its number in the table, or `rule number 3`, its place in the chain.
    pub fn called(&self) -> String {
        match self.place() {
            Some(place) => format!("rule number {place}"),
            None => format!("rule {}", self.handle),
        }
    }

    /// Its counter, where it has one behind all of its conditions: then it is the number of packets with its verdict.
    pub fn counter(&self) -> Option<Counter> {
        let counter = self.steps.iter().rposition(|step| matches!(step, Step::Counter(_)))?;
        let behind = self.steps.get(counter.saturating_add(1)..)?;
        let is_condition =
            |step: &Step| matches!(step, Step::Match(_) | Step::VerdictMap(_) | Step::Undecided(_));
        match self.steps.get(counter) {
            Some(Step::Counter(counter)) if !behind.iter().any(is_condition) => Some(*counter),
            _ => None,
        }
    }
}
