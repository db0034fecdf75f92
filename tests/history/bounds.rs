//! What `history` says of journals that hold more than anybody reads: the text is bounded, and says what is left out.

use super::reports::{HOUR, MONDAY, SECOND, reauthentication, remark, started};
use super::{report, shown};
use std::fs;
use std::process::Command;
use vti_diagnostics::journal::Record;

const HOW: &str =
    "To show one VTI: --interface; a shorter time: --since; everything: --format json.";

/// So many interfaces, each with an episode, and as many remarks that concern all of them.
fn records(interfaces: u64, remarks: u64) -> Vec<Record> {
    let mut records = vec![started(MONDAY, "a", &[])];
    let noted = "the kernel dropped messages, and for 3 s nothing was seen of policies and SAs";
    records.extend((0..remarks).map(|n| remark(MONDAY + n * SECOND, None, noted)));
    let lossy = |n| Record::Episode(reauthentication(&format!("vti{n}"), MONDAY + HOUR, 5));
    records.extend((0..interfaces).map(lossy));
    records
}

#[test]
fn detail_of_many_interfaces_and_remarks_is_bounded() {
    let report = report(records(500, 4000), 2 * HOUR);
    let text = shown(&report, 80, true);
    assert!((4 << 20..6 << 20).contains(&text.len()), "{} bytes", text.len());
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("The last 1000 of 4001. {HOW}")), "{}", &text[..2000]);
    let (_, end) = words.rsplit_once("Not shown, because the text would be too long: ").unwrap();
    assert!(end.ends_with(&format!(" VTIs. {HOW}")), "{end}");
}

#[test]
fn detail_that_is_short_leaves_nothing_out() {
    let text = shown(&report(records(3, 900), 2 * HOUR), 80, true);
    assert!(!text.contains("The last") && !text.contains("Not shown"), "{text}");
    assert_eq!(text.matches("the kernel dropped messages").count(), 3 * 900);
}

#[test]
fn remarks_that_are_left_out_are_counted_where_there_is_no_interface() {
    let text = shown(&report(records(0, 50), 2 * HOUR), 80, false);
    assert!(text.contains("The last 20 of 50:"), "{text}");
}

#[test]
fn one_long_remark_does_not_make_many_long_texts() {
    let mut records = records(200, 0);
    records.push(remark(MONDAY, None, &"x".repeat(1 << 20)));
    let text = shown(&report(records, 2 * HOUR), 80, true);
    assert!(text.len() < 16 << 20, "{} bytes", text.len());
    assert!(text.contains("Not shown, because "));
}

#[test]
fn a_file_that_no_recorder_writes_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = fs::File::create(directory.path().join("journal")).unwrap();
    file.set_len((128 << 20) + 1).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vti-diagnostics"))
        .args(["history", "--directory"])
        .arg(directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("larger than 128 MiB, the most that record --size allows"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
