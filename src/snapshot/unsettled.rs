//! What changed while SAs, policies and charon's list of them were read: what is missing there may have been missing for a moment only. Plain
//! data; whether a finding depends on it is not decided here.

use super::default::is_default;
use super::{IfId, Mark, Policy, Sa};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What changed during the last reading of the lists, or since the reading before it. Empty where nothing changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    /// Any SA and any policy may have changed: the kernel's messages about changes were lost or could not be received.
    #[serde(default, skip_serializing_if = "is_default")]
    pub any: bool,
    /// What is known to have changed, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
}

/// What assigns a changed SA or policy to an interface; nothing else of it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Changed {
    /// XFRMA_IF_ID.
    #[serde(default, skip_serializing_if = "is_default")]
    pub if_id: IfId,
    /// XFRMA_MARK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mark: Mark,
    /// Outer source address, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// Outer destination address, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<IpAddr>,
}

impl Unsettled {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        !self.any && self.changed.is_empty()
    }
}

impl From<&Sa> for Changed {
    fn from(sa: &Sa) -> Self {
        let Sa { if_id, mark, source, destination, .. } = *sa;
        Self { if_id, mark, source: Some(source), destination: Some(destination) }
    }
}

impl From<&Policy> for Changed {
    fn from(policy: &Policy) -> Self {
        let Policy { if_id, mark, .. } = *policy;
        let outer = policy.templates.last();
        let (source, destination) = (outer.map(|t| t.source), outer.map(|t| t.destination));
        Self { if_id, mark, source, destination }
    }
}
