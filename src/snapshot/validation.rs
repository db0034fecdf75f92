//! What VyOS filters by the way back of a packet's source (`source-validation`), in rules of nftables. Plain data; it decides nothing.

use super::Family;
use serde::{Deserialize, Serialize};

/// A rule that drops packets by the way back of their source, with its counter: `[iifname IF] fib saddr [. iif] oif 0 counter drop` in
/// the chains of VyOS (`ip raw`, `ip6 raw`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceValidation {
    /// Of the packets that it sees.
    pub family: Family,
    /// The interface that they come in by; none where the rule is for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Whether the way back must leave by the same interface; else any way back will do.
    pub strict: bool,
    /// Packets dropped since the rule was made.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
}
