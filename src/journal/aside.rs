//! A file with a damaged head is set aside: it is renamed, with the time in its name. It is evidence, so the last ones are kept; the oldest makes
//! room for one too many, so that the recorder goes on and does not fill the disk.

use super::{CURRENT, PREVIOUS};
use crate::error::{Error, Result};
use crate::units::DAMAGED_FILE;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use std::fs;
use std::path::Path;

/// Most files that are kept. Each has at most half of what is left of the limit, so together they leave room for a journal.
const MOST: usize = 4;
/// The text between the name of the file and the time, and the form of the time: UTC.
const DAMAGED: &str = ".damaged-";
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// A file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// When: milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Its name in the journal's directory.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

/// The files of `directory` that were set aside, oldest first; none where it cannot be listed.
pub(super) fn list(directory: &Path) -> Vec<Aside> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let aside = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
        Some(Aside { at_ms: at_ms(&name)?, name, bytes })
    });
    let mut aside: Vec<Aside> = aside.collect();
    aside.sort_by(|a, b| (a.at_ms, &a.name).cmp(&(b.at_ms, &b.name)));
    aside
}

/// The time in the name; none for any other name.
fn at_ms(name: &str) -> Option<u64> {
    let (of, time) = name.split_once(DAMAGED)?;
    // A second file of the same second has a number after the time.
    let time = time.split_once('.').map_or(time, |(time, _)| time);
    let time = DateTime::strptime(TIME, time).ok()?.to_zoned(TimeZone::UTC).ok()?;
    let at_ms = u64::try_from(time.timestamp().as_millisecond()).ok()?;
    [CURRENT, PREVIOUS].contains(&of).then_some(at_ms)
}

/// Renames `name` for the reason `why`, and removes the oldest file where there would be too many. Returns one sentence about it.
///
/// # Errors
/// `IncorrectValue` where the most are kept already, and none of them is a file that may be removed; `Write` where the system refuses.
pub(super) fn set(directory: &Path, name: &str, why: &str) -> Result<String> {
    let path = directory.join(name);
    let failed = |source| Error::Write { path: path.display().to_string(), source };
    let mut there = list(directory);
    let mut removed = None;
    if there.len() >= MOST {
        // What is in a directory is of somebody else.
        let is_file = |aside: &Aside| {
            let metadata = fs::symlink_metadata(directory.join(&aside.name));
            metadata.is_ok_and(|metadata| !metadata.is_dir())
        };
        let Some(oldest) = there.iter().position(is_file).map(|oldest| there.remove(oldest)) else {
            return Err(Error::IncorrectValue(format!(
                "{} {why}, but {} of the journal were set aside already: move them out of {}",
                path.display(),
                DAMAGED_FILE.of(there.len()),
                directory.display()
            )));
        };
        fs::remove_file(directory.join(&oldest.name)).map_err(failed)?;
        removed = Some(oldest.name);
    }
    let stem = format!("{name}{DAMAGED}{}", Timestamp::now().strftime(TIME));
    let numbered = (2..=MOST + 1).map(|number| format!("{stem}.{number}"));
    let is_free = |name: &String| {
        // The name of a removed one would make the new one look older than others.
        removed.as_ref() != Some(name) && there.iter().all(|aside| aside.name != *name)
    };
    let new = std::iter::once(stem.clone()).chain(numbered).find(is_free).unwrap_or(stem);
    fs::rename(&path, directory.join(&new)).map_err(failed)?;
    let renewed = if name == CURRENT { ", and a new one was started" } else { "" };
    let removed = removed.map_or_else(String::new, |name| format!("; {name} was removed for it"));
    Ok(format!("{} {why}: it was set aside as {new}{renewed}{removed}", path.display()))
}
