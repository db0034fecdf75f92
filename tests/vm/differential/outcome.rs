//! What a case is to those who run, shrink and count cases, in either direction: parts that can be left out, and outcomes in words.

use crate::Fallible;
use std::fmt::Display;
use vti_diagnostics::report::Step;
use vti_diagnostics::snapshot::Snapshot;

/// A case that can be run and made smaller.
pub trait Case: Clone + Display {
    /// Builds it, sends its packets, and compares.
    fn run(&self) -> Fallible<Trial>;

    /// How many parts can be left out. Later ones are less needed by the others.
    fn parts(&self) -> usize;

    /// The same without the part of this number.
    fn without(&self, index: usize) -> Self;
}

/// What became of one packet.
pub struct Outcome {
    /// The packet as it was sent.
    pub packet: String,
    /// The class of the model's answer, for counting.
    pub class: String,
    /// The answer.
    pub site: String,
    /// What would have to be known, where the model leaves it open.
    pub open: Option<String>,
    /// How it came to it.
    pub steps: Vec<Step>,
    /// What it was predicted from.
    pub snapshot: Snapshot,
    /// Where the kernel did something else, one line each.
    pub differences: Vec<String>,
}

/// What became of the packets that could be compared.
#[derive(Default)]
pub struct Trial {
    pub outcomes: Vec<Outcome>,
    /// Packets that do not get into their tunnel, or whose counters another packet moves as well.
    pub incomparable: u64,
    /// What the kernel refused of the lines.
    pub refused: String,
}

impl Trial {
    /// Whether the kernel and the model differ.
    pub fn disagrees(&self) -> bool {
        self.outcomes.iter().any(|outcome| !outcome.differences.is_empty())
    }
}

/// The first word of a value's debug text: the name of its variant.
pub fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// Leaves out the part of this number of several lists that are counted one after the other; false where none has it.
pub fn leave_out(index: usize, lists: &mut [&mut dyn List]) -> bool {
    let mut rest = index;
    for list in lists {
        match rest.checked_sub(list.length()) {
            Some(behind) => rest = behind,
            None => {
                list.leave_out(rest);
                return true;
            }
        }
    }
    false
}

/// A list of any parts.
pub trait List {
    fn length(&self) -> usize;
    fn leave_out(&mut self, index: usize);
}

impl<T> List for Vec<T> {
    fn length(&self) -> usize {
        self.len()
    }

    fn leave_out(&mut self, index: usize) {
        self.remove(index);
    }
}
