//! What the recorder does about packets lost on the way: it samples the counters of the SAs, and writes the counts of each VTI. What they
//! mean is decided in `timeline::path`; local losses are not its subject.

use super::state::Recorder;
use crate::collect;
use crate::journal::Record;
use crate::snapshot::Sa;
use crate::snapshot::notification::Notification;
use crate::snapshot::recorded::PathLoss;
use crate::timeline::{Moment, Said, Span};
use crate::units::VTI;
use std::collections::BTreeMap;

/// The SAs are sampled at most so often, and samples take at most this part of the time.
const SAMPLE_MS: u64 = 1000;
const SAMPLE_SHARE: u64 = 200;
/// The same sentence about more VTIs than this is one remark.
const MOST_ALIKE: usize = 20;

impl Recorder<'_> {
    /// Samples the SAs where that is due. A dump that fails, or lacks an SA, makes the span longer and nothing unknown.
    pub(super) fn sample_sas(&mut self, now: Moment) {
        let pause = SAMPLE_MS.max(self.sample_ms.saturating_mul(SAMPLE_SHARE));
        // A tick is not exact to the millisecond.
        if now.since(self.sampled) + SAMPLE_MS / 2 < pause {
            return;
        }
        self.sampled = now;
        self.sample(now);
        self.sample_ms = self.clock.now().since(now);
    }

    fn sample(&mut self, now: Moment) {
        if let Ok(sas) = collect::watch::sas() {
            let spans = self.path.sample(now, &sas);
            self.write_path(&spans);
        }
        self.say_path(now);
    }

    /// Takes a message about an SA, after the tracker has taken it.
    pub(super) fn path_changed(&mut self, now: Moment, change: &Notification) {
        if let Some(tracker) = &self.tracker {
            self.path.apply(now, change, tracker);
        }
    }

    /// Takes all SAs as they were read again.
    pub(super) fn path_read(&mut self, now: Moment, sas: &[Sa]) {
        // Messages are complete until the last call that got them without a loss.
        let missed = self.lost_since.take();
        match &self.tracker {
            Some(tracker) => self.path.sync(now, sas, tracker, missed),
            None => self.path.unread(now),
        }
        self.say_path(now);
    }

    /// The interface was deleted, or gets another name.
    pub(super) fn path_closed(&mut self, now: Moment, ifindex: u32, name: &str, is_deleted: bool) {
        for span in self.path.close(now, ifindex, is_deleted) {
            let of = BTreeMap::from([(name.to_owned(), span.counts)]);
            self.append(&Record::PathLosses { at_ms: span.at.wall_ms, of });
        }
    }

    /// The VTIs whose losses are counted.
    pub(super) fn path_names(&self) -> Vec<(u32, String)> {
        let named = |ifindex| Some((ifindex, self.watched.name(ifindex)?.to_owned()));
        self.path.vtis().filter_map(named).collect()
    }

    /// The recording ends: a last sample, and all that is not written.
    pub(super) fn finish_path(&mut self, now: Moment) {
        self.sample(now);
        let spans = self.path.finish(now);
        self.write_path(&spans);
    }

    /// Writes spans, those of one moment in one record.
    fn write_path(&mut self, spans: &[Span]) {
        let mut moments: Vec<(u64, BTreeMap<String, PathLoss>)> = Vec::new();
        for span in spans {
            let Some(name) = self.watched.name(span.ifindex).map(str::to_owned) else { continue };
            let at_ms = span.at.wall_ms;
            // The empty span behind an episode has the moment of its end, so the records stay in order for each VTI.
            let free =
                moments.iter_mut().rev().find(|(at, of)| *at == at_ms && !of.contains_key(&name));
            match free {
                Some((_, of)) => _ = of.insert(name, span.counts),
                None => moments.push((at_ms, BTreeMap::from([(name, span.counts)]))),
            }
        }
        for (at_ms, of) in moments {
            self.append(&Record::PathLosses { at_ms, of });
        }
    }

    /// Writes what is unknown.
    fn say_path(&mut self, now: Moment) {
        let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Said { ifindex, what } in self.path.said() {
            let name = self.watched.name(ifindex).map(str::to_owned);
            name.into_iter().for_each(|name| alike.entry(what.clone()).or_default().push(name));
        }
        for (what, names) in alike {
            if names.len() > MOST_ALIKE {
                self.remark(now, None, format!("{}: {what}", VTI.of(names.len())));
                continue;
            }
            names.into_iter().for_each(|name| self.remark(now, Some(name), what.clone()));
        }
    }
}
