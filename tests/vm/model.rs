//! What the transmit model says the kernel will do with a scenario's packets, asked before they are sent.

use crate::case::Case;
use crate::counters::Counters;
use crate::traffic::Traffic;

/// A prediction in the same words as the kernel's counters, without those that do not move.
#[derive(Debug)]
pub struct Prediction {
    pub counters: Counters,
    /// The kernel function and condition.
    pub site: String,
}

/// The prediction for this traffic through t0, from the state of this process's namespace. None: the model has no answer.
pub fn model_prediction(_case: &Case, _traffic: &[Traffic]) -> Option<Prediction> {
    None
}
