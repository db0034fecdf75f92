//! The state of the kernel as attribution needs it: read at the start, and anew while drops come and it has changed. It judges each kind
//! of packet once per look; it keeps no packet.

use super::attribute::{self, Attribution, Dropped};
use crate::collect::{self, watch::Changes};
use crate::snapshot::Snapshot;
use crate::tunnel::State;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A look is not repeated sooner, whatever changes.
const SOONEST: Duration = Duration::from_millis(200);
/// Reading may take this part of the time.
const SHARE: u32 = 5;
/// While drops come, a look is not older: sysctls change without a word.
const OLDEST: Duration = Duration::from_secs(3);
/// Kinds of packets that are remembered: then all are forgotten, and judged anew.
const MOST_KINDS: usize = 4096;

/// The looks at the kernel, and what they said of each kind of packet.
pub struct Eye {
    first: Snapshot,
    previous: Option<Snapshot>,
    now: Snapshot,
    taken: Instant,
    cost: Duration,
    changes: Option<Changes>,
    is_stale: bool,
    known: HashMap<Dropped, Option<Attribution>>,
}

impl Eye {
    /// The first look.
    pub fn open() -> Self {
        // Without it the age of a look alone counts.
        let changes = Changes::subscribe().ok();
        let began = Instant::now();
        let first = collect::snapshot(&[], None);
        Self {
            now: first.clone(),
            first,
            previous: None,
            taken: Instant::now(),
            cost: began.elapsed(),
            changes,
            is_stale: false,
            known: HashMap::new(),
        }
    }

    /// The first look.
    pub const fn first(&self) -> &Snapshot {
        &self.first
    }

    /// Judges the packets, in their order; none where one is no affair of tunnels.
    pub fn judge(&mut self, batch: &[Dropped]) -> Vec<Option<Attribution>> {
        self.hear();
        let age = self.taken.elapsed();
        if age > OLDEST || (self.is_stale && self.may_look()) {
            self.look();
        }
        if self.known.len() > MOST_KINDS {
            self.known.clear();
        }
        if !self.learn(batch) && self.may_look() {
            self.look();
            self.learn(batch);
        }
        batch.iter().map(|dropped| self.known.get(dropped).cloned().flatten()).collect()
    }

    /// Judges the kinds that are not known yet. False where one is not settled.
    fn learn(&mut self, batch: &[Dropped]) -> bool {
        let new = |dropped: &&Dropped| !self.known.contains_key(*dropped);
        if !batch.iter().any(|dropped| new(&dropped)) {
            return true;
        }
        let state = State::new(&self.now);
        let previous = self.previous.as_ref().map(State::new);
        let is_settled =
            |found: &Option<Attribution>| found.as_ref().is_none_or(|found| found.is_settled);
        let mut all_settled = true;
        for dropped in batch {
            if self.known.contains_key(dropped) {
                continue;
            }
            let mut found = attribute::attribute(&state, &self.first, dropped);
            if !is_settled(&found) {
                // The packet may have met what the last look showed, and this one shows no more.
                let earlier = previous
                    .as_ref()
                    .and_then(|state| attribute::attribute(state, &self.first, dropped));
                if let Some(earlier) = earlier.filter(|earlier| earlier.is_settled) {
                    found = Some(earlier);
                }
            }
            all_settled &= is_settled(&found);
            self.known.insert(dropped.clone(), found);
        }
        all_settled
    }

    fn may_look(&self) -> bool {
        self.taken.elapsed() > SOONEST.max(self.cost * SHARE)
    }

    fn look(&mut self) {
        let began = Instant::now();
        let next = collect::snapshot(&[], None);
        self.previous = Some(std::mem::replace(&mut self.now, next));
        self.taken = Instant::now();
        self.cost = began.elapsed();
        self.is_stale = false;
        self.known.clear();
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
