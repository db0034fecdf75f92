//! The previous file of a journal, damaged: its records and those of the current file are read all the same, and a recorder that runs notices it.

use super::{LIMIT, episode, losses, read, set_aside, started, written};
use std::fs;
use std::path::Path;
use vti_diagnostics::journal::{Record, Totals, Writer};

/// A journal of two files, the first of which has one changed byte in its first line.
fn damaged(directory: &Path) {
    written(directory, &[started(1, 0), Record::Episode(episode("vti1", 10, 3))]);
    let (current, previous) = (directory.join("journal"), directory.join("journal.1"));
    let text = fs::read_to_string(&current).unwrap();
    fs::write(previous, text.replacen("journal", "jourmal", 1)).unwrap();
    fs::remove_file(current).unwrap();
    written_beside(directory);
}

/// The current file, written where there is no recorder that would set the previous one aside.
fn written_beside(directory: &Path) {
    let other = tempfile::tempdir().unwrap();
    written(other.path(), &[Record::Episode(episode("vti1", 20, 4)), losses(30, 5)]);
    fs::copy(other.path().join("journal"), directory.join("journal")).unwrap();
}

#[test]
fn a_damaged_first_line_costs_no_record() {
    let directory = tempfile::tempdir().unwrap();
    damaged(directory.path());
    let contents = read(directory.path()).unwrap().unwrap();
    assert_eq!((contents.records.len(), contents.damaged), (4, 1));
    let totals = Totals::read(directory.path()).unwrap().unwrap();
    assert_eq!(totals.ended("vti1").collect::<Vec<_>>(), [(912, 7)]);
    assert_eq!(totals.open("vti1"), Some(5));
}

#[test]
fn a_recorder_that_runs_sets_the_previous_file_aside() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(directory.path(), LIMIT).unwrap();
    writer.append(&started(1, 0));
    assert_eq!((writer.flush(), writer.check().unwrap()), (None, None));
    let previous = directory.path().join("journal.1");
    let text = fs::read_to_string(directory.path().join("journal")).unwrap();
    fs::write(&previous, &text).unwrap();
    assert_eq!(writer.check().unwrap(), None);
    fs::write(&previous, text.replacen("journal", "jourmal", 1)).unwrap();
    let said = writer.check().unwrap().unwrap();
    let [aside] = &set_aside(directory.path())[..] else { panic!("{said:?}") };
    assert!(said.sentence.ends_with(&format!("it was set aside as {aside}")), "{said:?}");
    assert!(!said.is_empty);
    assert_eq!(writer.check().unwrap(), None, "said once");
}

/// The counter that monitoring systems draw falls, and an operator must know why.
#[test]
fn sums_that_cannot_be_carried_on_are_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(directory.path(), 8192).unwrap();
    let newer = "vti-diagnostics journal 2\nsomething new\n";
    fs::write(directory.path().join("journal.1"), newer).unwrap();
    let mut said = Vec::new();
    for number in 0..40 {
        writer.append(&Record::Episode(episode("vti1", number, 1)));
        assert_eq!(writer.flush(), None);
        said.extend(writer.said());
    }
    let [said] = &said[..] else { panic!("{said:?}") };
    let expected = "the sums of the recorded losses begin from 0 again: ";
    assert!(said.starts_with(expected) && said.contains("journal version 2"), "{said}");
}
