//! The VTIs that are watched, by ifindex. It decides nothing: each `Watch` does.

use crate::journal::Counted;
use crate::kernel::Release;
use crate::snapshot::notification::Notification;
use crate::snapshot::recorded::Episode;
use crate::snapshot::{Driver, Link, RouteAnswer, RouteLookup, RouteQuery, Snapshot, Statistics};
use crate::timeline::{Effect, Finding, Moment, Readiness, Sample, Tracker, Watch};
use crate::way::counters::exports_errors;
use std::collections::{BTreeMap, BTreeSet};

/// Losses are written once a second at first, and then so often that this part of an episode is the most that may be missing.
const FIRST_MS: u64 = 1000;
const PART: u64 = 50;

/// The VTIs that are watched.
#[derive(Default)]
pub(super) struct WatchedInterfaces {
    watches: BTreeMap<u32, Watched>,
    kernel: Release,
    /// The links of the last look.
    links: Vec<Link>,
}

struct Watched {
    watch: Watch,
    driver: Driver,
    admin_up: bool,
    losses: Losses,
}

/// Losses that are not written yet.
#[derive(Default)]
struct Losses {
    pending: u64,
    began: Moment,
    written: Moment,
}

/// What a look showed of one VTI.
pub(super) struct SeenOf {
    pub interface: String,
    pub lost: u64,
    pub began: bool,
    pub restarted: bool,
}

impl WatchedInterfaces {
    /// Whether there is no VTI.
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// The drivers to look for.
    pub fn drivers(&self) -> BTreeSet<Driver> {
        self.watches.values().map(|watched| watched.driver).collect()
    }

    /// What each has lost since it was made.
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
            let counted = Counted { ifindex: link.ifindex, lost: lost(statistics, driver) };
            Some((link.name.clone(), counted))
        };
        self.links.iter().filter(|link| !link.is_fallback_device()).filter_map(counted).collect()
    }

    /// Brings it in line with a state that was read anew. True where a gap opened or closed; and the episodes of VTIs that are gone.
    pub fn resync(
        &mut self,
        now: Moment,
        state: &Snapshot,
        tracker: Option<&Tracker>,
    ) -> (bool, Vec<Episode>) {
        self.kernel = state.host.release();
        let (mut turned, mut ended) = (false, Vec::new());
        for link in state.links.iter().flatten() {
            let readiness = tracker.and_then(|tracker| tracker.readiness(link.ifindex));
            match (self.watches.get_mut(&link.ifindex), readiness) {
                (Some(watched), Some(readiness)) => {
                    turned |=
                        watched.watch.readiness(now, readiness, &Notification::PoliciesFlushed);
                }
                (Some(_), None) => {}
                (None, readiness) => self.add(now, link, readiness),
            }
        }
        if let Ok(links) = &state.links {
            let there: BTreeSet<u32> = links.iter().map(|link| link.ifindex).collect();
            let gone = self.watches.iter_mut().filter(|(ifindex, _)| !there.contains(ifindex));
            ended.extend(gone.filter_map(|(_, watched)| watched.watch.end(now)));
            self.watches.retain(|ifindex, _| there.contains(ifindex));
            self.links = links.iter().filter(|link| link.driver().is_some()).cloned().collect();
        }
        (turned, ended)
    }

    /// A link that is new or changed. True where that is worth a diagnosis.
    pub fn link(
        &mut self,
        now: Moment,
        link: &Link,
        tracker: Option<&mut Tracker>,
        change: &Notification,
    ) -> bool {
        let effects = tracker.map(|tracker| tracker.apply(change)).unwrap_or_default();
        let readiness = effects.first().map(|effect| effect.readiness);
        let Some(watched) = self.watches.get_mut(&link.ifindex) else {
            self.add(now, link, readiness);
            self.note(now, link.ifindex, &format!("link {} made", link.name));
            return link.driver().is_some();
        };
        if let Some(readiness) = readiness {
            watched.watch.readiness(now, readiness, change);
        }
        if watched.watch.name() != link.name {
            watched.watch.rename(now, &link.name);
        }
        let changed = std::mem::replace(&mut watched.admin_up, link.admin_up) != link.admin_up;
        if changed {
            let to = if link.admin_up { "up" } else { "down" };
            watched.watch.note(now, format!("link {} set {to}", link.name));
        }
        changed
    }

    fn add(&mut self, now: Moment, link: &Link, readiness: Option<Readiness>) {
        let Some(driver) = link.driver().filter(|_| !link.is_fallback_device()) else { return };
        let look = Sample { at: now, statistics: link.statistics.unwrap_or_default() };
        let exported = exports_errors(driver, self.kernel);
        let watch = Watch::new((&link.name, link.ifindex), exported, readiness, look);
        let losses = Losses::default();
        self.watches
            .insert(link.ifindex, Watched { watch, driver, admin_up: link.admin_up, losses });
    }

    /// A link that is gone, with what it counted until then: the episode that ends with it, if it was watched.
    pub fn remove(
        &mut self,
        now: Moment,
        ifindex: u32,
        last: Option<Statistics>,
    ) -> Option<Option<Episode>> {
        let Watched { watch, .. } = self.watches.remove(&ifindex)?;
        Some(watch.gone(now, last.map(|statistics| Sample { at: now, statistics })))
    }

    /// An event of one VTI.
    pub fn note(&mut self, now: Moment, ifindex: u32, what: &str) {
        if let Some(watched) = self.watches.get_mut(&ifindex) {
            watched.watch.note(now, what.to_string());
        }
    }

    /// What a change left of SAs and policies. True where a gap opened or closed.
    pub fn readiness(
        &mut self,
        now: Moment,
        effect: Effect,
        change: &Notification,
        what: Option<&str>,
    ) -> bool {
        let Some(watched) = self.watches.get_mut(&effect.ifindex) else { return false };
        let turned = watched.watch.readiness(now, effect.readiness, change);
        if let Some(what) = what {
            watched.watch.note(now, what.to_string());
        }
        turned
    }

    /// The kernel's answers about routes to peers. True where a gap opened or closed.
    pub fn routes(
        &mut self,
        now: Moment,
        queries: &BTreeMap<RouteQuery, BTreeSet<u32>>,
        answers: &[RouteLookup],
    ) -> bool {
        // One peer that can be reached is enough for a VTI with many.
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
                turned |= watched.watch.route(now, is_there);
            }
        }
        turned
    }

    /// A look at the counters.
    pub fn look(&mut self, now: Moment, links: Vec<Link>) -> Vec<SeenOf> {
        let mut all = Vec::new();
        for link in &links {
            let (Some(watched), Some(statistics)) =
                (self.watches.get_mut(&link.ifindex), &link.statistics)
            else {
                continue;
            };
            let seen = watched.watch.look(Sample { at: now, statistics: *statistics });
            if seen.began {
                watched.losses = Losses { pending: 0, began: now, written: Moment::default() };
            }
            let pending = &mut watched.losses.pending;
            *pending = pending.saturating_add(seen.lost);
            if seen.lost > 0 || seen.restarted {
                all.push(SeenOf {
                    interface: link.name.clone(),
                    lost: seen.lost,
                    began: seen.began,
                    restarted: seen.restarted,
                });
            }
        }
        self.links = links;
        all
    }

    /// Losses that are due to be written, by interface.
    pub fn losses(&mut self, now: Moment) -> Option<BTreeMap<String, u64>> {
        let mut due = BTreeMap::new();
        for watched in self.watches.values_mut() {
            let losses = &mut watched.losses;
            let pause = FIRST_MS.max(now.since(losses.began) / PART);
            // A tick is not to the millisecond.
            if losses.pending > 0 && now.since(losses.written) + FIRST_MS / 2 >= pause {
                let lost = std::mem::take(&mut losses.pending);
                losses.written = now;
                let sum = due.entry(watched.watch.losing_name().to_string()).or_default();
                *sum = u64::saturating_add(*sum, lost);
            }
        }
        Some(due).filter(|due| !due.is_empty())
    }

    /// Episodes that are over.
    pub fn settle(&mut self, now: Moment) -> Vec<Episode> {
        let settled = self.watches.values_mut().filter_map(|watched| {
            let episode = watched.watch.settle(now)?;
            watched.losses.pending = 0;
            Some(episode)
        });
        settled.collect()
    }

    /// Episodes that the end of the recorder ends.
    pub fn end_all(&mut self, now: Moment) -> Vec<Episode> {
        self.watches.values_mut().filter_map(|watched| watched.watch.end(now)).collect()
    }

    /// Whether a diagnosis could say what the events do not.
    pub fn wants_finding(&self) -> bool {
        self.watches.values().any(|watched| watched.watch.wants_finding())
    }

    /// The VTIs that it could be said of.
    pub fn wanting(&self) -> BTreeSet<u32> {
        let wanting = self.watches.iter().filter(|(_, watched)| watched.watch.wants_finding());
        wanting.map(|(ifindex, _)| *ifindex).collect()
    }

    /// What a diagnosis said of one.
    pub fn found(&mut self, ifindex: u32, finding: Option<Finding>) {
        if let Some(watched) = self.watches.get_mut(&ifindex) {
            watched.watch.found(finding);
        }
    }
}
