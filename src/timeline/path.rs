//! What is lost on the way to the inbound SAs of all VTIs, summed for each VTI over the SAs that it has one after another. It follows the
//! kernel's messages about SAs and samples of their counters, and where neither has a number, it says how much is unknown.
//!
//! An SA is counted from the message about its installation to the one about its deletion, which has its last counters. Between them
//! samples say when packets were lost. An SA that goes without numbers (hard expiry, flush, messages that were lost) leaves the time
//! since its last sample unknown. Sources: `xfrm_notify_sa()`, `xfrm_exp_state_notify()`, `xfrm_notify_sa_flush()`.

use super::moment::Moment;
use super::path_course::Course;
use super::tracked::SaId;
use super::tracker::{Tracker, id};
use crate::snapshot::Sa;
use crate::snapshot::notification::Notification;
use crate::snapshot::recorded::PathLoss;
use crate::units::{self, PACKET};
use crate::way::loss::{Blind, NUMBERED};
use crate::way::meter::{First, Meter, Rise};
use std::collections::{BTreeMap, BTreeSet};

/// What happens often is said so often at most for one VTI.
const SAY_MS: u64 = 60_000;

/// What is said of SAs that no key daemon has just negotiated.
const FIRST_UNKNOWN: &str = "packets lost on the way are unknown before the first sample in which an SA has packets: \
     no key daemon negotiated it while the recorder ran, so the peer's first number is unknown";

/// The SAs that are followed, and the VTIs that they belong to.
#[derive(Debug, Default)]
pub struct PathLosses {
    sas: BTreeMap<SaId, Followed>,
    vtis: BTreeMap<u32, Receiver>,
    said: Vec<Said>,
    /// Since when nothing can be read.
    unread: Option<Moment>,
}

#[derive(Debug)]
struct Followed {
    meter: Meter,
    /// The VTI that takes its packets; none where that is none or several.
    owner: Option<u32>,
    /// `curlft.add_time`: another one is another SA with this SPI.
    add_time: u64,
    /// When its counters were last read.
    at: Moment,
}

#[derive(Debug)]
struct Receiver {
    course: Course,
    /// Reasons without a measure that were said.
    told: BTreeSet<String>,
    said: Option<Moment>,
}

/// A sentence about one VTI: what of its losses is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The VTI.
    pub ifindex: u32,
    /// One sentence.
    pub what: String,
}

/// The counts of one VTI in a span of time that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its end.
    pub at: Moment,
    /// The VTI.
    pub ifindex: u32,
    /// The counts.
    pub counts: PathLoss,
}

impl PathLosses {
    /// Takes all SAs as they were read: at the beginning, and again after messages were lost. `missed`: since when messages may be missing.
    pub fn sync(&mut self, now: Moment, sas: &[Sa], tracker: &Tracker, missed: Option<Moment>) {
        let mut before = std::mem::take(&mut self.sas);
        let since = |at: Moment| missed.map_or(at, |missed| missed.min(at));
        let mut changed = BTreeSet::new();
        for sa in sas.iter().filter(|sa| is_followed(sa)) {
            let known = before.remove(&id(sa));
            match known {
                Some(known) if known.add_time == sa.current.add_time => {
                    self.sas.insert(id(sa), known);
                    self.read(now, sa);
                }
                gone => {
                    changed.extend(gone.as_ref().and_then(|gone| gone.owner));
                    gone.into_iter().for_each(|gone| self.vanished(now, &gone, since(gone.at)));
                    self.begin(now, sa, First::Unknown, tracker);
                    changed.extend(self.sas.get(&id(sa)).and_then(|new| new.owner));
                }
            }
        }
        for gone in before.into_values() {
            changed.extend(gone.owner);
            self.vanished(now, &gone, since(gone.at));
        }
        self.own(now, tracker);
        if let Some(from) = missed {
            for ifindex in changed {
                self.unknown(ifindex, from, now);
                let time = units::Span(now.since(from));
                let what = format!(
                    "packets lost on the way are unknown for {time}: SAs changed while messages of the kernel were lost"
                );
                self.say(now, ifindex, what);
            }
        }
        if let Some(from) = self.unread.take() {
            let all: Vec<u32> = self.vtis.keys().copied().collect();
            all.into_iter().for_each(|ifindex| self.unknown(ifindex, from, now));
        }
    }

    /// Nothing can be read, until the next [`PathLosses::sync`].
    pub fn unread(&mut self, now: Moment) {
        for gone in std::mem::take(&mut self.sas).into_values() {
            self.vanished(now, &gone, gone.at);
        }
        self.unread.get_or_insert(now);
    }

    /// Takes a message of the kernel.
    pub fn apply(&mut self, now: Moment, change: &Notification, tracker: &Tracker) {
        match change {
            // The state may have been read after the change, and before its message.
            Notification::SaAdded(sa) | Notification::SaUpdated(sa)
                if !is_followed(sa) || self.sas.contains_key(&id(sa)) => {}
            Notification::SaAdded(sa) => self.begin(now, sa, First::Unknown, tracker),
            Notification::SaUpdated(sa) => self.begin(now, sa, First::One, tracker),
            Notification::SaDeleted(sa) => {
                if let Some(known) = self.sas.remove(&id(sa)) {
                    let rise = known.meter.end(sa);
                    self.count(now, known.owner, known.at, rise);
                    self.decreased(now, sa, known.owner.filter(|_| rise.is_unknown), known.at);
                }
            }
            Notification::SaExpired(sa) => {
                if let Some(known) = self.sas.remove(&id(sa)) {
                    let rise = known.meter.expire(sa);
                    self.count(now, known.owner, known.at, rise);
                    if let Some(ifindex) = known.owner.filter(|_| rise.is_unknown) {
                        let (time, packets) =
                            (units::Span(now.since(known.at)), PACKET.of(rise.unmeasured));
                        let what = format!(
                            "SA {} reached its hard limit: packets lost on the way are unknown for its last {time}, \
                             in which {packets} arrived",
                            sa.spi
                        );
                        self.say(now, ifindex, what);
                    }
                }
            }
            Notification::SasFlushed(protocol) => {
                let all = matches!(protocol, 0 | 255);
                let is_gone = |of: u8| all || of == *protocol;
                let all = std::mem::take(&mut self.sas).into_iter();
                let (gone, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    all.partition(|((_, of, _), _)| is_gone(*of));
                self.sas = kept;
                for gone in gone.into_values() {
                    self.vanished(now, &gone, gone.at);
                    if let Some(ifindex) = gone.owner {
                        let time = units::Span(now.since(gone.at));
                        let what = format!(
                            "all SAs were flushed: packets lost on the way are unknown for the last {time}"
                        );
                        self.say(now, ifindex, what);
                    }
                }
            }
            Notification::LinkChanged(link) if link.driver().is_some() => self.own(now, tracker),
            _ => {}
        }
    }

    /// Takes a sample of the counters of the SAs, which may lack some.
    pub fn sample(&mut self, now: Moment, sas: &[Sa]) -> Vec<Span> {
        sas.iter().for_each(|sa| self.read(now, sa));
        let vtis = u64::try_from(self.vtis.len()).unwrap_or(u64::MAX);
        let mut spans = Vec::new();
        for (ifindex, receiver) in &mut self.vtis {
            let mut out = Vec::new();
            receiver.course.turn(now, &mut out);
            receiver.course.due(now, vtis, &mut out);
            spans.extend(spans_of(*ifindex, out));
        }
        spans
    }

    /// The VTIs whose losses are counted.
    pub fn vtis(&self) -> impl Iterator<Item = u32> + '_ {
        self.vtis.keys().copied()
    }

    /// The interface was deleted, or has another name from now on: what is not written of it.
    pub fn close(&mut self, now: Moment, ifindex: u32, is_deleted: bool) -> Vec<Span> {
        let mut out = Vec::new();
        if let Some(receiver) = self.vtis.get_mut(&ifindex) {
            receiver.course.finish(now, true, &mut out);
        }
        if is_deleted {
            self.vtis.remove(&ifindex);
            let own = self.sas.values_mut().filter(|sa| sa.owner == Some(ifindex));
            own.for_each(|sa| sa.owner = None);
        }
        spans_of(ifindex, out).collect()
    }

    /// The recording ends: all that is not written.
    pub fn finish(&mut self, now: Moment) -> Vec<Span> {
        let mut spans = Vec::new();
        for (ifindex, receiver) in &mut self.vtis {
            let mut out = Vec::new();
            receiver.course.finish(now, false, &mut out);
            spans.extend(spans_of(*ifindex, out));
        }
        spans
    }

    /// What is to be said since the last call.
    pub fn said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    fn begin(&mut self, now: Moment, sa: &Sa, first: First, tracker: &Tracker) {
        let meter = Meter::new(sa, first);
        let owner = self.owner(now, &id(sa), tracker);
        let (why, add_time) = (meter.why().cloned(), sa.current.add_time);
        self.sas.insert(id(sa), Followed { meter, owner, add_time, at: now });
        if sa.current.packets > 0 {
            self.blind(now, owner, why.as_ref());
        }
    }

    /// The only VTI that takes the packets of an SA.
    fn owner(&mut self, now: Moment, sa: &SaId, tracker: &Tracker) -> Option<u32> {
        let receivers = tracker.receivers(sa);
        if let [only] = receivers.as_slice() {
            self.vtis.entry(*only).or_insert_with(|| Receiver::new(now));
            return Some(*only);
        }
        for ifindex in receivers {
            let what =
                "packets lost on the way are unknown: the SA is of several interfaces".to_owned();
            self.say_once(now, ifindex, what);
        }
        None
    }

    /// Looks again for the VTIs of SAs that have none.
    fn own(&mut self, now: Moment, tracker: &Tracker) {
        let without = self.sas.iter().filter(|(_, sa)| sa.owner.is_none()).map(|(id, _)| *id);
        for id in without.collect::<Vec<_>>() {
            let owner = self.owner(now, &id, tracker);
            self.sas.get_mut(&id).into_iter().for_each(|sa| sa.owner = owner);
        }
    }

    fn read(&mut self, now: Moment, sa: &Sa) {
        let Some(known) = self.sas.get_mut(&id(sa)) else { return };
        let was = known.meter.why().cloned();
        let (rise, owner, before) = (known.meter.sample(sa), known.owner, known.at);
        known.at = now;
        let why = known.meter.why().cloned().or(was);
        self.count(now, owner, before, rise);
        self.decreased(now, sa, owner.filter(|_| rise.is_unknown), before);
        // One that carries nothing hides nothing.
        if rise.unmeasured > 0 {
            self.blind(now, owner, why.as_ref());
        }
    }

    /// An SA went without its last numbers.
    fn vanished(&mut self, now: Moment, gone: &Followed, since: Moment) {
        if let Some(ifindex) = gone.owner {
            self.unknown(ifindex, since, now);
        }
    }

    fn count(&mut self, now: Moment, owner: Option<u32>, before: Moment, rise: Rise) {
        let Some(ifindex) = owner else { return };
        let Rise { numbers, lost, came, unmeasured, is_unknown } = rise;
        let counts = PathLoss { numbers, lost, unmeasured, ..PathLoss::default() };
        let receiver = self.vtis.entry(ifindex).or_insert_with(|| Receiver::new(now));
        receiver.course.add(&counts, came);
        if is_unknown {
            receiver.course.add_unknown(before, now);
        }
    }

    fn unknown(&mut self, ifindex: u32, from: Moment, to: Moment) {
        let receiver = self.vtis.entry(ifindex).or_insert_with(|| Receiver::new(from));
        receiver.course.add_unknown(from, to);
    }

    /// Says that a counter of an SA decreased since a sample before.
    fn decreased(&mut self, now: Moment, sa: &Sa, owner: Option<u32>, before: Moment) {
        let Some(ifindex) = owner else { return };
        let (spi, time) = (sa.spi, units::Span(now.since(before)));
        let what = format!(
            "a counter of SA {spi} decreased: packets lost on the way are unknown for {time}"
        );
        self.say(now, ifindex, what);
    }

    /// Says once why an SA of a VTI is not measured.
    fn blind(&mut self, now: Moment, owner: Option<u32>, why: Option<&Blind>) {
        if let (Some(ifindex), Some(why)) = (owner, why) {
            let what = match why {
                Blind::FirstNumberUnknown => FIRST_UNKNOWN.to_owned(),
                why => format!("packets lost on the way are unknown: {why}"),
            };
            self.say_once(now, ifindex, what);
        }
    }

    fn say_once(&mut self, now: Moment, ifindex: u32, what: String) {
        let receiver = self.vtis.entry(ifindex).or_insert_with(|| Receiver::new(now));
        if receiver.told.insert(what.clone()) {
            self.said.push(Said { ifindex, what });
        }
    }

    /// Says what may happen often.
    fn say(&mut self, now: Moment, ifindex: u32, what: String) {
        let receiver = self.vtis.entry(ifindex).or_insert_with(|| Receiver::new(now));
        if receiver.said.is_none_or(|said| now.since(said) >= SAY_MS) {
            receiver.said = Some(now);
            self.said.push(Said { ifindex, what });
        }
    }
}

impl Receiver {
    fn new(now: Moment) -> Self {
        Self { course: Course::new(now), told: BTreeSet::new(), said: None }
    }
}

fn is_followed(sa: &Sa) -> bool {
    NUMBERED.contains(&sa.protocol) && !sa.is_larval()
}

fn spans_of(ifindex: u32, out: Vec<(Moment, PathLoss)>) -> impl Iterator<Item = Span> {
    out.into_iter().map(move |(at, counts)| Span { at, ifindex, counts })
}
