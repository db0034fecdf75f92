//! 9xx: the past, and what is left unexplained. One file for each cause, named after it; a check neither reads the system nor prints.

pub mod past_errors_only;
pub mod recorded_losses;
pub mod unexplained;
