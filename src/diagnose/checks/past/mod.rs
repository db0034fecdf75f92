//! 9xx: the past, and what is left unexplained. One file a cause, by its name; a check reads nothing and prints nothing.

pub mod past_errors_only;
pub mod recorded_losses;
pub mod unexplained;
