//! The watched VTIs, by ifindex. It decides nothing; each `Watch` does.

use super::host_refusals::NO_STATES;
use crate::journal::Counted;
use crate::kernel::Release;
use crate::snapshot::notification::Notification;
use crate::snapshot::recorded::Episode;
use crate::snapshot::{
    Direction, Driver, Link, RouteAnswer, RouteLookup, RouteQuery, Snapshot, Statistics,
};
use crate::timeline::{Effect, Finding, Moment, Of, Sample, Seen, Tracker, Watch};
use crate::way::counters::exports_errors;
use std::collections::{BTreeMap, BTreeSet};

/// Losses are written once a second at first, later so often that at most this part of an episode can be missing.
const FIRST_MS: u64 = 1000;
const PART: u64 = 50;

/// The VTIs that are watched.
#[derive(Default)]
pub(super) struct WatchedInterfaces {
    watches: BTreeMap<u32, Watched>,
    kernel: Release,
    /// The links of the last sample.
    links: Vec<Link>,
}

struct Watched {
    out: Half,
    inbound: Half,
    driver: Driver,
    admin_up: bool,
}

/// One direction of a VTI.
struct Half {
    watch: Watch,
    losses: Losses,
}

impl Watched {
    const fn of(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Out => &mut self.out,
            Direction::In => &mut self.inbound,
        }
    }

    const fn both(&mut self) -> [&mut Half; 2] {
        [&mut self.out, &mut self.inbound]
    }

    fn note(&mut self, now: Moment, what: &str) {
        self.both().into_iter().for_each(|half| half.watch.note(now, what.to_owned()));
    }
}

impl Half {
    /// Adds losses that are to be written; `began`: an episode began with them.
    fn add(&mut self, now: Moment, lost: u64, began: bool) {
        if began {
            self.losses = Losses { pending: 0, began: now, written: Moment::default() };
        }
        self.losses.pending = self.losses.pending.saturating_add(lost);
    }

    /// The losses that are due to be written, with the interface's name.
    fn due(&mut self, now: Moment) -> Option<(&str, u64)> {
        let losses = &mut self.losses;
        let pause = FIRST_MS.max(now.since(losses.began) / PART);
        // A tick is not exact to the millisecond.
        let is_due = losses.pending > 0 && now.since(losses.written) + FIRST_MS / 2 >= pause;
        if !is_due {
            return None;
        }
        losses.written = now;
        Some((self.watch.losing_name(), std::mem::take(&mut losses.pending)))
    }
}

/// Losses that are not yet written.
#[derive(Default)]
struct Losses {
    pending: u64,
    began: Moment,
    written: Moment,
}

/// What a sample showed of one direction of a VTI.
pub(super) struct SeenOf {
    pub interface: String,
    pub direction: Direction,
    pub lost: u64,
    pub began: bool,
    pub restarted: bool,
}

impl WatchedInterfaces {
    /// Whether there is no VTI.
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// The name of a watched VTI.
    pub fn name(&self, ifindex: u32) -> Option<&str> {
        self.watches.get(&ifindex).map(|watched| watched.out.watch.name())
    }

    /// The drivers of the watched VTIs.
    pub fn drivers(&self) -> BTreeSet<Driver> {
        self.watches.values().map(|watched| watched.driver).collect()
    }

    /// What each has lost, and refused on arrival, since it was created.
    pub fn counters(&self) -> BTreeMap<String, Counted> {
        let lost = |statistics: &Statistics, driver| {
            if exports_errors(driver, self.kernel) {
                statistics.tx_errors
            } else {
                statistics.tx_dropped
            }
        };
        let counted = |link: &Link| {
            let (driver, statistics) = (link.driver()?, link.statistics.as_ref()?);
            let (ifindex, lost) = (link.ifindex, lost(statistics, driver));
            let refused = Some(statistics.rx_errors.max(statistics.rx_dropped));
            let counted = Counted { ifindex, lost, refused };
            Some((link.name.clone(), counted))
        };
        self.links.iter().filter(|link| !link.is_fallback_device()).filter_map(counted).collect()
    }

    /// Applies a state that was read again. Returns whether a gap opened or closed, and the episodes of VTIs that no longer exist.
    pub fn resync(
        &mut self,
        now: Moment,
        state: &Snapshot,
        tracker: Option<&Tracker>,
    ) -> (bool, Vec<Episode>) {
        self.kernel = state.host.release();
        let (mut turned, mut ended) = (false, Vec::new());
        for link in state.links.iter().flatten() {
            let Some(watched) = self.watches.get_mut(&link.ifindex) else {
                self.add(now, link, tracker);
                continue;
            };
            for direction in [Direction::Out, Direction::In] {
                let readiness = tracker.and_then(|t| t.readiness(link.ifindex, direction));
                if let Some(readiness) = readiness {
                    let watch = &mut watched.of(direction).watch;
                    turned |= watch.readiness(now, readiness, &Notification::PoliciesFlushed);
                }
            }
        }
        if let Ok(links) = &state.links {
            let there: BTreeSet<u32> = links.iter().map(|link| link.ifindex).collect();
            let gone = self.watches.iter_mut().filter(|(ifindex, _)| !there.contains(ifindex));
            let end = |half: &mut Half| half.watch.end(now);
            ended.extend(gone.flat_map(|(_, watched)| watched.both().map(end)).flatten());
            self.watches.retain(|ifindex, _| there.contains(ifindex));
            self.links = links.iter().filter(|link| link.driver().is_some()).cloned().collect();
        }
        (turned, ended)
    }

    /// Takes a new or changed link. Returns whether that is a reason for a diagnosis.
    pub fn link(
        &mut self,
        now: Moment,
        link: &Link,
        tracker: Option<&mut Tracker>,
        change: &Notification,
    ) -> bool {
        let mut tracker = tracker;
        let effects = tracker.as_mut().map(|tracker| tracker.apply(change)).unwrap_or_default();
        let Some(watched) = self.watches.get_mut(&link.ifindex) else {
            self.add(now, link, tracker.as_deref());
            self.note(now, link.ifindex, &format!("link {} created", link.name));
            return link.driver().is_some();
        };
        for effect in effects {
            watched.of(effect.direction).watch.readiness(now, effect.readiness, change);
        }
        for half in watched.both() {
            if half.watch.name() != link.name {
                half.watch.rename(now, &link.name);
            }
        }
        let changed = std::mem::replace(&mut watched.admin_up, link.admin_up) != link.admin_up;
        if changed {
            let to = if link.admin_up { "up" } else { "down" };
            watched.note(now, &format!("link {} set {to}", link.name));
        }
        changed
    }

    fn add(&mut self, now: Moment, link: &Link, tracker: Option<&Tracker>) {
        let Some(driver) = link.driver().filter(|_| !link.is_fallback_device()) else { return };
        let look = Sample { at: now, statistics: link.statistics.unwrap_or_default() };
        let exported = exports_errors(driver, self.kernel);
        let half = |direction| {
            let readiness = tracker.and_then(|t| t.readiness(link.ifindex, direction));
            let of = Of { direction, driver, exported };
            let watch = Watch::new((&link.name, link.ifindex), of, readiness, look);
            Half { watch, losses: Losses::default() }
        };
        let (out, inbound) = (half(Direction::Out), half(Direction::In));
        let watched = Watched { out, inbound, driver, admin_up: link.admin_up };
        self.watches.insert(link.ifindex, watched);
    }

    /// Takes a deleted link with its final counters. Returns the episodes that end with it, if it was watched.
    pub fn remove(
        &mut self,
        now: Moment,
        ifindex: u32,
        last: Option<Statistics>,
    ) -> Option<Vec<Episode>> {
        let Watched { out, inbound, .. } = self.watches.remove(&ifindex)?;
        let last = last.map(|statistics| Sample { at: now, statistics });
        Some([out, inbound].into_iter().filter_map(|half| half.watch.gone(now, last)).collect())
    }

    /// Notes an event of one VTI.
    pub fn note(&mut self, now: Moment, ifindex: u32, what: &str) {
        if let Some(watched) = self.watches.get_mut(&ifindex) {
            watched.note(now, what);
        }
    }

    /// Takes the SAs and policies of one direction after a change. Returns whether a gap opened or closed.
    pub fn readiness(
        &mut self,
        now: Moment,
        effect: Effect,
        change: &Notification,
        what: Option<&str>,
    ) -> bool {
        let Some(watched) = self.watches.get_mut(&effect.ifindex) else { return false };
        let watch = &mut watched.of(effect.direction).watch;
        let turned = watch.readiness(now, effect.readiness, change);
        if let Some(what) = what {
            watch.note(now, what.to_string());
        }
        turned
    }

    /// Takes the kernel's answers about routes to peers. Returns whether a gap opened or closed.
    pub fn routes(
        &mut self,
        now: Moment,
        queries: &BTreeMap<RouteQuery, BTreeSet<u32>>,
        answers: &[RouteLookup],
    ) -> bool {
        // One reachable peer is enough for a VTI with many.
        let mut reached: BTreeMap<u32, bool> = BTreeMap::new();
        for lookup in answers {
            let is_there = matches!(lookup.answer, RouteAnswer::Route { .. });
            for ifindex in queries.get(&lookup.query).into_iter().flatten() {
                *reached.entry(*ifindex).or_default() |= is_there;
            }
        }
        let mut turned = false;
        for (ifindex, is_there) in reached {
            if let Some(watched) = self.watches.get_mut(&ifindex) {
                turned |= watched.out.watch.route(now, is_there);
            }
        }
        turned
    }

    /// Takes a sample of the counters. Returns what it showed, and how many packets the interfaces refused on arrival for a reason that the host
    /// counts as well.
    pub fn look(&mut self, now: Moment, links: Vec<Link>) -> (Vec<SeenOf>, u64) {
        let (mut all, mut refused) = (Vec::new(), 0u64);
        for link in &links {
            let (Some(watched), Some(statistics)) =
                (self.watches.get_mut(&link.ifindex), link.statistics)
            else {
                continue;
            };
            refused = refused.saturating_add(watched.inbound.watch.refused(&statistics));
            for direction in [Direction::Out, Direction::In] {
                let half = watched.of(direction);
                let seen = half.watch.look(Sample { at: now, statistics });
                half.add(now, seen.lost, seen.began);
                if seen.lost > 0 || seen.restarted && direction == Direction::Out {
                    let interface = link.name.clone();
                    let Seen { lost, began, restarted } = seen;
                    all.push(SeenOf { interface, direction, lost, began, restarted });
                }
            }
        }
        self.links = links;
        (all, refused)
    }

    /// Takes packets that a counter of the host has, and none of an interface, if they can be of one VTI only: it lacks their SA, or a cause of
    /// its present losses raises that counter.
    pub fn charge(
        &mut self,
        (now, from): (Moment, Moment),
        counter: &str,
        packets: u64,
    ) -> Option<SeenOf> {
        let lacks = |watched: &Watched| {
            let is_of_gap = counter == NO_STATES && watched.driver == Driver::Xfrm;
            is_of_gap && watched.inbound.watch.lacks_sa(now)
        };
        let may = |watched: &&mut Watched| {
            lacks(watched) || watched.inbound.watch.cause_raising(counter).is_some()
        };
        let watched = only(self.watches.values_mut().filter(may))?;
        let cause = watched.inbound.watch.cause_raising(counter).cloned();
        Some(watched.charge(now, from, packets, cause))
    }

    /// The same of packets that were refused before a diagnosis, by what it found of each VTI.
    pub fn charge_found(
        &mut self,
        (now, from): (Moment, Moment),
        counter: &str,
        packets: u64,
        found: &BTreeMap<u32, Vec<Finding>>,
    ) -> Option<SeenOf> {
        let raising = |(ifindex, watched)| {
            let watched: &mut Watched = watched;
            let cause = watched.inbound.watch.raising(found.get(ifindex)?, counter)?.clone();
            Some((watched, cause))
        };
        let (watched, cause) = only(self.watches.iter_mut().filter_map(raising))?;
        Some(watched.charge(now, from, packets, Some(cause)))
    }

    /// The losses that are due to be written, by interface: of what was sent, and of what was received.
    pub fn losses(&mut self, now: Moment) -> Option<[BTreeMap<String, u64>; 2]> {
        let mut due = [BTreeMap::new(), BTreeMap::new()];
        for watched in self.watches.values_mut() {
            for (half, due) in watched.both().into_iter().zip(&mut due) {
                if let Some((name, lost)) = half.due(now) {
                    let sum: &mut u64 = due.entry(name.to_owned()).or_default();
                    *sum = sum.saturating_add(lost);
                }
            }
        }
        due.iter().any(|due| !due.is_empty()).then_some(due)
    }

    /// The episodes that have ended.
    pub fn settle(&mut self, now: Moment) -> Vec<Episode> {
        let settled = self.watches.values_mut().flat_map(Watched::both).filter_map(|half| {
            let episode = half.watch.settle(now)?;
            half.losses.pending = 0;
            Some(episode)
        });
        settled.collect()
    }

    /// The episodes that end with the recorder.
    pub fn end_all(&mut self, now: Moment) -> Vec<Episode> {
        let both = self.watches.values_mut().flat_map(Watched::both);
        both.filter_map(|half| half.watch.end(now)).collect()
    }

    /// The VTIs for which a diagnosis might explain what the events do not.
    pub fn wanting(&self, direction: Direction) -> BTreeSet<u32> {
        let wants = |watched: &Watched| match direction {
            Direction::Out => watched.out.watch.wants_finding(),
            Direction::In => watched.inbound.watch.wants_finding(),
        };
        let wanting = self.watches.iter().filter(|(_, watched)| wants(watched));
        wanting.map(|(ifindex, _)| *ifindex).collect()
    }

    /// Whether there is such a VTI.
    pub fn wants_finding(&self) -> bool {
        let wants = |w: &Watched| w.out.watch.wants_finding() || w.inbound.watch.wants_finding();
        self.watches.values().any(wants)
    }

    /// Takes the finding of a diagnosis for one VTI.
    pub fn found(&mut self, ifindex: u32, finding: Option<Finding>) {
        if let Some(watched) = self.watches.get_mut(&ifindex) {
            watched.out.watch.found(finding);
        }
    }

    /// Takes the findings of what arrives at one VTI.
    pub fn found_inbound(&mut self, ifindex: u32, findings: &[Finding]) {
        if let Some(watched) = self.watches.get_mut(&ifindex) {
            let watch = &mut watched.inbound.watch;
            watch.found(watch.refusing(findings));
        }
    }
}

impl Watched {
    /// Adds inbound packets that only the host counted.
    fn charge(&mut self, now: Moment, from: Moment, lost: u64, cause: Option<Finding>) -> SeenOf {
        let Half { watch, .. } = &mut self.inbound;
        let began = watch.charge(from, lost, cause);
        let interface = watch.name().to_owned();
        self.inbound.add(now, lost, began);
        SeenOf { interface, direction: Direction::In, lost, began, restarted: false }
    }
}

/// The only one; none where there are several.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}
