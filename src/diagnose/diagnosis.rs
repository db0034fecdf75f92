//! What a diagnosis is: a code, a text, what masks it, and a check. It runs none.

use super::case::Case;
use super::found::Found;
pub use super::unconfirmed::Unconfirmed;
use crate::code::{Code, Info};

/// One cause that can be diagnosed.
pub struct Diagnosis {
    /// Its code, for ever; [`Code::info`] has its name and all else that is known without a host.
    pub code: Code,
    /// What happens, why (the kernel site), how to confirm, what to do.
    pub explain: &'static str,
    /// Causes that have this one as their consequence: where one of them is confirmed, this one is masked.
    pub masked_by: MaskedBy,
    /// Whether the cause holds: a pure function, which reads nothing and prints nothing.
    pub check: fn(&Case<'_>) -> Outcome,
}

/// The causes that mask another one. A cause never masks itself.
#[derive(Clone, Copy)]
pub enum MaskedBy {
    /// Those named.
    Codes(&'static [Code]),
    /// All of which this holds.
    Where(fn(&Info) -> bool),
}

impl MaskedBy {
    /// It is nobody's consequence.
    pub const NONE: MaskedBy = MaskedBy::Codes(&[]);

    /// Whether `cause` masks the diagnosis of `code`, which this belongs to.
    pub fn holds(&self, code: Code, cause: Code) -> bool {
        code != cause
            && match self {
                MaskedBy::Codes(codes) => codes.contains(&cause),
                MaskedBy::Where(is_cause) => is_cause(&cause.info()),
            }
    }
}

/// What a check comes to: the cause holds, or why that is not said. `?` on a source that was not read makes it undetermined.
pub type Outcome = Result<Found, Unconfirmed>;
