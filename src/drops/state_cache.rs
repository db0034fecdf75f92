//! The state of the kernel as attribution needs it: read at the start, and anew while drops come and it has changed. It judges each kind
//! of packet once per look; it keeps no packet.

use super::attribute::attribute;
use super::attribution::{Attribution, Dropped};
use super::device::now;
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
pub struct StateCache {
    first: State<'static>,
    /// The look before the newest, where there is one beside the first.
    previous: Option<State<'static>>,
    /// The newest look; none while that is the first.
    newest: Option<State<'static>>,
    taken: Instant,
    cost: Duration,
    changes: Option<Changes>,
    is_stale: bool,
    /// When it began, in nanoseconds since 1970.
    began: u64,
    known: HashMap<Dropped, Known>,
}

/// What is known of a kind of packet.
struct Known {
    found: Option<Attribution>,
    /// A newer look would say the same, or has been made.
    is_final: bool,
}

impl StateCache {
    /// The first look.
    pub fn open() -> Self {
        // Without it the age of a look alone counts.
        let changes = Changes::subscribe().ok();
        let (start, began) = (Instant::now(), now());
        let first = State::owning(collect::snapshot_for_report(None));
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
        }
    }

    /// The first look.
    pub fn first(&self) -> &Snapshot {
        &self.first.snapshot
    }

    /// Judges the packets, each with the time it was dropped at, in their order: none where one is no affair of tunnels.
    ///
    /// No list where one of them needs a look that is newer than its drop, and it is too early for another look: ask again later, or say
    /// that it must be now.
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

    /// Whether a newer look may say more of this packet.
    fn is_open(&self, dropped: &Dropped, time: u64) -> bool {
        time >= self.began && self.known.get(dropped).is_some_and(|known| !known.is_final)
    }

    /// Judges the kinds that are not known yet.
    fn learn(&mut self, batch: &[(Dropped, u64)]) {
        if batch.iter().all(|(dropped, _)| self.known.contains_key(dropped)) {
            return;
        }
        let (state, previous) = match &self.newest {
            None => (&self.first, None),
            Some(newest) => (newest, Some(self.previous.as_ref().unwrap_or(&self.first))),
        };
        for (dropped, _) in batch {
            if self.known.contains_key(dropped) {
                continue;
            }
            let settled = |state: &State<'_>| {
                let found = attribute(state, &self.first.snapshot, dropped);
                (found.as_ref().is_none_or(|found| found.is_settled), found)
            };
            let (mut is_final, mut found) = settled(state);
            // The packet may have met what the last look showed, and this one shows no more.
            if let Some((true, earlier @ Some(_))) = previous.filter(|_| !is_final).map(settled) {
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
