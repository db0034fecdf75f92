//! The recorder's journal as a file: read, told of as `history` does, and now and then written on.

use super::{Target, two};
use crate::mutate::{Random, journal as form};
use crate::reports::{DAY, MONDAY, bad_day, hostile, lossy_way, three_gaps};
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use vti_diagnostics::history::{self, Question};
use vti_diagnostics::journal::{self, Contents, LIMIT, Record, Totals, Writer};
use vti_diagnostics::render::clock::Clock;
use vti_diagnostics::render::{history as text, json};

pub const TARGET: Target = Target { name: "journals", inputs: (200_000, 200), seeds, mutate, run };

/// A directory of this process. In memory where there is one: the files live shortly, and there are many.
static DIRECTORY: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory")
});

fn current() -> PathBuf {
    DIRECTORY.path().join("journal")
}

fn seeds() -> Vec<Vec<u8>> {
    let written = |records: Vec<Record>| {
        let _ = std::fs::remove_file(current());
        let mut writer = Writer::open(DIRECTORY.path(), LIMIT).expect("a journal");
        records.iter().for_each(|record| writer.append(record));
        assert_eq!(writer.flush(), None);
        std::fs::read(current()).expect("what was written")
    };
    [three_gaps(), bad_day(), hostile(), lossy_way()].into_iter().map(written).collect()
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let (seed, other) = two(random, seeds);
    let mut journal = seed.to_vec();
    form::mutate(random, &mut journal, other);
    journal
}

fn run(input: &[u8]) -> bool {
    std::fs::write(current(), input).expect("room for a journal");
    let read = journal::read(DIRECTORY.path());
    // A damaged line costs its record alone: taken whole is what has none.
    let taken = matches!(&read, Ok(Some(contents)) if !contents.records.is_empty() && contents.damaged == 0);
    if let Ok(Some(contents)) = read {
        tell(&contents);
    }
    if input.len() % 16 == 0
        && let Ok(mut writer) = Writer::open(DIRECTORY.path(), LIMIT)
    {
        writer.append(&Record::Stopped { at_ms: MONDAY });
        let _ = writer.flush();
        drop(writer);
        journal::read(DIRECTORY.path()).expect("what the recorder goes on with can be read");
    }
    for entry in std::fs::read_dir(DIRECTORY.path()).into_iter().flatten().flatten() {
        let _ = std::fs::remove_file(entry.path());
    }
    taken
}

/// All that the program says of a journal.
fn tell(contents: &Contents) {
    let _ = journal::recorded(contents);
    let mut totals = Totals::default();
    contents.records.iter().for_each(|record| totals.take(record));
    let clock = Clock::new(TimeZone::UTC);
    for interface in [None, Some("vti1")] {
        let question = Question { interface, from_ms: None, now_ms: MONDAY + 7 * DAY };
        let report = history::report(contents, &question);
        for detail in [false, true] {
            assert!(!text::history(&report, &clock, 80, detail).is_empty());
        }
        json::write(&report).expect("a report can be written");
    }
}
