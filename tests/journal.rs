//! The recorder's journal as a file: torn, damaged, full, of another version, written by two. All in directories of their own.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "journal/previous.rs"]
mod previous;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use vti_diagnostics::journal::{Accounts, Counted, Record, Totals, Writer, read, recorded};
use vti_diagnostics::snapshot::recorded::{Cause, Episode, PathLoss, Remark, Rise};

const LIMIT: u64 = 1024 * 1024;

fn episode(interface: &str, began_ms: u64, lost: u64) -> Episode {
    let cause = Cause { code: 912, lost, summary: "no SA".into(), gaps: 1, gap_ms: Some(100) };
    Episode {
        interface: interface.into(),
        ifindex: 5,
        began_ms,
        ended_ms: began_ms + 100,
        lost,
        causes: vec![cause],
        ..Episode::default()
    }
}

fn counters(lost: u64) -> BTreeMap<String, Counted> {
    BTreeMap::from([("vti1".to_string(), Counted { ifindex: 5, lost, refused: None })])
}

fn started(at_ms: u64, lost: u64) -> Record {
    Record::Started {
        at_ms,
        uptime_ms: 1000,
        boot_id: "this-boot".into(),
        tool_version: "0".into(),
        counters: counters(lost),
    }
}

fn losses(at_ms: u64, lost: u64) -> Record {
    let of = BTreeMap::from([("vti1".to_string(), lost)]);
    Record::Losses { at_ms, of, inbound: BTreeMap::new() }
}

fn written(directory: &Path, records: &[Record]) {
    let mut writer = Writer::open(directory, LIMIT).unwrap();
    records.iter().for_each(|record| writer.append(record));
    assert_eq!(writer.flush(), None);
}

#[test]
fn what_was_written_is_read_back_by_a_second_recorder_too() {
    let directory = tempfile::tempdir().unwrap();
    let records = [started(1, 0), Record::Episode(episode("vti1", 10, 3)), losses(20, 4)];
    written(directory.path(), &records[..2]);
    written(directory.path(), &records[2..]);
    let contents = read(directory.path()).unwrap().unwrap();
    assert_eq!(
        (contents.records, contents.damaged, contents.running),
        (records.to_vec(), 0, false)
    );
}

#[test]
fn a_journal_cut_at_any_byte_loses_the_last_record_alone_and_is_written_on() {
    let whole = tempfile::tempdir().unwrap();
    let first = started(1, 0);
    written(whole.path(), &[first.clone(), Record::Episode(episode("vti1", 10, 3))]);
    let bytes = fs::read(whole.path().join("journal")).unwrap();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in 0..bytes.len() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("journal"), &bytes[..cut]).unwrap();
        let before = read(directory.path()).unwrap().unwrap();
        let more = Record::Stopped { at_ms: 99 };
        written(directory.path(), std::slice::from_ref(&more));
        let after = read(directory.path()).unwrap().unwrap();
        assert_eq!(after.records.last(), Some(&more), "cut at {cut}");
        assert_eq!(after.records.len(), before.records.len() + 1, "cut at {cut}");
        if cut >= last && cut < bytes.len() - 1 {
            assert_eq!(before.records, std::slice::from_ref(&first), "cut at {cut}");
            assert_eq!(after.damaged, usize::from(cut > last), "cut at {cut}");
        }
    }
}

#[test]
fn a_damaged_line_costs_itself_alone_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    written(
        directory.path(),
        &[started(1, 0), Record::Episode(episode("vti1", 10, 3)), losses(20, 4)],
    );
    let path = directory.path().join("journal");
    let text = fs::read_to_string(&path).unwrap().replace("\"lost\":3", "\"lost\":9");
    fs::write(&path, text).unwrap();
    let contents = read(directory.path()).unwrap().unwrap();
    assert_eq!((contents.records.len(), contents.damaged), (2, 1));
    let told = recorded(&contents);
    assert_eq!(told.remarks.last().unwrap().what, "1 damaged line of the journal was skipped");
}

#[test]
fn a_journal_of_a_newer_version_is_one_sentence_and_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let text = "vti-diagnostics journal 2\nsomething new\n";
    fs::write(&path, text).unwrap();
    let said = read(directory.path()).unwrap_err().to_string();
    assert!(said.contains("has journal version 2, but this program reads version 1"), "{said}");
    let said = Writer::open(directory.path(), LIMIT).err().unwrap().to_string();
    assert!(said.contains("this program writes version 1: move it away"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_file_that_is_no_journal_is_set_aside_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    fs::write(&path, "hello\n").unwrap();
    assert!(read(directory.path()).unwrap_err().to_string().ends_with("is not a journal"));
    let mut writer = Writer::open(directory.path(), LIMIT).unwrap();
    let [aside] = &set_aside(directory.path())[..] else { panic!("one") };
    let [said] = &writer.said()[..] else { panic!("one sentence") };
    let expected = format!(
        "{} is damaged in its first line: it was set aside as {aside}, and a new one was started",
        path.display()
    );
    assert_eq!(*said, expected);
    assert_eq!(fs::read_to_string(directory.path().join(aside)).unwrap(), "hello\n");
}

/// The names of the files that were set aside.
fn set_aside(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains(".damaged-")).collect();
    names.sort();
    names
}

#[test]
fn any_changed_byte_of_the_head_and_of_the_first_record_leaves_a_recorder_that_records() {
    let whole = tempfile::tempdir().unwrap();
    written(whole.path(), &[started(1, 0), Record::Episode(episode("vti1", 10, 3))]);
    let bytes = fs::read(whole.path().join("journal")).unwrap();
    let head = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let first = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0;
    for name in ["journal", "journal.1"] {
        for (at, bit) in (0..=first).flat_map(|at| [0x01, 0x20, 0x80].map(|bit| (at, bit))) {
            let directory = tempfile::tempdir().unwrap();
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            fs::write(directory.path().join(name), &changed).unwrap();
            written(directory.path(), &[losses(99, 1)]);
            let contents = read(directory.path()).unwrap().unwrap();
            assert_eq!(contents.records.last(), Some(&losses(99, 1)), "{name}: {at}");
            let aside = set_aside(directory.path());
            assert_eq!(contents.aside.len(), usize::from(at <= head), "{name}: {at}");
            assert_eq!(aside.len(), contents.aside.len(), "{name}: {at}");
            for name in aside {
                assert_eq!(fs::read(directory.path().join(name)).unwrap(), changed);
            }
        }
    }
}

#[test]
fn so_much_is_set_aside_and_no_more_and_the_limit_holds() {
    let directory = tempfile::tempdir().unwrap();
    let limit = 64 * 1024;
    let mut removed = 0;
    for damaged in 0..=6 {
        let before = set_aside(directory.path());
        let mut writer = Writer::open(directory.path(), limit).unwrap();
        let aside = set_aside(directory.path());
        assert_eq!(aside.len(), usize::min(damaged, 4), "{aside:?}");
        let gone: Vec<&String> = before.iter().filter(|name| !aside.contains(name)).collect();
        let said = writer.said();
        match gone[..] {
            [] => assert!(damaged <= 4 && !said.iter().any(|s| s.contains("removed")), "{said:?}"),
            // Which of those of one second is the oldest, their names say.
            [oldest] => {
                assert!(said[0].ends_with(&format!("; {oldest} was removed for it")), "{said:?}");
                removed += 1;
            }
            _ => panic!("{gone:?}"),
        }
        for number in 0..500 {
            writer.append(&Record::Episode(episode("vti1", number, 1)));
            assert_eq!(writer.flush(), None);
        }
        let sizes =
            fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len());
        assert!(sizes.sum::<u64>() <= limit + limit / 32, "{damaged}");
        drop(writer);
        let path = directory.path().join("journal");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("journal", "jourmal", 1)).unwrap();
    }
    assert_eq!(removed, 2);
}

/// Does what another process does to a journal that is written, and gives what is said of it.
fn meddled(meddle: impl FnOnce(&Path)) -> (tempfile::TempDir, String) {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("journal.d");
    fs::create_dir(&directory).unwrap();
    let mut writer = Writer::open(&directory, LIMIT).unwrap();
    writer.append(&started(1, 0));
    assert_eq!(writer.flush(), None);
    assert_eq!(writer.check().unwrap(), None);
    meddle(&directory);
    let anew = writer.check().unwrap().unwrap();
    assert_eq!(writer.check().unwrap(), None, "said once");
    writer.append(&losses(99, 1));
    assert_eq!(writer.flush(), None);
    let contents = read(&directory).unwrap().unwrap();
    assert_eq!((contents.records.last(), contents.damaged), (Some(&losses(99, 1)), 0));
    assert!(contents.running, "the lock is held where readers look for it");
    assert_eq!(anew.is_empty, contents.records.len() == 1, "{anew:?}");
    let said = anew.sentence.replace(directory.to_str().unwrap(), "DIR");
    (above, said)
}

#[test]
fn a_journal_that_is_removed_under_the_recorder_is_begun_again() {
    let removed = "DIR/journal was removed: a new one was started";
    assert_eq!(meddled(|dir| fs::remove_file(dir.join("journal")).unwrap()).1, removed);
    assert_eq!(
        meddled(|dir| fs::rename(dir.join("journal"), dir.join("kept")).unwrap()).1,
        removed
    );
    assert_eq!(meddled(|dir| fs::remove_dir_all(dir).unwrap()).1, removed);
    let restored = |dir: &Path| {
        fs::copy(dir.join("journal"), dir.join("copy")).unwrap();
        fs::rename(dir.join("copy"), dir.join("journal")).unwrap();
    };
    let changed = "DIR/journal was changed by another process: the recorder continues at its end";
    assert_eq!(meddled(restored).1, changed);
    assert_eq!(meddled(|dir| fs::write(dir.join("journal"), "").unwrap()).1, changed);
}

#[test]
fn a_journal_that_is_damaged_under_the_recorder_is_set_aside() {
    let damage = |dir: &Path| {
        let path = dir.join("journal");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("journal", "jourmal", 1)).unwrap();
    };
    let (above, said) = meddled(damage);
    assert!(
        said.starts_with("DIR/journal is damaged in its first line: it was set aside as "),
        "{said}"
    );
    assert_eq!(set_aside(&above.path().join("journal.d")).len(), 1);
}

#[test]
fn a_recorder_whose_journal_another_one_took_over_ends() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Writer::open(directory.path(), LIMIT).unwrap();
    fs::remove_file(directory.path().join("lock")).unwrap();
    let _second = Writer::open(directory.path(), LIMIT).unwrap();
    let said = first.check().unwrap_err().to_string();
    assert!(said.starts_with("another recorder is writing the journal in "), "{said}");
}

#[test]
fn a_directory_that_cannot_be_made_again_ends_the_recorder_for_its_service_to_make_it() {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("a");
    fs::create_dir(&directory).unwrap();
    let mut writer = Writer::open(&directory, LIMIT).unwrap();
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    let said = writer.check().unwrap_err().to_string();
    assert!(said.contains(" was removed and cannot be created again: "), "{said}");
}

#[test]
fn of_two_recorders_the_second_is_refused_and_a_reader_sees_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Writer::open(directory.path(), LIMIT).unwrap();
    let said = Writer::open(directory.path(), LIMIT).err().unwrap().to_string();
    assert!(said.starts_with("another recorder is writing the journal in "), "{said}");
    first.append(&started(1, 0));
    assert_eq!(first.flush(), None);
    assert!(read(directory.path()).unwrap().unwrap().running);
    drop(first);
    assert!(!read(directory.path()).unwrap().unwrap().running);
    assert!(Writer::open(directory.path(), LIMIT).is_ok());
}

#[test]
fn without_a_journal_there_is_nothing_and_no_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(read(directory.path()).unwrap().is_none());
    assert!(read(&directory.path().join("nowhere")).unwrap().is_none());
}

#[test]
fn the_oldest_go_first_and_the_limit_holds() {
    let directory = tempfile::tempdir().unwrap();
    let limit = 64 * 1024;
    let mut writer = Writer::open(directory.path(), limit).unwrap();
    for number in 0..2000 {
        writer.append(&Record::Episode(episode("vti1", number, 1)));
        assert_eq!(writer.flush(), None);
        let size = |name| fs::metadata(directory.path().join(name)).map_or(0, |m| m.len());
        assert!(size("journal") + size("journal.1") <= limit);
    }
    let contents = read(directory.path()).unwrap().unwrap();
    let numbers: Vec<u64> = recorded(&contents).episodes.iter().map(|e| e.began_ms).collect();
    let first = *numbers.first().unwrap();
    assert!(numbers.len() >= 100 && first > 0, "{} from {first}", numbers.len());
    assert_eq!(numbers, (first..2000).collect::<Vec<_>>(), "no gap, in order");
}

#[test]
fn losses_of_a_recorder_that_was_killed_are_an_episode_without_an_end() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), &[started(1, 0), losses(10, 4), losses(11, 5), started(99, 9)]);
    let told = recorded(&read(directory.path()).unwrap().unwrap());
    let [episode] = told.episodes.as_slice() else { panic!("{told:?}") };
    assert_eq!((episode.lost, episode.open, episode.causes[0].code), (9, true, 919));
    assert_eq!((episode.began_ms, episode.ended_ms), (10, 11));
}

#[test]
fn an_episode_replaces_the_losses_that_were_written_while_it_went_on() {
    let directory = tempfile::tempdir().unwrap();
    let over = Record::Episode(episode("vti1", 10, 9));
    written(directory.path(), &[started(1, 0), losses(10, 4), losses(11, 5), over]);
    let told = recorded(&read(directory.path()).unwrap().unwrap());
    assert_eq!(told.episodes, [episode("vti1", 10, 9)]);
    assert_eq!((told.since_ms, told.until_ms, told.booted_ms), (1, 110, Some(0)));
}

#[test]
fn remarks_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let remark = Remark { at_ms: 7, interface: None, what: "the clock was set".into() };
    written(directory.path(), &[Record::Remark(remark.clone())]);
    assert_eq!(recorded(&read(directory.path()).unwrap().unwrap()).remarks, [remark]);
}

#[test]
fn what_was_lost_while_nobody_recorded_is_known_by_its_number() {
    let before =
        [started(1, 100), losses(5, 3), Record::Episode(episode("vti1", 5, 7)), losses(9, 2)];
    let mut accounts = Accounts::default();
    before.into_iter().for_each(|record| accounts.take(record));
    let lost = |now| accounts.unwatched("this-boot", &counters(now));
    assert_eq!(lost(109), []);
    let [missed] = &lost(120)[..] else { panic!("{:?}", lost(120)) };
    assert_eq!((missed.lost, missed.since_ms), (11, 9));
    assert_eq!(accounts.unwatched("another-boot", &counters(120)), [], "its counters are others");
    let anew =
        BTreeMap::from([("vti1".to_string(), Counted { ifindex: 6, lost: 120, refused: None })]);
    assert_eq!(accounts.unwatched("this-boot", &anew), [], "made anew");
}

#[test]
fn what_was_refused_while_nobody_recorded_is_counted_apart_from_what_was_lost() {
    let counters = |lost, refused| {
        BTreeMap::from([("vti1".to_string(), Counted { ifindex: 5, lost, refused })])
    };
    let refused = Episode {
        inbound: true,
        // Of these, 2 are in counters of the host alone.
        lost: 9,
        counters: Rise { rx_errors: 7, rx_dropped: 7, ..Rise::default() },
        ..episode("vti1", 5, 9)
    };
    let unwatched = |before, now| {
        let mut accounts = Accounts::default();
        let Record::Started { at_ms, uptime_ms, boot_id, tool_version, .. } = started(1, 0) else {
            unreachable!()
        };
        let counters = counters(0, before);
        accounts.take(Record::Started { at_ms, uptime_ms, boot_id, tool_version, counters });
        accounts.take(Record::Episode(refused.clone()));
        accounts.take(losses(9, 2));
        let told = accounts.unwatched("this-boot", &now);
        told.into_iter().map(|u| (u.inbound, u.lost)).collect::<Vec<_>>()
    };
    assert_eq!(unwatched(Some(100), counters(2, Some(107))), []);
    assert_eq!(unwatched(Some(100), counters(5, Some(111))), [(false, 3), (true, 4)]);
    assert_eq!(unwatched(None, counters(2, Some(111))), [], "an earlier version did not say");
}

#[test]
fn inbound_episodes_are_fields_that_earlier_versions_skip_and_do_not_write() {
    let inbound = Record::Episode(Episode { inbound: true, ..episode("vti1", 10, 3) });
    let line = serde_json::to_string(&inbound).unwrap();
    assert!(line.contains(r#""inbound":true"#), "{line}");
    let earlier = line.replace(r#","inbound":true"#, "");
    assert_eq!(
        serde_json::from_str::<Record>(&earlier).unwrap(),
        Record::Episode(episode("vti1", 10, 3))
    );
    let of = BTreeMap::from([("vti1".to_string(), 4)]);
    let refused = Record::Losses { at_ms: 20, of: BTreeMap::new(), inbound: of };
    let line = serde_json::to_string(&refused).unwrap();
    assert_eq!(line, r#"{"record":"losses","at_ms":20,"of":{},"inbound":{"vti1":4}}"#);
    let earlier = serde_json::to_string(&losses(20, 4)).unwrap();
    assert_eq!(earlier, r#"{"record":"losses","at_ms":20,"of":{"vti1":4}}"#);
    assert_eq!(serde_json::from_str::<Record>(&earlier).unwrap(), losses(20, 4));
}

/// An earlier program skips records that it does not know (`frame`), so nothing that it sums may be in them.
#[test]
fn losses_on_the_way_are_records_of_their_own_and_short() {
    let counts = PathLoss { span_ms: 1000, lost: 3, ..PathLoss::default() };
    let of =
        BTreeMap::from([("vti1".to_string(), counts), ("vti2".to_string(), PathLoss::default())]);
    let path = Record::PathLosses { at_ms: 20, of };
    let line = serde_json::to_string(&path).unwrap();
    assert_eq!(
        line,
        r#"{"record":"path-losses","at_ms":20,"of":{"vti1":{"span_ms":1000,"lost":3},"vti2":{}}}"#
    );
    assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), path);
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), &[started(1, 0), losses(10, 4), path.clone()]);
    let told = recorded(&read(directory.path()).unwrap().unwrap());
    assert_eq!((told.episodes.len(), told.episodes[0].lost, told.until_ms), (1, 4, 20));
    let totals = Totals::read(directory.path()).unwrap().unwrap();
    assert_eq!((totals.open("vti1"), totals.ended("vti1").count()), (Some(4), 0));
    let mut accounts = Accounts::default();
    [started(1, 100), path].into_iter().for_each(|record| accounts.take(record));
    assert_eq!(accounts.unwatched("this-boot", &counters(100)), []);
}

/// The interfaces could not be read at the start: their losses from before are not of a time without a recorder.
#[test]
fn counters_that_are_read_later_are_those_of_the_start() {
    let late = Record::Counters { at_ms: 9000, counters: counters(100) };
    let line = serde_json::to_string(&late).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), late);
    let Record::Started { at_ms, uptime_ms, boot_id, tool_version, .. } = started(1, 0) else {
        unreachable!()
    };
    let counted = BTreeMap::new();
    let blind = Record::Started { at_ms, uptime_ms, boot_id, tool_version, counters: counted };
    let directory = tempfile::tempdir().unwrap();
    let lossy = Record::Episode(episode("vti1", 9500, 3));
    written(directory.path(), &[blind, late, lossy]);
    let contents = read(directory.path()).unwrap().unwrap();
    let mut accounts = Accounts::default();
    contents.records.iter().for_each(|record| accounts.take(record.clone()));
    assert_eq!(accounts.unwatched("this-boot", &counters(103)), []);
    assert_eq!(recorded(&contents).episodes.len(), 1);
    let totals = Totals::read(directory.path()).unwrap().unwrap();
    assert_eq!(totals.ended("vti1").collect::<Vec<_>>(), [(912, 3)]);
}

#[test]
fn a_full_disk_keeps_the_journal_whole_and_the_records_waiting() {
    // A file that may not be written stands for the disk: the laboratory has the real one.
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(directory.path(), 4096).unwrap();
    writer.append(&started(1, 0));
    assert_eq!(writer.flush(), None);
    // Where the next file should be made, a directory is.
    fs::create_dir(directory.path().join("journal.new")).unwrap();
    let mut said = Vec::new();
    for number in 0..20 {
        writer.append(&Record::Episode(episode("vti1", number, 1)));
        said.extend(writer.flush());
    }
    assert_eq!(said.len(), 1, "once, not each time: {said:?}");
    assert!(said[0].starts_with("cannot write "), "{said:?}");
    fs::remove_dir(directory.path().join("journal.new")).unwrap();
    let again = writer.flush().unwrap();
    assert_eq!(again, "the journal can be written again; 0 records were lost meanwhile");
    let told = recorded(&read(directory.path()).unwrap().unwrap());
    let numbers: Vec<u64> = told.episodes.iter().map(|e| e.began_ms).collect();
    assert_eq!(numbers.last(), Some(&19));
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
}

#[test]
fn sums_of_a_damaged_or_forged_journal_end_at_the_largest_number() {
    let most = || losses(5, u64::MAX);
    let episode = || Record::Episode(episode("vti1", 5, u64::MAX));
    let records =
        [started(1, u64::MAX), episode(), episode(), most(), most(), started(9, 7), most(), most()];
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), &records);
    let told = recorded(&read(directory.path()).unwrap().unwrap());
    assert!(told.episodes.iter().all(|episode| episode.lost == u64::MAX), "{told:?}");
    let mut accounts = Accounts::default();
    for record in records {
        accounts.take(record);
        assert_eq!(accounts.unwatched("this-boot", &counters(1)), []);
    }
}

/// The real recorder, where it may listen to the kernel.
#[test]
fn the_recorder_goes_on_where_its_journal_is_removed_and_damaged_and_says_each_once() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("vti-diagnostics"));
    command.arg("record").arg("--directory").arg(directory.path()).stdout(Stdio::piped());
    let mut recorder = command.spawn().unwrap();
    let within_seconds = |what: &str, is_so: &dyn Fn() -> bool| {
        let waits = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            is_so()
        });
        assert!(waits, "{what}");
    };
    let records = || read(directory.path()).is_ok_and(|c| c.is_some_and(|c| !c.records.is_empty()));
    within_seconds("it begins", &records);
    fs::remove_file(&journal).unwrap();
    within_seconds("it begins again", &|| journal.exists() && records());
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("journal", "jourmal", 1)).unwrap();
    within_seconds("it sets aside", &|| set_aside(directory.path()).len() == 1 && records());
    let pid = nix::unistd::Pid::from_raw(recorder.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM).unwrap();
    let mut said = String::new();
    recorder.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(recorder.wait().unwrap().success(), "{said}");
    let of_it: Vec<&str> = said.lines().filter(|l| l.contains(journal.to_str().unwrap())).collect();
    let [removed, damaged] = &of_it[..] else { panic!("{said}") };
    assert!(removed.ends_with("/journal was removed: a new one was started"), "{said}");
    assert!(damaged.contains(" it was set aside as journal.damaged-"), "{said}");
    let told = recorded(&read(directory.path()).unwrap().unwrap());
    assert!(told.remarks.iter().any(|remark| remark.what == **damaged), "{told:?}");
}

/// A counter that monitoring systems draw must not fall when the oldest records are removed.
#[test]
fn the_sums_go_on_when_the_oldest_records_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(directory.path(), LIMIT).unwrap();
    let (mut all, mut last) = (0, 0);
    let long = "x".repeat(2000);
    for number in 0..3000 {
        let mut lossy = episode("vti1", number, 1 + number % 5);
        lossy.causes[0].summary.clone_from(&long);
        all += lossy.lost;
        writer.append(&Record::Episode(lossy));
        assert_eq!(writer.flush(), None);
        if number % 100 == 99 {
            let totals = Totals::read(directory.path()).unwrap().unwrap();
            let sums: Vec<(u16, u64)> = totals.ended("vti1").collect();
            assert_eq!(sums, [(912, all)], "after {number}");
            assert!(all > last);
            last = all;
        }
    }
    let contents = read(directory.path()).unwrap().unwrap();
    let kept = contents.records.iter().filter(|r| matches!(r, Record::Episode(_))).count();
    assert!(kept < 1500, "the oldest were removed: {kept} are left");
    // A second recorder goes on with them, and so does a reader of the story.
    drop(writer);
    written(directory.path(), &[started(9000, 0), Record::Episode(episode("vti1", 9001, 7))]);
    let totals = Totals::read(directory.path()).unwrap().unwrap();
    assert_eq!(totals.ended("vti1").collect::<Vec<_>>(), [(912, all + 7)]);
    assert_eq!(recorded(&read(directory.path()).unwrap().unwrap()).episodes.len(), kept + 1);
}
