//! VyOS's nftables rules that drop packets by the reverse path of their source (`source-validation`). Plain data; it decides nothing.

use super::{Family, short};
use serde::{Deserialize, Serialize};

/// What drops packets by the reverse path of their source in VyOS's chains (`ip raw`, `ip6 raw`), with its counter: one rule,
/// `[iifname IF] fib saddr [. iif] oif 0 counter drop`, or one rule that passes packets with a reverse path and one that drops the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceValidation {
    /// Of the packets that it sees.
    pub family: Family,
    /// The interface on which they arrive; none where the rule is for a set of interfaces or for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The set of interfaces on which they arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<InterfaceSet>,
    /// Whether the reverse path must lead into the same interface; otherwise any reverse path will do.
    pub strict: bool,
    /// Packets dropped since the rule was created.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The rule has a form that the program does not know, and may drop any packet (of that interface, if it names one): then the other
    /// fields mean nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<UnknownRule>,
}

/// A set of interfaces, as `@rpfilter_strict_ifaces` (T9152).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InterfaceSet {
    /// Its name.
    pub name: String,
    /// Its members.
    #[serde(default, deserialize_with = "short::list")]
    pub interfaces: Vec<String>,
}

/// A rule of an unknown form, and where to find it: `nft -a list chain ip raw CHAIN`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnknownRule {
    /// Its chain.
    pub chain: String,
    /// Its number there.
    pub handle: u64,
    /// The expression that is not known, by the kernel's name (`struct nft_expr_type`).
    pub expression: String,
}

impl UnknownRule {
    /// The names of the kernel's expressions (`nft_register_expr()`): one that is none of them is called "other".
    pub const EXPRESSIONS: &[&str] = &[
        "bitwise",
        "byteorder",
        "cmp",
        "connlimit",
        "counter",
        "ct",
        "dup",
        "dynset",
        "exthdr",
        "fib",
        "flow_offload",
        "fwd",
        "hash",
        "immediate",
        "inner",
        "last",
        "limit",
        "log",
        "lookup",
        "masq",
        "match",
        "meta",
        "nat",
        "notrack",
        "numgen",
        "objref",
        "osf",
        "payload",
        "queue",
        "quota",
        "range",
        "redir",
        "reject",
        "rt",
        "socket",
        "synproxy",
        "target",
        "tproxy",
        "tunnel",
        "xfrm",
    ];
}

impl SourceValidation {
    /// Whether it is for packets that arrive on this interface only.
    pub fn is_of(&self, name: &str) -> bool {
        let only = self.set.as_ref().map(|set| set.interfaces.as_slice());
        self.unknown.is_none()
            && (self.interface.as_deref() == Some(name)
                || matches!(only, Some([only]) if only == name))
    }

    /// Whether it is for packets that arrive on this interface and some others, but not on all.
    pub fn is_shared_by(&self, name: &str) -> bool {
        let interfaces = self.set.iter().flat_map(|set| &set.interfaces);
        self.unknown.is_none() && !self.is_of(name) && interfaces.into_iter().any(|i| i == name)
    }

    /// Whether it is for all packets.
    pub const fn is_of_host(&self) -> bool {
        self.unknown.is_none() && self.interface.is_none() && self.set.is_none()
    }
}
