//! Why a read failed: the class of an errno or of a decoding error, with words for a person.

use crate::snapshot::{Missing, Reason, Source};
use crate::wire::WireError;
use nix::errno::Errno;
use std::io;

/// A failed read, before it is assigned to a source of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The class.
    pub reason: Reason,
    /// The error of the system; [`Failure::in_operation`] puts the operation before it.
    pub detail: String,
    /// The errno; none where the error is not the system's.
    pub errno: Option<Errno>,
}

impl Failure {
    /// A failure in words.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), errno: None }
    }

    /// `cannot read /proc/uptime: permission denied`: `operation` is the verb and its object.
    pub fn in_operation(self, operation: &str) -> Self {
        Self { detail: format!("cannot {operation}: {}", self.detail), ..self }
    }

    /// The missing value of `source`.
    pub fn missing(self, source: Source) -> Missing {
        Missing::new(source, self.reason, self.detail)
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        let reason = match errno {
            Errno::EPERM | Errno::EACCES => Reason::Denied,
            // ECONNREFUSED: the kernel does not have this netlink protocol.
            Errno::ENOENT
            | Errno::EPROTONOSUPPORT
            | Errno::EAFNOSUPPORT
            | Errno::EOPNOTSUPP
            | Errno::ECONNREFUSED => Reason::Absent,
            Errno::ETIMEDOUT => Reason::TimedOut,
            Errno::ENOBUFS | Errno::EMSGSIZE => Reason::Lost,
            Errno::ENODEV => Reason::Vanished,
            _ => Reason::Failed,
        };
        // The system's texts start in upper case; ours do not.
        let mut letters = errno.desc().chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let detail = first.into_iter().chain(letters).collect();
        Self { reason, detail, errno: Some(errno) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Errno::from_raw(number).into(),
            None => Self::new(Reason::Failed, error.to_string()),
        }
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::new(Reason::Malformed, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_becomes_its_class_and_its_words() {
        let of = |errno: Errno| Failure::from(errno).reason;
        assert_eq!(of(Errno::EPERM), Reason::Denied);
        assert_eq!(of(Errno::EACCES), Reason::Denied);
        assert_eq!(of(Errno::EPROTONOSUPPORT), Reason::Absent);
        assert_eq!(of(Errno::ENOENT), Reason::Absent);
        assert_eq!(of(Errno::ENOBUFS), Reason::Lost);
        assert_eq!(of(Errno::ENODEV), Reason::Vanished);
        assert_eq!(of(Errno::EINVAL), Reason::Failed);
        let failure = Failure::from(Errno::EPERM).in_operation("dump XFRM_MSG_GETSA");
        assert_eq!(failure.detail, "cannot dump XFRM_MSG_GETSA: operation not permitted");
        assert_eq!(failure.errno, Some(Errno::EPERM));
    }

    #[test]
    fn a_malformed_message_keeps_the_name_of_what_is_malformed() {
        let error = WireError::Short { what: "XFRMA_IF_ID", need: 4, have: 2 };
        let missing = Failure::from(error).in_operation("dump XFRM_MSG_GETSA");
        let missing = missing.missing(Source::SecurityAssociations);
        assert_eq!(missing.reason, Reason::Malformed);
        assert_eq!(missing.detail, "cannot dump XFRM_MSG_GETSA: XFRMA_IF_ID: need 4 bytes, have 2");
    }
}
