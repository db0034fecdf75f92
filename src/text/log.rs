//! Lines of charon's log and of VyOS's updown hook, as journald, rsyslog or charon's own log file have them. Which they are, the snapshot's own
//! reader of lines says.

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use crate::snapshot::charon_log;

/// A line of the log.
pub(super) fn line(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let text = lines.first()?.text;
    if charon_log::Line::parse(text).is_some() {
        return Some(Taken::line(Entry::LogLine(text.to_owned())));
    }
    // charon's own log file has no program: `Nov 27 05:53:50 05[IKE] <AZURE|1> …`.
    let at = text.match_indices('[').find_map(|(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let group = after.split_once("] ")?.0.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_group = group.len() == 3 && group.bytes().all(|b| b.is_ascii_uppercase());
        let thread = before.rsplit(' ').next()?;
        let is_thread = thread.len() == 2 && thread.bytes().all(|b| b.is_ascii_digit());
        (is_group && is_thread).then(|| at - thread.len())
    })?;
    let (time, rest) = (text.get(..at)?, text.get(at..)?);
    let is_time = time.split_whitespace().count() <= 4;
    is_time.then(|| Taken::line(Entry::LogLine(format!("{time}charon: {rest}"))))
}
