//! The metrics: what each capture of a real kernel gives in both text forms; that nothing which was not read has a sample; that nothing which a
//! rekey changes makes a series; the file that is written; and, in `prometheus`, Prometheus's own programs on all of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "metrics/file.rs"]
mod file;
#[path = "metrics/series.rs"]
mod series;
#[path = "../benches/show/states.rs"]
#[allow(dead_code, reason = "the benchmark measures others, too")]
mod states;
#[path = "metrics/text.rs"]
mod text;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use vti_diagnostics::capture::{self, Capture};
use vti_diagnostics::metrics::{Facts, Format, Recorder, write};
use vti_diagnostics::snapshot::Snapshot;

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_vti-diagnostics");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every capture, by its name.
static CAPTURES: LazyLock<Vec<(String, Capture)>> = LazyLock::new(|| {
    let entries = std::fs::read_dir(root().join("tests/captures")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    let named = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (named(path), capture::load(path).unwrap())).collect()
});

/// The last sample of a capture.
fn captured(name: &str) -> Snapshot {
    let (_, capture) = CAPTURES.iter().find(|(of, _)| of == name).unwrap();
    capture.snapshots.last().unwrap().clone()
}

/// The metrics of a snapshot.
fn metrics(now: &Snapshot, format: Format) -> String {
    write(&Facts::of(now, Recorder::of_capture(&now.recorded)).unwrap(), format)
}
