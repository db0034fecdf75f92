//! The recorder's turns: takes the kernel's messages in, looks at the counters, asks for diagnoses, writes what came of it.
//! What explains a loss is decided in `timeline` and `diagnose`.

use super::background_diagnosis::{Answer, BackgroundDiagnosis};
use super::clock::Clock;
use super::rate_limited_log::RateLimitedLog;
use super::watched_interfaces::WatchedInterfaces;
use crate::code::Code;
use crate::collect::{self, watch::Changes};
use crate::error::{Error, Result};
use crate::journal::{Accounts, Anew, Record, Writer};
use crate::report::Verdict;
use crate::snapshot::notification::Notification;
use crate::snapshot::recorded::{Episode, Remark};
use crate::timeline::{Finding, Moment, Tracker, event};
use crate::units::{IS, PACKET, Span, WAS};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks at the counters.
const TICK_MS: u64 = 1000;
/// A gap that opens or closes is worth a look of its own, but not more often.
const LEAST_MS: u64 = 20;
/// A look may take this part of the time at most, when gaps ask for more of them.
const LOOK_SHARE: u64 = 20;
/// The state is read anew after lost messages, but not more often.
const RESYNC_MS: u64 = 5000;
/// Diagnoses, when something calls for them and when nothing does.
const DIAGNOSE_MS: u64 = 2000;
const ROUTINE_MS: u64 = 300_000;
/// Diagnoses may take this part of the time at most; the second, while packets are lost and nothing says why.
const DIAGNOSE_SHARE: u64 = 200;
const URGENT_SHARE: u64 = 20;
/// Routes to peers are asked for after changes, but not more often.
const ROUTES_MS: u64 = 100;
/// What was written is brought to the disk at least so often.
const SYNC_MS: u64 = 30_000;

/// The recorder.
pub(super) struct Recorder<'a> {
    journal: Writer,
    clock: Clock,
    changes: Changes,
    log: RateLimitedLog<'a>,
    diagnosis: BackgroundDiagnosis,
    tracker: Option<Tracker>,
    watched: WatchedInterfaces,
    ticked: Moment,
    looked: Moment,
    look_ms: u64,
    /// A gap opened or closed since the last look.
    turned: bool,
    /// Messages of the kernel were lost since the state was read last: why, and when that was noticed. Further losses until the state is
    /// read again add nothing to the first.
    lost: Option<(String, Moment)>,
    resynced: Moment,
    /// The peers whose routes must be asked for again; `None` where nothing has changed.
    concerned: Option<Concerned>,
    routed: Moment,
    wanted: bool,
    asked_for: BTreeSet<u32>,
    diagnosed: Moment,
    took_ms: u64,
    /// What is said of each interface, and what was seen of it once.
    verdicts: BTreeMap<String, (Verdict, Option<Code>)>,
    candidates: BTreeMap<String, (Verdict, Option<Code>)>,
    synced: Moment,
    written: bool,
    /// When the journal's file was looked at.
    checked: Moment,
    /// It could not be begun again.
    unwritable: bool,
}

/// Which peers' routes may have changed.
enum Concerned {
    All,
    In(Vec<ipnet::IpNet>),
}

impl<'a> Recorder<'a> {
    /// A recorder that has seen nothing yet.
    ///
    /// # Errors
    /// The system has no thread for the diagnoses.
    pub fn new(
        journal: Writer,
        clock: Clock,
        changes: Changes,
        vici: PathBuf,
        say: &'a mut dyn FnMut(&str),
    ) -> Result<Self> {
        let now = clock.now();
        let diagnosis = BackgroundDiagnosis::start(vici)
            .map_err(|error| Error::DataUnavailable(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            journal,
            clock,
            changes,
            log: RateLimitedLog::new(say, now),
            diagnosis,
            tracker: None,
            watched: WatchedInterfaces::default(),
            ticked: now,
            looked: now,
            look_ms: 0,
            turned: false,
            lost: None,
            resynced: now,
            concerned: None,
            routed: now,
            wanted: true,
            asked_for: BTreeSet::new(),
            diagnosed: now,
            took_ms: 0,
            verdicts: BTreeMap::new(),
            candidates: BTreeMap::new(),
            synced: now,
            written: false,
            checked: now,
            unwritable: false,
        })
    }

    /// What it listens to.
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// How long it has nothing to do.
    pub fn patience(&self) -> Duration {
        let now = self.clock.now();
        let mut due = self.ticked.uptime_ms + TICK_MS;
        if self.turned {
            due = due.min(self.looked.uptime_ms + LEAST_MS.max(self.look_ms * LOOK_SHARE));
        }
        if self.concerned.is_some() {
            due = due.min(self.routed.uptime_ms + ROUTES_MS);
        }
        Duration::from_millis(due.saturating_sub(now.uptime_ms))
    }

    /// Reads the state, and tells the journal where it begins; `before` is what the journal accounts for.
    ///
    /// # Errors
    /// As those of [`Recorder::turn`].
    pub fn start(&mut self, before: &Accounts) -> Result<()> {
        let now = self.clock.now();
        self.read_state(now);
        let counters = self.watched.counters();
        let boot_id = collect::proc::boot_id();
        for missed in before.unwatched(&boot_id, &counters) {
            let (packets, were) = (PACKET.of(missed.lost), WAS.word(missed.lost));
            let what = format!("{packets} {were} lost that no recorder wrote down");
            self.remark(now, Some(missed.interface), what);
        }
        self.begin(now);
        self.flush(now)
    }

    /// Tells the journal from where on counters are watched.
    fn begin(&mut self, now: Moment) {
        self.written = true;
        self.journal.begin(&Record::Started {
            at_ms: now.wall_ms,
            uptime_ms: now.uptime_ms,
            boot_id: collect::proc::boot_id(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
            counters: self.watched.counters(),
        });
    }

    /// One turn: what is there to be taken in, and what is due.
    ///
    /// # Errors
    /// The journal is gone and cannot be begun again.
    pub fn turn(&mut self) -> Result<()> {
        self.take_changes();
        let now = self.clock.now();
        self.check_routes(now);
        let ticks = now.since(self.ticked) >= TICK_MS;
        let least = LEAST_MS.max(self.look_ms * LOOK_SHARE);
        if ticks || (self.turned && now.since(self.looked) >= least) {
            self.look(now);
        }
        if ticks {
            self.ticked = now;
            self.tick(now);
        }
        self.diagnose(now);
        self.flush(now)
    }

    /// The end: what goes on is written as it is.
    ///
    /// # Errors
    /// As those of [`Recorder::turn`].
    pub fn stop(&mut self) -> Result<()> {
        let now = self.clock.now();
        self.look(now);
        for episode in self.watched.end_all(now) {
            self.append(&Record::Episode(episode));
        }
        self.append(&Record::Stopped { at_ms: now.wall_ms });
        self.flush(now)?;
        self.journal.sync();
        Ok(())
    }

    fn take_changes(&mut self) {
        let received = self.changes.receive();
        let now = self.clock.now();
        if received.lost || received.malformed.is_some() {
            let why =
                received.malformed.unwrap_or_else(|| "the kernel had no room for them".into());
            self.lost.get_or_insert((why, now));
        }
        for change in &received.changes {
            self.apply(now, change);
        }
        if self.lost.is_some() && now.since(self.resynced) >= RESYNC_MS {
            self.resync(now);
        }
    }

    fn apply(&mut self, now: Moment, change: &Notification) {
        match change {
            Notification::LinkChanged(link) => {
                let changed = self.watched.link(now, link, self.tracker.as_mut(), change);
                self.wanted |= changed;
                if link.driver().is_none() {
                    self.concerned = Some(Concerned::All);
                }
                return;
            }
            Notification::LinkDeleted { ifindex, name, statistics } => {
                if let Some(tracker) = &mut self.tracker {
                    tracker.apply(change);
                }
                if let Some(ended) = self.watched.remove(now, *ifindex, *statistics) {
                    ended.into_iter().for_each(|episode| self.ended(now, episode));
                    self.remark(now, Some(name.clone()), "the interface was deleted".into());
                }
                return;
            }
            Notification::AddressAdded(_) | Notification::AddressDeleted(_) => {
                self.concerned = Some(Concerned::All);
            }
            Notification::RouteAdded(route) | Notification::RouteDeleted(route) => {
                let Some(tracker) = &self.tracker else { return };
                if !tracker.has_peer_in(&route.destination) {
                    return;
                }
                match self.concerned.get_or_insert(Concerned::In(Vec::new())) {
                    Concerned::In(prefixes) => prefixes.push(route.destination),
                    Concerned::All => {}
                }
                if let Some(what) = event(change) {
                    for ifindex in tracker.with_peer_in(&route.destination) {
                        self.watched.note(now, ifindex, &what);
                    }
                }
            }
            _ => {}
        }
        let Some(tracker) = &mut self.tracker else { return };
        let effects = tracker.apply(change);
        if effects.is_empty() {
            return;
        }
        let what = event(change);
        for effect in effects {
            self.turned |= self.watched.readiness(now, effect, change, what.as_deref());
        }
    }

    /// Asks for the routes to those peers whose routes may have changed.
    fn check_routes(&mut self, now: Moment) {
        if now.since(self.routed) < ROUTES_MS {
            return;
        }
        let (Some(concerned), Some(tracker)) = (self.concerned.take(), &self.tracker) else {
            return;
        };
        self.routed = now;
        let queries = tracker.outer_queries(|peer| match &concerned {
            Concerned::All => true,
            Concerned::In(prefixes) => prefixes.iter().any(|prefix| prefix.contains(&peer)),
        });
        // Routes that cannot be asked for are no news of the routes.
        let Ok(answers) = collect::watch::routes(queries.keys().cloned()) else { return };
        self.turned |= self.watched.routes(now, &queries, &answers);
    }

    fn look(&mut self, now: Moment) {
        self.turned = false;
        let links = collect::watch::vtis(&self.watched.drivers());
        let after = self.clock.now();
        (self.looked, self.look_ms) = (after, after.since(now));
        let Ok(links) = links else { return };
        for seen in self.watched.look(after, links) {
            if seen.restarted {
                let what = "the counters were restarted".to_string();
                self.remark(now, Some(seen.interface.clone()), what);
            }
            if seen.began {
                self.wanted = true;
                let (packets, are) = (PACKET.of(seen.lost), IS.word(seen.lost));
                self.log.line(now, &format!("{}: {packets} {are} lost", seen.interface));
            }
        }
    }

    fn tick(&mut self, now: Moment) {
        if let Some(ms) = self.clock.jump() {
            let to = if ms > 0 { "forward" } else { "back" };
            let what = format!("the clock was set {to} by {}", Span(ms.unsigned_abs()));
            self.remark(now, None, what);
        }
        for episode in self.watched.settle(now) {
            self.ended(now, episode);
        }
        if let Some(of) = self.watched.losses(now) {
            self.append(&Record::Losses { at_ms: now.wall_ms, of });
        }
        if self.written && now.since(self.synced) >= SYNC_MS {
            self.journal.sync();
            (self.synced, self.written) = (now, false);
        }
    }

    fn ended(&mut self, now: Moment, episode: Episode) {
        self.wanted = true;
        self.log.line(now, &super::rate_limited_log::ended(&episode));
        self.append(&Record::Episode(episode));
    }

    /// Asks for diagnoses where they are wanted, and takes in what they say.
    fn diagnose(&mut self, now: Moment) {
        if let Some(Answer { findings, took }) = self.diagnosis.answer() {
            let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.diagnosed = now;
            self.took_ms = took;
            let asked_for = std::mem::take(&mut self.asked_for);
            for finding in findings {
                if asked_for.contains(&finding.ifindex) {
                    self.watched.found(finding.ifindex, finding.first.clone());
                }
                self.judge(now, &finding.interface, finding.verdict, finding.first);
            }
        }
        let since = now.since(self.diagnosed);
        let is_urgent = self.watched.wants_finding();
        let is_due = is_urgent || self.wanted || since >= ROUTINE_MS;
        let share = if is_urgent { URGENT_SHARE } else { DIAGNOSE_SHARE };
        let pause = DIAGNOSE_MS.max(self.took_ms.saturating_mul(share));
        if is_due && since >= pause && !self.diagnosis.is_busy() && !self.watched.is_empty() {
            self.wanted = false;
            self.asked_for = self.watched.wanting();
            self.diagnosis.ask();
        }
    }

    /// Tells of a verdict that changed, once a second diagnosis agrees: what is seen in the middle of a gap is over in a moment.
    fn judge(&mut self, now: Moment, interface: &str, verdict: Verdict, first: Option<Finding>) {
        let judged = (verdict, first.as_ref().map(|(code, _)| *code));
        let known = self.verdicts.get(interface).copied();
        if known == Some(judged) {
            self.candidates.remove(interface);
            return;
        }
        let agreed = self.candidates.insert(interface.into(), judged) == Some(judged);
        if !agreed {
            self.wanted = true;
            return;
        }
        self.candidates.remove(interface);
        self.verdicts.insert(interface.into(), judged);
        if known.is_some() || verdict > Verdict::Notice {
            let words = super::rate_limited_log::verdict(verdict, first.as_ref());
            self.log.line(now, &format!("{interface}: {words}"));
            self.remark(now, Some(interface.into()), words);
        }
    }

    fn resync(&mut self, now: Moment) {
        let Some((why, since)) = self.lost.take() else { return };
        self.resynced = now;
        let when = match now.since(since) {
            0 => "at once".to_string(),
            ms => format!("{} after that was noticed", Span(ms)),
        };
        self.changes.discard();
        self.read_state(now);
        let what = format!(
            "messages of the kernel were lost ({why}): what happened since the last ones is not known; \
             the state was read again {when}"
        );
        self.remark(now, None, what);
    }

    /// Reads SAs, policies, links and addresses.
    fn read_state(&mut self, now: Moment) {
        let state = collect::watch::state();
        match Tracker::new(&state) {
            Ok(tracker) => self.tracker = Some(tracker),
            Err(missing) => {
                self.tracker = None;
                self.remark(now, None, format!("gaps cannot be seen: {missing}"));
            }
        }
        let (turned, ended) = self.watched.resync(now, &state, self.tracker.as_ref());
        self.turned |= turned;
        ended.into_iter().for_each(|episode| self.append(&Record::Episode(episode)));
        self.concerned = Some(Concerned::All);
    }

    fn remark(&mut self, now: Moment, interface: Option<String>, what: String) {
        self.append(&Record::Remark(Remark { at_ms: now.wall_ms, interface, what }));
    }

    fn append(&mut self, record: &Record) {
        self.journal.append(record);
        self.written = true;
    }

    /// The journal was begun again under the recorder.
    fn anew(&mut self, now: Moment, anew: Anew) {
        self.log.line(now, &anew.sentence);
        self.remark(now, None, anew.sentence);
        if anew.is_empty {
            self.begin(now);
        }
    }

    /// Writes what waits, to a journal that is there: another process may have removed it.
    fn flush(&mut self, now: Moment) -> Result<()> {
        if self.journal.is_waiting() || now.since(self.checked) >= TICK_MS {
            self.checked = now;
            match self.journal.check() {
                Ok(None) => {}
                Ok(Some(anew)) => self.anew(now, anew),
                // A full disk, perhaps: the records wait.
                Err(error @ Error::Write { .. }) => {
                    if !std::mem::replace(&mut self.unwritable, true) {
                        self.log.line(now, &error.to_string());
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            self.unwritable = false;
        }
        if let Some(sentence) = self.journal.flush() {
            self.log.line(now, &sentence);
        }
        Ok(())
    }
}
