//! Asks systemd's journal for the last lines of charon and of VyOS's hook. The format of the journal's files is internal to systemd and
//! changes (compression, compact files, hashes), so systemd's own reader reads them: `/usr/bin/journalctl`, and no other program.
//!
//! No input of the caller reaches it: the path and the arguments are fixed, its environment is empty, its directory is `/`, its input is
//! `/dev/null`; it has two seconds, and its output is bounded. No argument of `vti-diagnostics` is in its command line.

use super::failure::Failure;
use super::readable::is_readable;
use crate::snapshot::Reason;
use crate::wire::journal_entry;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "/usr/bin/journalctl";

/// Its time limit.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of its output: the newest entries come first, so only the oldest are cut off.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// This boot's entries of root's processes with these names, newest first: every user may log under any name, but not as root. charon logs as
/// `charon-systemd` to the journal and as `charon` to syslog (VyOS, `charon_logging.conf.j2`); the hook is `vti-up-down`.
const ARGUMENTS: [&str; 12] = [
    "--no-pager",
    "--quiet",
    "--boot",
    "--reverse",
    "--lines=4000",
    "--output=json",
    "--output-fields",
    journal_entry::FIELDS,
    "_UID=0",
    "SYSLOG_IDENTIFIER=charon",
    "SYSLOG_IDENTIFIER=charon-systemd",
    "SYSLOG_IDENTIFIER=vti-up-down",
];

/// The lines, oldest first; none where the journal has no such line that this process may read.
pub(super) fn lines() -> Result<Vec<String>, Failure> {
    read(Command::new(PROGRAM).args(ARGUMENTS), PATIENCE)
        .map_err(|failure| failure.in_operation(&format!("read the journal with {PROGRAM}")))
}

fn read(command: &mut Command, patience: Duration) -> Result<Vec<String>, Failure> {
    let deadline = Instant::now() + patience;
    let mut process = command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = process.stdout.take();
    let read =
        output.map_or_else(|| Ok(Output::default()), |output| output_until(output, deadline));
    let status = end(&mut process, deadline);
    let output = read?;
    let text = String::from_utf8_lossy(&output.bytes);
    let mut lines: Vec<String> = text
        .split_inclusive('\n')
        // The last line may be incomplete.
        .filter(|entry| entry.ends_with('\n'))
        .flat_map(|entry| journal_entry::lines(entry).into_iter().rev())
        .collect();
    lines.reverse();
    match (output.is_whole, status) {
        _ if !lines.is_empty() => Ok(lines),
        (false, _) => Err(Failure::new(Reason::TimedOut, "no answer in time")),
        (true, Some(0)) => Ok(lines),
        (true, _) => Err(Failure::new(Reason::Failed, "it exited with an error")),
    }
}

#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    /// It exited by itself.
    is_whole: bool,
}

/// The process's output until it ends, its time is over, or the output is too long.
fn output_until(mut from: ChildStdout, deadline: Instant) -> Result<Output, Failure> {
    let (mut bytes, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    while bytes.len() < MOST_BYTES && is_readable(from.as_fd(), deadline)? {
        match from.read(&mut piece)? {
            0 => return Ok(Output { bytes, is_whole: true }),
            read => bytes.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    }
    Ok(Output { bytes, is_whole: false })
}

/// Its exit status if it ends in time. Otherwise it is killed and waited for only briefly: a hanging disk would delay it further.
fn end(process: &mut Child, deadline: Instant) -> Option<i32> {
    let deadline = deadline.max(Instant::now() + Duration::from_millis(100));
    loop {
        match process.try_wait() {
            Ok(Some(status)) => return status.code(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            _ => break,
        }
    }
    let _ = process.kill();
    std::thread::sleep(Duration::from_millis(20));
    process.try_wait().ok().flatten().and_then(|status| status.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(lines: &str) -> Result<Vec<String>, Failure> {
        read(Command::new("/bin/sh").args(["-c", lines]), Duration::from_millis(500))
    }

    const ENTRY: &str = r#"echo '{"MESSAGE":"NAME","SYSLOG_IDENTIFIER":"charon","_PID":"1"}'; "#;

    #[test]
    fn the_newest_come_first_and_are_kept_last() {
        let text = format!("{}{}", ENTRY.replace("NAME", "new"), ENTRY.replace("NAME", "old"));
        assert_eq!(shell(&text).unwrap(), ["charon[1]: old", "charon[1]: new"]);
    }

    #[test]
    fn a_reader_that_hangs_costs_its_time_and_not_what_it_said() {
        let began = Instant::now();
        assert_eq!(shell(&format!("{ENTRY} printf '{{\"MESS'; exec sleep 30")).unwrap().len(), 1);
        assert_eq!(shell("exec sleep 30").unwrap_err().reason, Reason::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_reader_that_fails_is_no_empty_journal() {
        assert_eq!(shell("exit 1").unwrap_err().reason, Reason::Failed);
        assert_eq!(shell("true").unwrap(), [""; 0]);
        let gone = read(&mut Command::new("/gone/journalctl"), PATIENCE).unwrap_err();
        assert_eq!(gone.reason, Reason::Absent);
    }

    #[test]
    fn what_it_writes_is_bounded() {
        let began = Instant::now();
        let _ = shell("exec cat /dev/zero");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn nothing_of_the_caller_reaches_it() {
        let text = r#"echo "{\"MESSAGE\":\"$(env | grep -vE '^(PWD|SHLVL|_|OLDPWD)=' | wc -l) $PWD $(readlink /proc/self/fd/0)\",\"_PID\":\"1\"}""#;
        let said = shell(&format!("PATH=/usr/bin:/bin; {text}")).unwrap();
        assert!(said[0].ends_with("0 / /dev/null"), "{said:?}");
    }
}
