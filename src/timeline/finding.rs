//! The finding of a diagnosis while packets were lost, as far as gaps and causes need it.

use crate::code::Code;

/// Code and summary of the first finding.
pub type Finding = (Code, String);
