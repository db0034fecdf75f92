//! The steps of one packet's way, as the model takes them, and what ends it early. It decides nothing.

use super::site::Site;
use crate::report::Step;
use crate::snapshot::{Missing, Reason, Source};

/// What ends the walk early: a site, or a missing fact on the way. `?` works on both.
pub(super) struct End(pub(super) Site);

impl From<Missing> for End {
    fn from(missing: Missing) -> Self {
        End(Site::Undecided(missing))
    }
}

pub(super) type Walk<T> = Result<T, End>;

/// The steps so far.
#[derive(Default)]
pub(super) struct Trail(pub(super) Vec<Step>);

impl Trail {
    pub(super) fn step(
        &mut self,
        name: &'static str,
        looked_at: impl Into<String>,
        result: impl Into<String>,
    ) {
        self.with_notes(name, looked_at, result, Vec::new());
    }

    pub(super) fn with_notes(
        &mut self,
        name: &'static str,
        looked_at: impl Into<String>,
        result: impl Into<String>,
        notes: Vec<String>,
    ) {
        self.0.push(Step { name, looked_at: looked_at.into(), result: result.into(), notes });
    }
}

/// A fact that no state which can be read decides.
pub(super) fn undecidable(source: Source, what: impl Into<String>) -> Missing {
    Missing::new(source, Reason::Undecidable, what)
}
