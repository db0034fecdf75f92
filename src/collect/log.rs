//! Reads what charon and VyOS's updown hook said lately, from the end of the system's log file. Bounded; it follows no symbolic link,
//! and starts no program: where only the journal has it, it is not read.

use super::configuration::regular_file;
use super::failure::Failure;
use crate::snapshot::{Observed, Reason, Source};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// Where VyOS and Debian with rsyslog write it.
const FILES: [&str; 2] = ["/var/log/messages", "/var/log/syslog"];
/// What is read of the end of a file.
const TAIL: u64 = 512 * 1024;
/// The last lines that are kept.
const MOST_LINES: usize = 400;
/// The letters of a line that are kept.
const MOST_LETTERS: usize = 400;

/// Lines of charon and of `vti-up-down`, oldest first.
pub(super) fn charon_log() -> Observed<Vec<String>> {
    let read = || {
        for path in FILES {
            match tail(Path::new(path)) {
                Err(Failure { reason: Reason::Absent, .. }) => {}
                text => {
                    let text = text.map_err(|f| f.in_operation(&format!("read {path}")))?;
                    return Ok(lines(&text));
                }
            }
        }
        Err(Failure::new(Reason::Absent, format!("neither {} exists", FILES.join(" nor "))))
    };
    read().map_err(|failure| failure.missing(Source::CharonLog))
}

fn tail(path: &Path) -> Result<String, Failure> {
    let mut file = regular_file(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    match file.take(TAIL).read_to_end(&mut bytes) {
        Err(error) if error.kind() != ErrorKind::Interrupted => Err(error.into()),
        _ => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The lines whose program is charon (also as a unit, `charon-systemd`), or the hook.
fn lines(text: &str) -> Vec<String> {
    let ours = |line: &&str| {
        let program = line.split_ascii_whitespace().take(6).find(|word| word.ends_with(':'));
        program.is_some_and(|p| p.starts_with("charon") || p.starts_with("vti-up-down"))
    };
    let mut found: Vec<String> =
        text.lines().filter(ours).map(|line| line.chars().take(MOST_LETTERS).collect()).collect();
    found.drain(..found.len().saturating_sub(MOST_LINES));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_charon_and_of_the_hook_are_kept() {
        let text = "\
Nov 23 03:00:00 gw1 charon[812]: 05[IKE] <AWS|3> received AUTHENTICATION_FAILED notify error
2026-11-23T03:00:01+00:00 gw1 charon-systemd[812]: 05[IKE] giving up after 5 retransmits
Nov 23 03:00:02 gw1 kernel: charon was here
Nov 23 03:00:03 gw1 vti-up-down: Interface vti1 up-client AWS-vti
";
        let kept = lines(text);
        assert_eq!(kept.len(), 3);
        assert!(kept.iter().any(|line| line.contains("AUTHENTICATION_FAILED")));
        assert!(kept.iter().any(|line| line.contains("vti-up-down")));
    }

    #[test]
    fn a_flood_keeps_its_end() {
        let text: String =
            (0..2000).map(|n| format!("Nov 23 03:00:00 gw1 charon: {n}\n")).collect();
        let kept = lines(&text);
        assert_eq!(kept.len(), MOST_LINES);
        assert!(kept.last().is_some_and(|line| line.ends_with("1999")));
    }
}
