//! Which lines of a log are kept, and from where. The lines are those of VyOS's logs: `data/templates/ipsec/charon_logging.conf.j2` of
//! vyos-1x (3b22850), and charon-systemd's own.

use super::*;

fn of(text: &str) -> Vec<String> {
    kept(text.lines().map(str::to_owned).collect())
}

#[test]
fn only_lines_of_charon_and_of_the_hook_are_kept() {
    let text = "\
Nov 23 03:00:00 gw1 charon[812]: 05[IKE] <AWS|3> received AUTHENTICATION_FAILED notify error
2026-11-23T03:00:01+00:00 gw1 charon-systemd[812]: 05[IKE] giving up after 5 retransmits
Nov 23 03:00:02 gw1 kernel: charon was here
Nov 23 03:00:03 gw1 vti-up-down: Interface vti1 up-client AWS-vti
";
    let kept = of(text);
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().any(|line| line.contains("AUTHENTICATION_FAILED")));
    assert!(kept.iter().any(|line| line.contains("vti-up-down")));
}

#[test]
fn a_flood_keeps_its_end() {
    let text: String = (0..2000).map(|n| format!("Nov 23 03:00:00 gw1 charon: {n}\n")).collect();
    let kept = of(&text);
    assert_eq!(kept.len(), MOST_LINES);
    assert!(kept.last().is_some_and(|line| line.ends_with("1999")));
}

#[test]
fn packets_that_come_and_go_do_not_drive_out_why_a_negotiation_failed() {
    let failed = "Nov 23 03:00:00 gw1 charon: 05[IKE] <AWS|3> received AUTHENTICATION_FAILED\n";
    let noise = (0..2000).map(|n| format!("Nov 23 03:00:01 gw1 charon: 05[NET] <B|4> sent {n}\n"));
    let kept = of(&(failed.to_owned() + &noise.collect::<String>()));
    assert!(kept.len() <= MOST_LINES);
    assert!(kept[0].contains("AUTHENTICATION_FAILED"));
}

#[test]
fn an_event_that_is_logged_in_several_ways_is_one() {
    // By charon's syslog logger, by its journal logger, and both of them once more through rsyslog's second input.
    let text = "\
Jun  1 03:00:00 gw1 charon[812]: 05[IKE] <AZURE|1> received AUTHENTICATION_FAILED notify error
Jun  1 03:00:00 gw1 charon-systemd[812]: received AUTHENTICATION_FAILED notify error
Jun  1 03:00:00 gw1 charon: 05[IKE] <AZURE|1> received AUTHENTICATION_FAILED notify error
Jun  1 03:00:00 gw1 charon-systemd: received AUTHENTICATION_FAILED notify error
";
    assert_eq!(of(text), [text.lines().next().unwrap()]);
    let reversed: Vec<&str> = text.lines().rev().collect();
    let kept = of(&reversed.join("\n"));
    assert_eq!(kept.len(), 1);
    assert!(kept[0].contains("<AZURE|1>"), "{kept:?}");
}

#[test]
fn the_same_words_of_two_connections_are_two_events() {
    let text = "\
Jun  1 03:00:00 gw1 charon[812]: 05[IKE] <A|1> received AUTHENTICATION_FAILED notify error
Jun  1 03:00:00 gw1 charon[812]: 06[IKE] <B|2> received AUTHENTICATION_FAILED notify error
";
    assert_eq!(of(text).len(), 2);
}

#[test]
fn the_journal_comes_first_and_a_file_where_it_has_nothing() {
    let line = |n| format!("h charon[{n}]: 05[IKE] <A|1> x");
    let absent = || Err(Missing::new(Source::CharonLog, Reason::Absent, "no file"));
    assert_eq!(first_that_has(Ok(vec![line(1)]), Ok(vec![line(2)])).unwrap(), [line(1)]);
    assert_eq!(first_that_has(Ok(Vec::new()), Ok(vec![line(2)])).unwrap(), [line(2)]);
    let failed = || Err(Failure::new(Reason::TimedOut, "no answer"));
    assert_eq!(first_that_has(failed(), Ok(vec![line(2)])).unwrap(), [line(2)]);
    let neither = first_that_has(failed(), absent()).unwrap_err();
    assert_eq!((neither.reason, neither.detail.as_str()), (Reason::TimedOut, "no answer; no file"));
    let empty = first_that_has(Ok(Vec::new()), absent());
    if nix::unistd::geteuid().is_root() {
        assert_eq!(empty.unwrap(), [""; 0]);
    } else {
        assert_eq!(empty.unwrap_err().reason, Reason::Denied);
    }
}

#[test]
fn a_file_that_was_just_rotated_is_read_with_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (now, before) = (path("messages"), path("messages.1"));
    std::fs::write(&before, "h charon: old\n").unwrap();
    let names = [[now.as_str(), before.as_str()]];
    assert_eq!(file(&names).unwrap_err().reason, Reason::Absent);
    std::fs::write(&now, "h charon: new\n").unwrap();
    assert_eq!(file(&names).unwrap(), ["h charon: old", "h charon: new"]);
}
