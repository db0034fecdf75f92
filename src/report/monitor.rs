//! What `monitor` tells, as data: what changed from one report to the next. It is shown as text alone, so it is no contract with other
//! programs.

use super::Verdict;
use super::time::Time;
use crate::code::Code;

/// What one look at the system showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When.
    pub at: Time,
    /// It is the first one.
    pub first: Option<First>,
    /// What is different from the look before; everything that is there, the first time.
    pub changes: Vec<Change>,
}

/// What is said once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// How many VTIs are followed.
    pub vtis: usize,
    /// From one look to the next.
    pub interval_ms: u64,
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The interface, or `host`.
    pub subject: String,
    /// What.
    pub what: What,
}

/// What can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The interfaces cannot be read, for this reason.
    Unreadable(String),
    /// It was not there before.
    Appeared(Whole),
    /// It is another one of the same name.
    Recreated(Whole),
    /// There is no such link any more, but it is configured.
    LinkDeleted(Whole),
    /// It is gone.
    Deleted,
    /// A state is another one; none: it was not read before.
    State {
        /// Whose state.
        name: &'static str,
        /// What it was.
        from: Option<String>,
        /// What it is.
        to: String,
    },
    /// The verdict is another one, or its first finding.
    Verdict(Judgement),
    /// Packets are lost now: so many since the look before, so long ago.
    Losing {
        /// How many.
        packets: u64,
        /// In what time.
        milliseconds: u64,
    },
    /// No more are lost: so many were, in all.
    NoMoreLosses {
        /// How many.
        packets: u64,
        /// From the first to the last.
        milliseconds: u64,
    },
}

/// Everything that is followed of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// States by their names, those that were read.
    pub states: Vec<(&'static str, String)>,
    /// What to make of it.
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
