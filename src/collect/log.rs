//! Reads the recent log lines of charon and of VyOS's updown hook: from systemd's journal, or else from the end of the system's log file and of
//! the rotated one. It is bounded, follows no symbolic link, keeps each line once, and decides nothing about tunnels.

use super::configuration::regular_file;
use super::failure::Failure;
use super::journalctl;
use crate::snapshot::charon_log::Line;
use crate::snapshot::{Missing, Observed, Reason, Source};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// The log files of VyOS and of Debian with rsyslog, each with the file that was rotated last. VyOS rotates at 262,144 bytes
/// (`data/templates/rsyslog/rsyslog.conf.j2`), which a busy router writes in minutes.
const FILES: [[&str; 2]; 2] =
    [["/var/log/messages", "/var/log/messages.1"], ["/var/log/syslog", "/var/log/syslog.1"]];
/// Most bytes read from the end of a file.
const TAIL: u64 = 512 * 1024;
/// Most lines that are kept: the last ones.
const MOST_LINES: usize = 400;
/// Most characters of a line that are kept.
const MOST_LETTERS: usize = 400;
/// Within so many lines a repeated one is the same event, logged twice: charon logs to syslog and to the journal, and rsyslog of VyOS
/// (since 2025-01) receives each line twice (T6989, T9183).
const NEAR: usize = 16;

/// Lines of charon and of `vti-up-down` in the system's log file, oldest first. Starts no process.
pub(super) fn of_files() -> Observed<Vec<String>> {
    file(&FILES).map(kept).map_err(|failure| failure.missing(Source::CharonLog))
}

/// Those of systemd's journal, which has all lines of the log file and more; those of `of_files` if the journal has none.
pub(super) fn of_journal(of_files: Observed<Vec<String>>) -> Observed<Vec<String>> {
    first_that_has(journalctl::lines(), of_files)
}

fn first_that_has(
    journal: Result<Vec<String>, Failure>,
    file: Observed<Vec<String>>,
) -> Observed<Vec<String>> {
    let why = match journal.map(kept) {
        Ok(lines) if !lines.is_empty() => return Ok(lines),
        // A process without the right to read it sees an empty journal.
        Ok(_) if !nix::unistd::geteuid().is_root() => Some(Failure::new(
            Reason::Denied,
            "this user may not read the journal of root's processes",
        )),
        Ok(_) => None,
        Err(failure) => Some(failure),
    };
    match (file, why) {
        (Ok(lines), _) => Ok(lines),
        // The journal was read, but has no line of charon.
        (Err(Missing { reason: Reason::Absent, .. }), None) => Ok(Vec::new()),
        (Err(file), Some(journal)) if file.reason == Reason::Absent => {
            let detail = format!("{}; {}", journal.detail, file.detail);
            Err(Missing { reason: journal.reason, detail, ..file })
        }
        (Err(file), _) => Err(file),
    }
}

/// The lines of the first existing file; if that is short, also those of the rotated one.
fn file(files: &[[&str; 2]]) -> Result<Vec<String>, Failure> {
    let end = |path: &str, most| {
        tail(Path::new(path), most).map_err(|f| f.in_operation(&format!("read {path}")))
    };
    for [path, rotated] in files {
        let text = match end(path, TAIL) {
            Err(Failure { reason: Reason::Absent, .. }) => continue,
            text => text?,
        };
        let room = TAIL.saturating_sub(text.len() as u64);
        // It only adds older lines, so a failure to read it does not matter.
        let before = if room > 0 { end(rotated, room).unwrap_or_default() } else { String::new() };
        return Ok(before.lines().chain(text.lines()).map(str::to_owned).collect());
    }
    let names = files.iter().map(|[path, _]| *path).collect::<Vec<_>>();
    Err(Failure::new(Reason::Absent, format!("neither {} exists", names.join(" nor "))))
}

fn tail(path: &Path, most: u64) -> Result<String, Failure> {
    let mut file = regular_file(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    match file.take(most).read_to_end(&mut bytes) {
        Err(error) if error.kind() != ErrorKind::Interrupted => Err(error.into()),
        _ => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The lines whose program is charon (also as a unit, `charon-systemd`), or the hook: each once, the last of them. If there are too many, lines about single packets are left out before other lines.
fn kept(lines: Vec<String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in lines {
        let Some(parts) = Line::parse(&line) else { continue };
        let near = found.len().saturating_sub(NEAR);
        let earlier = found.iter_mut().skip(near).rev();
        let mut same =
            earlier.filter(|other| Line::parse(other).is_some_and(|o| is_one(&o, &parts)));
        match same.next() {
            Some(other) if tells_more(&parts, other) => *other = shortened(&line),
            Some(_) => {}
            None => found.push(shortened(&line)),
        }
    }
    let mut surplus = found.len().saturating_sub(MOST_LINES);
    found.retain(|line| {
        let is_left_out = surplus > 0 && is_traffic(line);
        surplus -= usize::from(is_left_out);
        !is_left_out
    });
    found.drain(..found.len().saturating_sub(MOST_LINES));
    found
}

fn shortened(line: &str) -> String {
    line.chars().take(MOST_LETTERS).collect()
}

/// Whether two lines report the same event: their messages are equal, and so are the fields that both have before the message.
fn is_one(one: &Line<'_>, other: &Line<'_>) -> bool {
    let same_text = |one: &str, other: &str| one.is_empty() || other.is_empty() || one == other;
    one.message == other.message
        && one.is_of_charon() == other.is_of_charon()
        && same_text(one.thread, other.thread)
        && same_text(one.group, other.group)
        && (one.group.is_empty()
            || other.group.is_empty()
            || (one.connection, one.unique_id) == (other.connection, other.unique_id))
}

/// Whether a line has more fields before its message than one that is kept already.
fn tells_more(line: &Line<'_>, kept: &str) -> bool {
    let worth = |line: &Line<'_>| (line.level.is_some(), !line.group.is_empty());
    Line::parse(kept).is_some_and(|kept| worth(line) > worth(&kept))
}

/// Lines about packets (four for each exchange), except those that name a failure.
fn is_traffic(line: &str) -> bool {
    let parts = Line::parse(line).unwrap_or_default();
    matches!(parts.group, "NET" | "ENC") && parts.event().is_none()
}

#[cfg(test)]
mod tests;
