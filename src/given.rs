//! Files that were given instead of this system: texts, two states to compare, a folder of captures. It loads them, and hands them on.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use vti_diagnostics::capture;
use vti_diagnostics::cli;
use vti_diagnostics::diagnose::{self, Observation, assumed};
use vti_diagnostics::diff;
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::render::{self, json, yaml};
use vti_diagnostics::report::Report;
use vti_diagnostics::report::input::Input;
use vti_diagnostics::report::overview::{Overview, Row};
use vti_diagnostics::snapshot::{Missing, Snapshot};
use vti_diagnostics::text::{self, Reading, Text};

/// No folder has more captures that somebody looks at.
const MOST_CAPTURES: usize = 10_000;

/// The samples of texts that commands printed, and what was recognised in them.
///
/// # Errors
/// A file cannot be read, or nothing in the texts is recognised.
pub fn texts(texts: &[Text]) -> Result<(Vec<Snapshot>, Input)> {
    if let Some(text) = texts.iter().find(|text| !text.is_whole && is_capture(&text.text)) {
        let message = format!("{} is a capture: give it with --capture", text.name);
        return Err(Error::IncorrectValue(message));
    }
    let Reading { mut snapshots, mut input } = text::read(texts)?;
    snapshots.iter_mut().for_each(assumed::name_commands);
    input.samples = snapshots.len();
    if let Some(now) = snapshots.last() {
        input.assumed = told(now);
        input.next = assumed::most_useful(now);
    }
    Ok((snapshots, input))
}

/// What was assumed: defaults of the kernel in one sentence, everything else with what would show it.
fn told(now: &Snapshot) -> Vec<String> {
    let is_default = |missing: &&Missing| missing.detail.ends_with("the kernel's default");
    let defaults: Vec<&str> =
        now.assumed.iter().filter(is_default).map(|missing| missing.source.words()).collect();
    let others = now.assumed.iter().filter(|missing| !is_default(missing));
    let mut told: Vec<String> =
        others.map(|missing| format!("{}: {}", missing.source, missing.detail)).collect();
    if !now.unbounded.is_empty() {
        let lists: Vec<&str> = now.unbounded.iter().map(|source| source.words()).collect();
        told.push(format!(
            "that these lists are whole, of which the text lacks the command or the prompt behind: {}",
            lists.join(", ")
        ));
    }
    if !defaults.is_empty() {
        told.push(format!("the kernel's defaults of {}", defaults.join(", ")));
    }
    told
}

/// The last sample of a capture, or of a text; `-` is a text on standard input.
fn state(file: &Path) -> Result<Snapshot> {
    samples(file, capture::MAX_SIZE)?.into_iter().next_back().ok_or_else(|| nothing(file))
}

/// The samples of a capture of at most `max_size` bytes, or of a text; `-` is a text on standard input.
///
/// # Errors
/// The file cannot be read, or nothing in it is recognised.
pub fn samples(file: &Path, max_size: u64) -> Result<Vec<Snapshot>> {
    // What is no file, such as a pipe, can be read once.
    if file.is_file() && begins_as_a_capture(file) {
        return Ok(capture::load_within(file, max_size)?.snapshots);
    }
    let given = capture::load_texts(&[file])?;
    match given.as_slice() {
        [text] if is_capture(&text.text) => Ok(capture::from_yaml(&text.text)?.snapshots),
        _ => Ok(texts(&given)?.0),
    }
}

/// What a capture begins with stands in so many bytes.
const BEGINNING: u64 = 4096;

fn begins_as_a_capture(file: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(file).and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning));
    read.is_ok() && is_capture(&String::from_utf8_lossy(&beginning))
}

/// Whether a text is a capture, by its first line that says something: YAML, or JSON.
fn is_capture(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let is_json = || text.split_whitespace().any(|word| word.starts_with("\"schema\""));
    lines.next().is_some_and(|line| {
        let is_yaml = KEYS.iter().any(|key| line.starts_with(key)) || line == "---";
        is_yaml || line.starts_with('{') && (line.contains("\"schema\"") || is_json())
    })
}

/// The keys of a capture.
const KEYS: [&str; 4] = ["schema:", "tool_version:", "redacted:", "snapshots:"];

fn nothing(file: &Path) -> Error {
    Error::IncorrectValue(format!("{}: it has no sample", file.display()))
}

fn diagnosed(now: &Snapshot, interface: Option<&str>) -> Result<Report> {
    diagnose::run(&Observation { now, earlier: None }, interface)
}

/// `diff A B`.
///
/// # Errors
/// A file cannot be read, or holds no state.
pub fn compare(arguments: &cli::Diff, width: usize) -> Result<String> {
    let (a, b) = (state(&arguments.a)?, state(&arguments.b)?);
    // An interface may be in one of them only.
    let reports = (diagnosed(&a, None)?, diagnosed(&b, None)?);
    let report = diff::report((&a, &reports.0), (&b, &reports.1));
    match arguments.output.format() {
        cli::Format::Text => Ok(render::diff::diff(&report, width)),
        cli::Format::Json => json::write(&report),
        cli::Format::Yaml => yaml::write(&report),
    }
}

/// The captures of a folder, one line each, the worst first. A file that cannot be read is a line that says so.
///
/// # Errors
/// The folder cannot be read, or has no capture.
pub fn folder(folder: &Path) -> Result<Overview> {
    let failed = |error: std::io::Error| {
        Error::DataUnavailable(format!("cannot read {}: {}", folder.display(), error.kind()))
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_capture =
            path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_capture && path.is_file() && files.len() < MOST_CAPTURES {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::DataUnavailable(format!(
            "{} has no captures: files named *.yaml",
            folder.display()
        )));
    }
    files.sort();
    let mut rows: Vec<Row> = files.iter().map(|file| row(file)).collect();
    // What could not be read is before what is well: it may hide anything.
    rows.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.file.cmp(&b.file)));
    Ok(Overview { schema: vti_diagnostics::report::SCHEMA, captures: rows })
}

fn row(file: &Path) -> Row {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let report = || -> Result<Report> {
        let snapshots = capture::load(file)?.snapshots;
        match snapshots.as_slice() {
            [.., earlier, now] => diagnose::run(&Observation { now, earlier: Some(earlier) }, None),
            [now] => diagnosed(now, None),
            [] => Err(nothing(file)),
        }
    };
    match report() {
        Ok(report) => Row::of(name, &report),
        Err(error) => Row::unread(name, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_capture;

    #[test]
    fn a_capture_is_told_from_what_commands_printed() {
        for capture in ["# note\n\nschema: 1\n", "---\n", "{\"schema\":1", "{\n  \"schema\": 1\n"] {
            assert!(is_capture(capture), "{capture}");
        }
        for text in ["", "{\"nftables\": []}", "1: lo: <LOOPBACK>", "# ip -d link\n[{}]"] {
            assert!(!is_capture(text), "{text}");
        }
    }
}
