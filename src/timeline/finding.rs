//! What a diagnosis said while packets were lost, as far as gaps and causes need it.

/// Code and summary of the first finding.
pub type Finding = (u16, String);
