//! The changes as they are found, and how a change is said. It compares nothing itself.

use crate::report::diff::Change;
use crate::snapshot::{Missing, Observed, Reason, Snapshot, Source};

/// What is said of a source that was read of one state only.
pub(super) const NOT_KNOWN: &str = " is not known: ";

/// Collects changes of one source.
#[derive(Default)]
pub(super) struct Changes {
    pub all: Vec<Change>,
    /// Error counters that are higher: what they mean, the other changes say.
    pub counted: Vec<Change>,
    /// What was read of neither state.
    pub unknown: Vec<Source>,
}

impl Changes {
    pub(super) fn say(&mut self, source: Source, interface: Option<&str>, text: impl Into<String>) {
        self.all.push(Change {
            source: source.name(),
            interface: interface.map(str::to_owned),
            text: text.into(),
        });
    }

    pub(super) fn count(&mut self, source: Source, interface: Option<&str>, text: String) {
        let interface = interface.map(str::to_owned);
        self.counted.push(Change { source: source.name(), interface, text });
    }

    /// Both lists where both were read; what was read of one state only, or of neither, is said. What neither system has is no difference.
    pub(super) fn both<'a, T>(
        &mut self,
        a: &'a Observed<T>,
        b: &'a Observed<T>,
    ) -> Option<(&'a T, &'a T)> {
        let one = |missing: &Missing, which: &str| {
            (missing.source, format!("{} of {which}{NOT_KNOWN}{}", missing.source, missing.reason))
        };
        match (a, b) {
            (Ok(a), Ok(b)) => return Some((a, b)),
            (Err(missing), Ok(_)) => {
                let (source, text) = one(missing, "A");
                self.say(source, None, text);
            }
            (Ok(_), Err(missing)) => {
                let (source, text) = one(missing, "B");
                self.say(source, None, text);
            }
            (Err(a), Err(b)) if a.reason == Reason::Absent && b.reason == Reason::Absent => {}
            (Err(missing), Err(_)) => self.unknown.push(missing.source),
        }
        None
    }
}

/// Whether what names interfaces by their numbers can be compared: not where their names are known of one state only.
pub(super) const fn has_names(a: &Snapshot, b: &Snapshot) -> bool {
    a.links.is_ok() == b.links.is_ok()
}

/// The members of `a` that are not in `b`, as many times as they are there.
pub(super) fn only<'a, T: PartialEq>(a: &'a [T], b: &[T]) -> Vec<&'a T> {
    let mut left: Vec<&T> = b.iter().collect();
    let mut only = Vec::new();
    for one in a {
        match left.iter().position(|other| *other == one) {
            Some(at) => drop(left.swap_remove(at)),
            None => only.push(one),
        }
    }
    only
}

/// `7, was 8`.
pub(super) fn was(now: impl std::fmt::Display, before: impl std::fmt::Display) -> String {
    format!("{now}, was {before}")
}
