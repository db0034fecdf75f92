//! Why a check does not confirm its cause. A leaf: it decides nothing.

use crate::snapshot::Missing;

/// Why a cause is not reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// It was looked for and does not hold.
    RuledOut,
    /// The question does not arise here, and why.
    NotApplicable(&'static str),
    /// What would be needed to say.
    Undetermined(Missing),
}

impl From<Missing> for Unconfirmed {
    fn from(missing: Missing) -> Self {
        Unconfirmed::Undetermined(missing)
    }
}
