//! Packets lost on the way: messages about SAs and samples of their counters in, spans and sentences out. The peer and the way are made
//! here, so that what was lost is known. Nothing of the system is read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is a failed test")]

#[path = "path/way.rs"]
mod way;

use std::collections::BTreeMap;
use vti_diagnostics::history::{self, Question};
use vti_diagnostics::journal::{Contents, Counted, Record};
use vti_diagnostics::report::history::{End, PathHistory};
use vti_diagnostics::snapshot::notification::Notification;
use vti_diagnostics::snapshot::recorded::PathLoss;
use vti_diagnostics::snapshot::{Host, Link, Reason, Sa, Snapshot};
use vti_diagnostics::timeline::{Moment, PathLosses, Span, Tracker};
use way::{VTI, Way, link};

fn at(ms: u64) -> Moment {
    Moment { uptime_ms: ms, wall_ms: 1_700_000_000_000 + ms }
}

/// A recorder of some VTIs, each behind a way of its own.
struct Lab {
    tracker: Tracker,
    path: PathLosses,
    ways: Vec<Way>,
    now: u64,
    /// What the wall clock is ahead.
    ahead: u64,
    spans: Vec<Span>,
    said: Vec<String>,
}

impl Lab {
    /// One VTI with an SA that a key daemon has just negotiated.
    fn new() -> Self {
        let mut lab = Self::of(vec![link(VTI)], Vec::new());
        lab.rekey(0);
        lab
    }

    fn of(links: Vec<Link>, sas: Vec<Sa>) -> Self {
        let host = Host {
            hostname: "gw1".into(),
            kernel_release: "6.12.0".into(),
            vyos_version: None,
            pluto: false,
        };
        let ways = links.iter().map(|link| Way::to(link.ifindex)).collect();
        let state = Snapshot {
            links: Ok(links),
            addresses: Ok(vec![
                serde_yaml::from_str("{ifindex: 2, prefix: 192.0.2.1/24, scope: 0}").unwrap(),
            ]),
            sas: Ok(sas.clone()),
            policies: Ok(Vec::new()),
            ..Snapshot::unread(0, host, Reason::Skipped, "")
        };
        let tracker = Tracker::new(&state).unwrap();
        let mut path = PathLosses::default();
        path.sync(at(0), &sas, &tracker, None);
        let (spans, said) = (Vec::new(), Vec::new());
        Self { tracker, path, ways, now: 0, ahead: 0, spans, said }
    }

    fn moment(&self) -> Moment {
        let now = at(self.now);
        Moment { wall_ms: now.wall_ms + self.ahead, ..now }
    }

    fn change(&mut self, change: &Notification) {
        self.tracker.apply(change);
        self.path.apply(self.moment(), change, &self.tracker);
        self.said.extend(self.path.said().into_iter().map(|said| said.what));
    }

    /// The peer negotiates its next SA; the one before is deleted, with its last counters.
    fn rekey(&mut self, way: usize) {
        let old = self.ways[way].rekey();
        let new = self.ways[way].sa();
        self.change(&Notification::SaUpdated(new));
        old.into_iter().for_each(|old| self.change(&Notification::SaDeleted(old)));
    }

    /// A second: of so many packets to each VTI so many of a thousand are lost, and a sample.
    fn second(&mut self, packets: u64, permille: u64) {
        self.send(packets, permille);
        self.now += 1000;
        self.sample();
    }

    fn send(&mut self, packets: u64, permille: u64) {
        self.ways.iter_mut().for_each(|way| way.send(packets, permille));
    }

    fn sample(&mut self) {
        let sas: Vec<Sa> = self.ways.iter().map(Way::sa).collect();
        self.spans.extend(self.path.sample(self.moment(), &sas));
        self.said.extend(self.path.said().into_iter().map(|said| said.what));
    }

    fn seconds(&mut self, count: u64, packets: u64, permille: u64) {
        (0..count).for_each(|_| self.second(packets, permille));
    }

    fn finish(&mut self) {
        self.spans.extend(self.path.finish(self.moment()));
    }

    fn sum(&self) -> PathLoss {
        let mut sum = PathLoss::default();
        self.spans.iter().for_each(|span| sum.add(&span.counts));
        sum
    }

    /// The journal of it, as the recorder writes it.
    fn records(&self) -> Vec<Record> {
        let record = |span: &Span| Record::PathLosses {
            at_ms: span.at.wall_ms,
            of: BTreeMap::from([("vti8".to_owned(), span.counts)]),
        };
        self.spans.iter().map(record).collect()
    }

    fn history(&self) -> PathHistory {
        told(self.records(), false)
    }
}

fn told(records: Vec<Record>, running: bool) -> PathHistory {
    let question = Question { interface: Some("vti8"), from_ms: None, now_ms: u64::MAX };
    let contents = Contents { records, running, ..Contents::default() };
    let report = history::report(&contents, &question);
    report.interfaces.into_iter().next().unwrap().lost_on_the_way.unwrap()
}

#[test]
fn the_sum_over_rekeys_is_what_was_lost_but_for_the_ends_of_sas() {
    for window in [32, 128] {
        let mut lab = Lab::new();
        lab.ways[0].window = window;
        lab.rekey(0);
        for second in 1..600 {
            lab.second(100, [0, 10, 100, 500][second / 20 % 4]);
            if second % 3 == 0 {
                lab.send(17, 100);
                lab.rekey(0);
            }
        }
        lab.rekey(0);
        lab.second(10, 0);
        lab.finish();
        let (sum, way) = (lab.sum(), &lab.ways[0]);
        assert_eq!(sum.lost + way.tails(), way.lost, "window {window}");
        assert_eq!(sum.numbers + way.tails(), way.sent);
        assert_eq!((sum.unmeasured, sum.unknown_ms), (0, 0));
        assert_eq!(sum.span_ms, 600_000);
        assert_eq!(lab.said, [""; 0]);
        assert_eq!(lab.history().packets_lost, sum.lost);
    }
}

#[test]
fn without_a_sample_the_deletion_alone_has_the_numbers() {
    let mut lab = Lab::new();
    for _ in 0..50 {
        lab.send(200, 50);
        lab.rekey(0);
    }
    lab.second(0, 0);
    lab.finish();
    assert_eq!(lab.sum().lost + lab.ways[0].tails(), lab.ways[0].lost);
    assert!(lab.ways[0].lost > 300);
}

#[test]
fn an_episode_has_its_begin_its_end_and_its_share() {
    let mut lab = Lab::new();
    lab.seconds(30, 100, 0);
    // Less than 1 % is no episode, and is in the sum.
    lab.seconds(100, 1000, 1);
    let before = lab.ways[0].lost;
    lab.seconds(20, 200, 100);
    let lost = lab.ways[0].lost - before;
    lab.seconds(60, 200, 0);
    lab.seconds(30, 200, 500);
    lab.seconds(60, 200, 0);
    lab.finish();
    let history = lab.history();
    assert_eq!(history.packets_lost + lab.ways[0].tails(), lab.ways[0].lost);
    let [first, second] = &history.episodes[..] else { panic_of(&history) };
    assert_eq!((first.began.0, first.ended.0), (at(130_000).wall_ms, at(151_000).wall_ms));
    assert_eq!((first.milliseconds, first.end), (21_000, End::Seen));
    assert!(first.packets_lost.abs_diff(lost) <= 5, "{first:?}, {lost}");
    assert!((7.0..13.0).contains(&first.percent.unwrap()), "{first:?}");
    assert_eq!((first.code.as_str(), first.name), ("VTI-410", "lost-on-the-way"));
    assert_eq!(first.confidence, vti_diagnostics::report::Confidence::Consistent);
    assert!((45.0..55.0).contains(&second.percent.unwrap()), "{second:?}");
    assert!(second.began.0.abs_diff(at(210_000).wall_ms) <= 1000, "{second:?}");
}

#[expect(clippy::panic, reason = "a failed test")]
fn panic_of(history: &PathHistory) -> ! {
    panic!("{history:#?}")
}

#[test]
fn few_packets_have_no_share() {
    let mut lab = Lab::new();
    lab.seconds(30, 10, 0);
    lab.seconds(30, 10, 300);
    lab.seconds(60, 10, 0);
    lab.finish();
    let history = lab.history();
    let [episode] = &history.episodes[..] else { panic_of(&history) };
    assert!(episode.packets_lost > 10 && episode.percent.is_none(), "{episode:?}");
}

#[test]
fn a_hard_expiry_has_no_number_and_how_much_is_unknown_is_said() {
    let mut lab = Lab::new();
    lab.seconds(5, 100, 100);
    lab.send(40, 0);
    lab.now += 400;
    let (expired, arrived) = lab.ways[0].expire();
    lab.change(&Notification::SaExpired(expired));
    lab.rekey(0);
    lab.second(0, 0);
    lab.finish();
    let sum = lab.sum();
    assert_eq!((sum.unmeasured, sum.unknown_ms), (arrived, 400));
    assert_eq!(
        lab.said,
        [format!(
            "SA 0x00000064 reached its hard limit: packets lost on the way are unknown for its last 0.4 s, in which {arrived} packets arrived"
        )]
    );
}

#[test]
fn a_hard_expiry_after_which_nothing_more_came_hides_nothing() {
    let mut lab = Lab::new();
    lab.seconds(5, 100, 100);
    lab.now += 400;
    let (expired, _) = lab.ways[0].expire();
    lab.change(&Notification::SaExpired(expired));
    lab.rekey(0);
    lab.second(0, 0);
    lab.finish();
    let sum = lab.sum();
    assert_eq!((sum.unmeasured, sum.unknown_ms), (0, 0));
    assert_eq!(sum.lost + lab.ways[0].tails(), lab.ways[0].lost);
    assert_eq!(lab.said, [""; 0]);
}

#[test]
fn a_flush_takes_the_numbers_of_all_sas() {
    let mut lab = Lab::new();
    lab.seconds(5, 100, 0);
    lab.now += 300;
    lab.change(&Notification::SasFlushed(50));
    lab.ways[0].expire();
    lab.rekey(0);
    lab.second(100, 0);
    lab.finish();
    assert_eq!(lab.sum().unknown_ms, 300);
    let said = "all SAs were flushed: packets lost on the way are unknown for the last 0.3 s";
    assert_eq!(lab.said, [said]);
    // What an SA of another protocol had is no matter.
    lab.change(&Notification::SasFlushed(51));
    lab.seconds(1, 100, 0);
    assert_eq!(lab.said.len(), 1);
}

#[test]
fn after_lost_messages_an_sa_that_stayed_goes_on_and_others_are_unknown() {
    let resync = |lab: &mut Lab, from: u64| {
        let sas: Vec<Sa> = lab.ways.iter().map(Way::sa).collect();
        for sa in &sas {
            lab.tracker.apply(&Notification::SaAdded(sa.clone()));
        }
        lab.path.sync(lab.moment(), &sas, &lab.tracker, Some(at(from)));
        lab.said.extend(lab.path.said().into_iter().map(|said| said.what));
    };
    let mut lab = Lab::new();
    lab.seconds(10, 100, 100);
    lab.send(100, 100);
    lab.now += 2000;
    resync(&mut lab, 10_000);
    lab.seconds(5, 100, 0);
    lab.finish();
    assert_eq!(lab.sum().lost + lab.ways[0].tails(), lab.ways[0].lost);
    assert_eq!((lab.sum().unknown_ms, lab.said.len()), (0, 0));

    // Two SAs came, and one went, unseen.
    lab.send(100, 100);
    lab.ways[0].rekey();
    lab.send(100, 100);
    lab.ways[0].rekey();
    lab.send(100, 0);
    lab.now += 4000;
    resync(&mut lab, 16_000);
    let before = lab.ways[0].lost;
    lab.seconds(5, 100, 100);
    lab.rekey(0);
    lab.second(0, 0);
    lab.finish();
    assert_eq!(lab.sum().unknown_ms, 5000, "since messages may be missing");
    let said = "packets lost on the way are unknown for 5.0 s: SAs changed while messages of the kernel were lost";
    assert_eq!(lab.said, [said]);
    let known = lab.ways[0].lost - before;
    assert!(known > 30 && lab.sum().lost >= known, "what came after is known");
}

#[test]
fn sas_that_cannot_be_measured_are_told_once_and_are_no_zero() {
    let mut lab = Lab::new();
    lab.ways[0].window = 0;
    lab.rekey(0);
    assert_eq!(lab.said, [""; 0], "it has carried nothing");
    for _ in 0..10 {
        lab.seconds(3, 100, 100);
        lab.rekey(0);
    }
    lab.second(0, 0);
    lab.finish();
    let said = "packets lost on the way are unknown: the SA has no replay window, and without one the kernel keeps no highest number";
    assert_eq!(lab.said, [said]);
    let sum = lab.sum();
    assert_eq!((sum.lost, sum.numbers), (0, 0));
    assert_eq!(sum.unmeasured, lab.ways[0].sent - lab.ways[0].lost);
    assert_eq!(lab.history().packets_unmeasured, sum.unmeasured);
}

#[test]
fn an_sa_that_nobody_negotiated_counts_from_its_first_sample() {
    let mut lab = Lab::of(vec![link(VTI)], Vec::new());
    for _ in 0..3 {
        let old = lab.ways[0].rekey_from(1 << 20);
        let new = lab.ways[0].sa();
        lab.change(&Notification::SaAdded(new));
        old.into_iter().for_each(|old| lab.change(&Notification::SaDeleted(old)));
        lab.second(100, 0);
        lab.second(100, 100);
    }
    lab.finish();
    let sum = lab.sum();
    assert!(sum.lost <= lab.ways[0].lost && sum.numbers < 400, "{sum:?}");
    assert_eq!(sum.unmeasured, 300);
    assert_eq!(lab.said.len(), 1);
    assert!(lab.said[0].contains("so the peer's first number is unknown"), "{:?}", lab.said);
}

#[test]
fn an_sa_that_was_there_before_the_recorder_counts_from_then() {
    let mut way = Way::to(VTI);
    way.rekey();
    way.send(5000, 100);
    let before = way.lost;
    let mut lab = Lab::of(vec![link(VTI)], vec![way.sa()]);
    lab.ways = vec![way];
    // Its message may come after it was read.
    lab.change(&Notification::SaUpdated(lab.ways[0].sa()));
    lab.seconds(20, 100, 100);
    lab.rekey(0);
    lab.second(0, 0);
    lab.finish();
    let known = lab.sum().lost + lab.ways[0].tails();
    let lost = lab.ways[0].lost - before;
    // What its window lacked at the beginning was lost before.
    assert!((lost..=lost + 32).contains(&known), "{known} of {lost}");
    assert_eq!(lab.sum().unmeasured, 0);
}

#[test]
fn a_clock_that_is_set_moves_times_and_no_length() {
    let mut lab = Lab::new();
    lab.seconds(30, 200, 0);
    lab.seconds(10, 200, 100);
    lab.ahead = 86_400_000;
    lab.seconds(10, 200, 100);
    lab.ahead = 0;
    lab.seconds(60, 200, 0);
    lab.finish();
    let history = lab.history();
    assert_eq!(history.packets_lost + lab.ways[0].tails(), lab.ways[0].lost);
    let [episode] = &history.episodes[..] else { panic_of(&history) };
    // The last holes leave the window with the next second's packets.
    assert_eq!(episode.milliseconds, 21_000);
    assert_eq!(lab.sum().span_ms, 110_000);
    assert_eq!(lab.sum().unknown_ms, 0);
}

#[test]
fn sas_that_several_interfaces_take_are_of_none() {
    let other = Link { ifindex: 9, ..link(9) };
    let mut same = link(VTI);
    (same.ifindex, same.name) = (9, other.name);
    let mut lab = Lab::of(vec![link(VTI), same], Vec::new());
    lab.ways.truncate(1);
    lab.rekey(0);
    lab.seconds(5, 100, 100);
    lab.finish();
    assert_eq!(lab.sum().lost, 0);
    let said = "packets lost on the way are unknown: the SA is of several interfaces";
    assert_eq!(lab.said, [said, said]);
}

#[test]
fn an_interface_that_is_made_after_its_sa_or_deleted_before_it_counts_what_it_had() {
    let mut lab = Lab::of(Vec::new(), Vec::new());
    lab.ways = vec![Way::to(VTI)];
    lab.rekey(0);
    lab.seconds(5, 100, 100);
    lab.change(&Notification::LinkChanged(link(VTI)));
    let before = lab.ways[0].lost;
    lab.seconds(5, 100, 100);
    let spans = lab.path.close(lab.moment(), VTI, true);
    lab.spans.extend(spans);
    let known = lab.sum().lost;
    assert!(known > 0 && known <= lab.ways[0].lost - before + 32, "{known}");
    lab.seconds(5, 100, 100);
    lab.rekey(0);
    lab.finish();
    assert_eq!(lab.sum().lost, known, "nobody has them");
}

#[test]
fn a_recorder_that_was_killed_left_what_it_wrote_and_the_next_tells_for_how_long_nothing_is_known()
{
    let started = |ms: u64| Record::Started {
        at_ms: at(ms).wall_ms,
        uptime_ms: ms,
        boot_id: "a".into(),
        tool_version: String::new(),
        counters: BTreeMap::from([(
            "vti8".to_owned(),
            Counted { ifindex: VTI, lost: 0, refused: None },
        )]),
    };
    let mut lab = Lab::new();
    lab.seconds(30, 200, 0);
    lab.seconds(60, 200, 100);
    let killed = lab.records();
    let written = lab.sum().lost;
    assert!(written * 10 > lab.ways[0].lost * 9, "{written} of {}", lab.ways[0].lost);
    let mut records = vec![started(0)];
    records.extend(killed);
    let alone = told(records.clone(), false);
    assert_eq!(alone.episodes.iter().map(|e| e.end).collect::<Vec<_>>(), [End::Unseen]);
    assert_eq!(told(records.clone(), true).episodes[0].end, End::Ongoing);
    records.push(started(120_000));
    let again = told(records, true);
    assert_eq!(again.packets_lost, written);
    assert_eq!(again.episodes[0].end, End::Unseen);
    assert!((30_000..=33_000).contains(&again.unknown_milliseconds), "{again:#?}");
}

#[test]
fn a_thousand_tunnels_leave_a_journal_that_lasts() {
    let links: Vec<Link> = (1..=1000).map(link).collect();
    let mut lab = Lab::of(links, Vec::new());
    (0..1000).for_each(|way| lab.rekey(way));
    // A loss that is no episode, in all of them.
    lab.seconds(300, 50, 4);
    let written: usize = lab
        .spans
        .iter()
        .map(|span| serde_json::to_string(&span.counts).unwrap().len() + "\"vti1000\":,".len())
        .sum();
    // Of 8 MiB a fourth a day.
    assert!(written * 288 < 24 << 20, "{written} bytes in 5 min");
    lab.finish();
    let lost: u64 = lab.ways.iter().map(|way| way.lost).sum();
    let open: u64 = lab.ways.iter().map(Way::open).sum();
    assert_eq!(lab.sum().lost + open, lost);
}

#[test]
fn sums_end_at_the_largest_number() {
    let most = PathLoss { numbers: u64::MAX, lost: u64::MAX, ..PathLoss::default() };
    let most = PathLoss { unmeasured: u64::MAX, unknown_ms: u64::MAX, ..most };
    let most = PathLoss { span_ms: u64::MAX, in_episode: true, ..most };
    let record = |at_ms| Record::PathLosses { at_ms, of: BTreeMap::from([("vti8".into(), most)]) };
    let history = told(vec![record(0), record(5), record(u64::MAX)], false);
    assert_eq!((history.packets_lost, history.sequence_numbers), (u64::MAX, u64::MAX));
    assert_eq!(history.episodes[0].packets_lost, u64::MAX);
}
