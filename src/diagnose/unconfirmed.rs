//! Why a check does not confirm its cause.

use crate::snapshot::Missing;

/// Why a cause is not reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// It was checked and is not present.
    RuledOut,
    /// It does not apply here; the reason.
    NotApplicable(&'static str),
    /// It is unknown; what could not be read.
    Undetermined(Missing),
}

impl From<Missing> for Unconfirmed {
    fn from(missing: Missing) -> Self {
        Unconfirmed::Undetermined(missing)
    }
}
