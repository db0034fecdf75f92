//! The output of `monitor` as data: what changed from one report to the next. It is only shown as text, so it is no contract with other
//! programs.

use super::Verdict;
use super::time::Time;
use crate::code::Code;

/// The changes that one sample showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When.
    pub at: Time,
    /// Set for the first sample.
    pub first: Option<First>,
    /// What differs from the sample before; everything for the first one.
    pub changes: Vec<Change>,
}

/// The head of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// The number of followed VTIs.
    pub vtis: usize,
    /// The time from one sample to the next.
    pub interval_ms: u64,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The interface, or `host`.
    pub subject: String,
    /// What changed.
    pub what: What,
}

/// The kinds of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The interfaces cannot be read for this reason.
    Unreadable(String),
    /// It did not exist before.
    Appeared(Whole),
    /// It was recreated: another interface with the same name.
    Recreated(Whole),
    /// The link was deleted, but is configured.
    LinkDeleted(Whole),
    /// It was deleted.
    Deleted,
    /// A state has changed; none: it was not read before.
    State {
        /// The name of the state.
        name: &'static str,
        /// The old state.
        from: Option<String>,
        /// The new state.
        to: String,
    },
    /// The verdict or its first finding has changed.
    Verdict(Judgement),
    /// Packets are being lost now: so many since the sample before.
    Losing {
        /// How many.
        packets: u64,
        /// The time since that sample.
        milliseconds: u64,
    },
    /// No more packets are being lost: so many were, in total.
    NoMoreLosses {
        /// How many.
        packets: u64,
        /// The time from the first to the last.
        milliseconds: u64,
    },
}

/// All followed states of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The states that were read, with their names.
    pub states: Vec<(&'static str, String)>,
    /// The verdict.
    pub judgement: Judgement,
}

/// A verdict and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Code and summary of the first finding.
    pub finding: Option<(Code, String)>,
}
