//! What the recorder makes of the kernel's messages: the state that follows from them, the state read again where some were lost, and the
//! routes requested again where they may have changed. It samples no counters, and writes remarks alone.

use super::state::{Concerned, Recorder};
use crate::collect;
use crate::journal::Record;
use crate::record::rate_limited_log;
use crate::snapshot::Missing;
use crate::snapshot::notification::Notification;
use crate::timeline::{Moment, Tracker, event};
use crate::units::{INBOUND_PACKET, PACKET, Span, WAS};

/// The state is read again after lost messages, and after a read that failed, but not more often than this.
const RESYNC_MS: u64 = 5000;
/// Routes to peers are requested after changes, but not more often than this.
const ROUTES_MS: u64 = 100;

impl Recorder<'_> {
    pub(super) fn take_changes(&mut self) {
        let received = self.changes.receive();
        let now = self.clock.now();
        if received.lost || received.malformed.is_some() {
            let why = received.malformed.unwrap_or_else(|| "the kernel's queue was full".into());
            self.lost.get_or_insert((why, now));
            self.lost_since.get_or_insert(self.heard);
        }
        self.heard = now;
        for change in &received.changes {
            self.apply(now, change);
        }
        if now.since(self.resynced) >= RESYNC_MS {
            if self.lost.is_some() {
                self.resync(now);
            } else if self.unread.again {
                self.resynced = now;
                self.read_state(now);
            }
        }
    }

    fn apply(&mut self, now: Moment, change: &Notification) {
        match change {
            Notification::LinkChanged(link) => {
                let renamed = self.watched.name(link.ifindex).filter(|name| *name != link.name);
                if let Some(name) = renamed.map(str::to_owned) {
                    self.path_closed(now, link.ifindex, &name, false);
                }
                let changed = self.watched.link(now, link, self.tracker.as_mut(), change);
                if changed {
                    self.diagnoses.want();
                }
                self.path_changed(now, change);
                if link.driver().is_none() {
                    self.concerned = Some(Concerned::All);
                }
                return;
            }
            Notification::LinkDeleted { ifindex, name, statistics } => {
                if let Some(tracker) = &mut self.tracker {
                    tracker.apply(change);
                }
                self.path_closed(now, *ifindex, name, true);
                if let Some(ended) = self.watched.remove(now, *ifindex, *statistics) {
                    ended.into_iter().for_each(|episode| self.ended(now, episode));
                    if let Some(code) = self.diagnoses.forget(name) {
                        self.log.line(now, &rate_limited_log::cleared(name, code));
                    }
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
        self.path_changed(now, change);
        if effects.is_empty() {
            return;
        }
        let what = event(change);
        for effect in effects {
            self.turned |= self.watched.readiness(now, effect, change, what.as_deref());
        }
    }

    /// Requests the routes to those peers whose routes may have changed.
    pub(super) fn check_routes(&mut self, now: Moment) {
        if now.since(self.routed) < self.routes_pause() {
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
        let answers = collect::watch::routes(queries.keys().cloned());
        self.routes_fail = answers.is_err();
        match answers {
            Ok(answers) => self.turned |= self.watched.routes(now, &queries, &answers),
            // It says nothing about the routes, which may have changed all the same.
            Err(_) => self.concerned = Some(concerned),
        }
    }

    /// How long no request for routes follows the last one.
    pub(super) const fn routes_pause(&self) -> u64 {
        if self.routes_fail { RESYNC_MS } else { ROUTES_MS }
    }

    fn resync(&mut self, now: Moment) {
        let Some((why, since)) = self.lost.take() else { return };
        self.resynced = now;
        let when = match now.since(since) {
            0 => "immediately".to_string(),
            ms => format!("{} later", Span(ms)),
        };
        self.changes.discard();
        self.read_state(now);
        let read = match self.unread.again {
            true => "could not be read again yet".to_owned(),
            false => format!("was read again {when}"),
        };
        let what = format!(
            "messages of the kernel were lost ({why}): some changes before this are unknown; \
             the state {read}"
        );
        self.remark(now, None, what);
    }

    /// Reads SAs, policies, links and addresses.
    pub(super) fn read_state(&mut self, now: Moment) {
        let state = collect::watch::state();
        let (tracker, gaps) = match Tracker::new(&state) {
            Ok(tracker) => (Some(tracker), None),
            Err(missing) => (None, Some(missing)),
        };
        self.tracker = tracker;
        let links = state.links.as_ref().err();
        let was = std::mem::replace(&mut self.unread.links, links.is_some());
        self.say_once(now, was, links, ["VTIs cannot be watched", "the VTIs are watched again"]);
        // Without the interfaces nothing more is to be said of gaps.
        let gaps = gaps.as_ref().filter(|_| links.is_none());
        let was = std::mem::replace(&mut self.unread.gaps, gaps.is_some());
        self.unread.again = links.or(gaps).is_some_and(|missing| missing.reason.is_failure());
        let words = ["gaps between SAs cannot be detected", "gaps between SAs are detected again"];
        self.say_once(now, was, gaps, words);
        let before = self.path_names();
        let (turned, ended) = self.watched.resync(now, &state, self.tracker.as_ref());
        for (ifindex, name) in before {
            if self.watched.name(ifindex).is_none() {
                self.path_closed(now, ifindex, &name, true);
            }
        }
        self.path_read(now, state.sas.as_deref().unwrap_or_default());
        self.turned |= turned;
        ended.into_iter().for_each(|episode| self.append(&Record::Episode(episode)));
        self.concerned = Some(Concerned::All);
        if state.links.is_ok() {
            self.account(now);
        }
    }

    /// Once, when the interfaces were read: what they lost that no record accounts for.
    fn account(&mut self, now: Moment) {
        let Some(before) = self.before.take() else { return };
        let counters = self.watched.counters();
        let meanwhile = if self.begun { ", or while it could not read the interfaces" } else { "" };
        for missed in before.unwatched(&collect::proc::boot_id(), &counters) {
            let (packets, were) = (PACKET.of(missed.lost), WAS.word(missed.lost));
            let packets = if missed.inbound { INBOUND_PACKET.of(missed.lost) } else { packets };
            let what = format!("{packets} {were} lost while no recorder ran{meanwhile}");
            self.remark(now, Some(missed.interface), what);
        }
        if self.begun {
            self.append(&Record::Counters { at_ms: now.wall_ms, counters });
        }
    }

    /// Says that something cannot be read, unless that `was` so before, or that it can be read again.
    pub(super) fn say_once(
        &mut self,
        now: Moment,
        was: bool,
        missing: Option<&Missing>,
        [fails, works]: [&str; 2],
    ) {
        match missing {
            Some(missing) if !was => self.say(now, format!("{fails}: {missing}")),
            None if was => self.say(now, works.to_owned()),
            Some(_) | None => {}
        }
    }
}
