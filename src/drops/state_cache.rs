//! The state of the kernel for attribution: read at the start, and again if it has changed while drops come. Each kind of packet is judged once
//! per sample; no packet is kept.

use super::answers::Answers;
use super::attribute::attribute_in;
use super::attribution::{Attribution, Dropped};
use super::device::now;
use super::scene::Scene;
use super::scope::Scope;
use crate::collect::{self, watch::Changes};
use crate::snapshot::{Observed, Snapshot};
use crate::tunnel::State;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The shortest time between two samples.
const SOONEST: Duration = Duration::from_millis(200);
/// Reading samples may take at most one part in so many of the time.
const SHARE: u32 = 5;
/// The greatest age of a sample while drops come: the kernel sends no message if a sysctl changes.
const OLDEST: Duration = Duration::from_secs(3);
/// Kinds of packets that are remembered; if there are more, all are forgotten and judged again.
const MOST_KINDS: usize = 4096;

/// The samples of the kernel's state, and the result of each kind of packet.
pub struct StateCache {
    first: State<'static>,
    /// The sample before the newest; none if that is the first.
    previous: Option<State<'static>>,
    /// The newest sample; none if that is the first.
    newest: Option<State<'static>>,
    taken: Instant,
    cost: Duration,
    changes: Option<Changes>,
    is_stale: bool,
    /// When it began, in nanoseconds since 1970.
    began: u64,
    known: HashMap<Dropped, Known>,
    answers: Answers,
    scope: Scope,
}

/// What is known of a kind of packet.
struct Known {
    found: Option<Attribution>,
    /// A newer sample would lead to the same result, or has been taken.
    is_final: bool,
}

impl StateCache {
    /// Takes the first sample.
    pub fn open() -> Self {
        // Without the kernel's messages only the age of the sample counts.
        let changes = Changes::subscribe().ok();
        let (start, began) = (Instant::now(), now());
        let first = State::owning(collect::snapshot_for_report(None));
        let scope = Scope::of(&first.snapshot);
        Self {
            first,
            previous: None,
            newest: None,
            taken: Instant::now(),
            cost: start.elapsed(),
            changes,
            began,
            is_stale: false,
            known: HashMap::new(),
            answers: Answers::default(),
            scope,
        }
    }

    /// The first sample.
    pub fn first(&self) -> &Snapshot {
        &self.first.snapshot
    }

    /// What tunnels have to do with, by the newest sample.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Judges the packets, each with the time of its drop, in their order: none for a packet that does not concern tunnels.
    ///
    /// No list if one of them needs a sample that is newer than its drop, but it is too early for another sample: ask again later, or require
    /// it `now`.
    pub fn judge(
        &mut self,
        batch: &[(Dropped, u64)],
        now: bool,
    ) -> Option<Vec<Option<Attribution>>> {
        self.hear();
        if self.taken.elapsed() > OLDEST || (self.is_stale && self.may_look()) {
            self.look();
        }
        if self.known.len() > MOST_KINDS {
            self.known.clear();
        }
        self.learn(batch);
        if batch.iter().any(|(dropped, time)| self.is_open(dropped, *time)) {
            if !now && !self.may_look() {
                return None;
            }
            self.look();
            self.learn(batch);
        }
        let judged = batch.iter().map(|(dropped, _)| {
            let known = self.known.get_mut(dropped)?;
            known.is_final = true;
            known.found.clone()
        });
        Some(judged.collect())
    }

    /// Whether a newer sample may show more about this packet.
    fn is_open(&self, dropped: &Dropped, time: u64) -> bool {
        time >= self.began && self.known.get(dropped).is_some_and(|known| !known.is_final)
    }

    /// Judges the kinds of packets that are not known yet.
    fn learn(&mut self, batch: &[(Dropped, u64)]) {
        if batch.iter().all(|(dropped, _)| self.known.contains_key(dropped)) {
            return;
        }
        let (state, previous) = match &self.newest {
            None => (&self.first, None),
            Some(newest) => (newest, Some(self.previous.as_ref().unwrap_or(&self.first))),
        };
        let unknown = batch.iter().map(|(dropped, _)| dropped);
        self.answers.ask(state, unknown.filter(|dropped| !self.known.contains_key(*dropped)));
        let scene = Scene::new(state, &self.first.snapshot, &self.answers);
        let earlier = previous.map(|state| Scene::new(state, &self.first.snapshot, &self.answers));
        for (dropped, _) in batch {
            if self.known.contains_key(dropped) {
                continue;
            }
            let settled = |scene: &Observed<Scene<'_>>| {
                let found = attribute_in(scene, dropped);
                (found.as_ref().is_none_or(|found| found.is_settled), found)
            };
            let (mut is_final, mut found) = settled(&scene);
            // The packet may have met a state that only the previous sample showed.
            let before = earlier.as_ref().filter(|_| !is_final).map(settled);
            if let Some((true, earlier @ Some(_))) = before {
                (is_final, found) = (true, earlier);
            }
            self.known.insert(dropped.clone(), Known { found, is_final });
        }
    }

    fn may_look(&self) -> bool {
        self.taken.elapsed() > SOONEST.max(self.cost * SHARE)
    }

    fn look(&mut self) {
        let start = Instant::now();
        self.began = now();
        let next = State::owning(collect::snapshot_for_report(None));
        self.previous = self.newest.replace(next);
        self.taken = Instant::now();
        self.cost = start.elapsed();
        self.is_stale = false;
        self.known.clear();
        self.answers.clear();
        if let Some(newest) = &self.newest {
            self.scope = Scope::of(&newest.snapshot);
        }
    }

    /// Takes the kernel's messages about changes; what they say does not matter.
    fn hear(&mut self) {
        if let Some(changes) = &mut self.changes {
            let received = changes.receive();
            self.is_stale |=
                received.lost || received.malformed.is_some() || !received.changes.is_empty();
        }
    }
}
