//! What becomes of a packet at a hook, and by which rule. It decides nothing.

use crate::snapshot::filter::{Chain, Rule};
use std::borrow::Cow;

/// What becomes of a packet at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate<'r> {
    /// It passes.
    Passes,
    /// It is dropped.
    Dropped(By<'r>),
    /// It may be dropped by this, and cannot be known because of the doubt.
    Unknown(Option<By<'r>>, Doubt<'r>),
}

/// What drops a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By<'r> {
    /// The chain.
    pub chain: &'r Chain,
    /// The rule; none for the policy of the chain.
    pub rule: Option<&'r Rule>,
    /// How.
    pub how: How,
}

/// How a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Without a word.
    Drop,
    /// Its sender is told.
    Reject,
    /// A program decides, or nobody does.
    Queue,
    /// A target of iptables does something that is not known.
    Target,
}

/// Why it is not known what becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt<'r> {
    /// The chain of the rule that cannot be decided; none where it is no rule of nftables.
    pub chain: Option<&'r Chain>,
    /// The rule.
    pub rule: Option<&'r Rule>,
    /// What it asks that is not known.
    pub of: Cow<'static, str>,
}

/// A rule whose conditions a packet meets, for the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met<'r> {
    /// Its chain.
    pub chain: &'r Chain,
    /// The rule.
    pub rule: &'r Rule,
    /// Whether it is certain that the packet comes to it and meets them.
    pub is_certain: bool,
}
