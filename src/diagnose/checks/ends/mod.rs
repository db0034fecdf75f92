//! 7xx: what the states of both ends say together. One file for each cause, named after it; a check reads nothing and prints nothing. Without a
//! capture of the other end none of them applies.

pub mod different_parameters;
pub mod different_sas;
pub mod different_selectors;
pub mod lost_between_the_ends;
pub mod refused_at_the_other_end;
