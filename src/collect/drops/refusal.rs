//! Why the drop monitor cannot be used, in one sentence. The only thing it reads is which processes receive the reports of a monitor that is on.

use super::receivers::{Receiver, Receivers, receivers};
use crate::collect::failure::Failure;
use crate::error::Error;
use crate::snapshot::Reason;
use nix::errno::Errno;

/// The command that switches off a monitor that is on.
const STOP: &str = "`sudo vti-diagnostics drops --stop`";

/// The kernel refuses: the monitor is on already, or this process lacks the rights.
pub(super) fn refused(errno: Errno, group: u32) -> Error {
    match errno {
        Errno::EBUSY | Errno::EAGAIN => Error::DataUnavailable(is_on_already(receivers(group))),
        errno => cannot(errno.into()),
    }
}

/// What is known about a monitor that is on.
fn is_on_already(receivers: std::result::Result<Receivers, Failure>) -> String {
    let who = match receivers {
        Err(failure) => {
            format!("which processes receive its reports could not be read: {}", failure.detail)
        }
        Ok(Receivers { processes, unseen }) => match (processes.as_slice(), unseen) {
            ([], 0) => {
                return format!(
                    "the drop monitor is on already, but no process receives its reports; \
                     perhaps a run was killed: {STOP} switches it off"
                );
            }
            ([], _) => "a process in another PID namespace receives its reports".to_string(),
            ([Receiver { pid, name }, ..], _) => {
                format!("process {pid} ({name}) receives its reports")
            }
        },
    };
    format!("the drop monitor is in use by another process: {who}; {STOP} switches it off anyway")
}

pub(super) fn absent() -> Error {
    Error::DataUnavailable(
        "this kernel has no drop monitor, or not in this network namespace; \
         `vti-diagnostics monitor` and `lookup` work without it"
            .to_string(),
    )
}

pub(super) fn cannot(failure: Failure) -> Error {
    let denied = failure.reason == Reason::Denied;
    let sentence = failure.in_operation("use the drop monitor").detail;
    if denied { Error::PermissionDenied(sentence) } else { Error::DataUnavailable(sentence) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_that_is_on_already_is_told_of_with_who_receives_its_reports() {
        let receiver = Receiver { pid: 7, name: "dropwatch".into() };
        let said = |processes, unseen| is_on_already(Ok(Receivers { processes, unseen }));
        for (sentence, expected) in [
            (said(vec![], 0), "no process receives its reports"),
            (said(vec![receiver], 1), "process 7 (dropwatch) receives its reports"),
            (said(vec![], 1), "a process in another PID namespace receives its reports"),
            (is_on_already(Err(Errno::EACCES.into())), "could not be read: permission denied"),
        ] {
            assert!(sentence.contains(expected), "{sentence}");
            assert!(sentence.contains("`sudo vti-diagnostics drops --stop`"), "{sentence}");
        }
    }
}
