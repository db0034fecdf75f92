//! The recorder's turns: it samples the counters, requests diagnoses, and writes the results. What the kernel's messages change is in
//! `messages`.

use super::state::{Recorder, TICK_MS};
use crate::collect;
use crate::error::Result;
use crate::journal::{Accounts, Record, Totals};
use crate::record::background_diagnosis::Finding;
use crate::record::diagnoses::{AskedFor, Found};
use crate::record::host_refusals::Refused;
use crate::record::rate_limited_log;
use crate::record::watched_interfaces::SeenOf;
use crate::snapshot::Direction;
use crate::timeline::Moment;
use crate::units::Span;
use std::collections::BTreeSet;
use std::time::Duration;

/// A gap that opens or closes is worth a sample of its own, but not more often than this.
const LEAST_MS: u64 = 20;
/// Samples may take at most this part of the time when gaps require more of them.
const LOOK_SHARE: u64 = 20;
/// Written records are synced to the disk at least this often.
const SYNC_MS: u64 = 30_000;

impl Recorder<'_> {
    /// How long it may wait for the next message.
    pub(in crate::record) fn patience(&self) -> Duration {
        let now = self.clock.now();
        let mut due = self.ticked.uptime_ms + TICK_MS;
        if self.turned {
            due = due.min(self.looked.uptime_ms + LEAST_MS.max(self.look_ms * LOOK_SHARE));
        }
        if self.concerned.is_some() {
            due = due.min(self.routed.uptime_ms + self.routes_pause());
        }
        Duration::from_millis(due.saturating_sub(now.uptime_ms))
    }

    /// Reads the state and writes to the journal where the recording begins; `before` are the losses that the journal accounts for, and `totals` its
    /// sums. What cannot be read is read later.
    ///
    /// # Errors
    /// As those of [`Recorder::turn`].
    pub(in crate::record) fn start(&mut self, before: Accounts, totals: Totals) -> Result<()> {
        let now = self.clock.now();
        self.totals = totals;
        self.totals.begin();
        self.before = Some(before);
        self.read_state(now);
        self.begin(now);
        self.flush(now)
    }

    /// One turn: takes the waiting messages and does what is due.
    ///
    /// # Errors
    /// The journal was removed, and a new one cannot be started.
    pub(in crate::record) fn turn(&mut self) -> Result<()> {
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

    /// The end of the recording: writes the episodes that have not ended as they are.
    ///
    /// # Errors
    /// As those of [`Recorder::turn`].
    pub(in crate::record) fn stop(&mut self) -> Result<()> {
        let now = self.clock.now();
        self.look(now);
        self.finish_path(now);
        for episode in self.watched.end_all(now) {
            self.append(&Record::Episode(episode));
        }
        self.append(&Record::Stopped { at_ms: now.wall_ms });
        self.flush(now)?;
        self.journal.sync();
        Ok(())
    }

    fn look(&mut self, now: Moment) {
        self.turned = false;
        // Before the interfaces' own counters: a packet that is refused in between is in those alone, and in these the next time. The other way
        // round it would be taken for one that no interface counts.
        let of_host = collect::watch::xfrm_statistics();
        let links = collect::watch::vtis(&self.watched.drivers());
        let (before, after) = (self.looked, self.clock.now());
        (self.looked, self.look_ms) = (after, after.since(now));
        let was = std::mem::replace(&mut self.unread.counters, links.is_err());
        let words = ["the counters of VTIs cannot be read", "the counters of VTIs are read again"];
        self.say_once(now, was, links.as_ref().err(), words);
        let Ok(links) = links else { return };
        let (all, refused) = self.watched.look(after, links);
        all.iter().for_each(|seen| self.seen(now, seen));
        for (counter, packets) in self.host.look(of_host, refused) {
            self.refused(now, counter, Refused { from: before, packets });
        }
    }

    /// Takes packets that no interface counted: they are of one VTI, or wait for a diagnosis.
    fn refused(&mut self, now: Moment, counter: String, refused: Refused) {
        let span = (self.looked, refused.from);
        match self.watched.charge(span, &counter, refused.packets) {
            Some(seen) => self.seen(now, &seen),
            None => {
                self.host.keep(counter, refused);
                self.diagnoses.want();
            }
        }
    }

    /// What a sample showed of one VTI.
    fn seen(&mut self, now: Moment, seen: &SeenOf) {
        if seen.restarted {
            let what = "the counters restarted from 0".to_string();
            self.remark(now, Some(seen.interface.clone()), what);
        }
        if seen.began {
            self.diagnoses.want();
            let line = rate_limited_log::began(&seen.interface, seen.direction, seen.lost);
            self.log.line(now, &line);
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
        self.sample_sas(now);
        if let Some([of, inbound]) = self.watched.losses(now) {
            self.append(&Record::Losses { at_ms: now.wall_ms, of, inbound });
        }
        if self.written && now.since(self.synced) >= SYNC_MS {
            self.journal.sync();
            (self.synced, self.written) = (now, false);
        }
    }

    /// Requests diagnoses where they are due, and processes their answers.
    fn diagnose(&mut self, now: Moment) {
        if let Some(Found { findings, asked_for, written }) = self.diagnoses.answer(now) {
            self.arrived(now, &findings, &asked_for.inbound);
            for finding in findings {
                let is_asked_for = asked_for.out.contains(&finding.ifindex);
                self.judge(now, finding, is_asked_for);
            }
            written.into_iter().for_each(|written| self.wrote_metrics(now, written));
        }
        let is_for_metrics = self.diagnoses.metrics_are_due(now);
        let is_urgent = self.watched.wants_finding() || self.host.is_urgent();
        let is_due = self.diagnoses.is_due(now, is_urgent);
        if is_for_metrics || (is_due && !self.watched.is_empty()) {
            let [out, inbound] = [Direction::Out, Direction::In].map(|d| self.watched.wanting(d));
            let asked_for = AskedFor { out, inbound, host: self.host.wants_finding() };
            self.host.ask();
            self.diagnoses.ask(now, asked_for, is_for_metrics.then(|| self.totals.clone()));
        }
    }

    /// Takes what a diagnosis found of what arrives at each VTI.
    fn arrived(&mut self, now: Moment, findings: &[Finding], asked_for: &BTreeSet<u32>) {
        for finding in findings.iter().filter(|finding| asked_for.contains(&finding.ifindex)) {
            self.watched.found_inbound(finding.ifindex, &finding.arrivals);
        }
        let found = findings.iter().map(|f| (f.ifindex, f.arrivals.clone())).collect();
        for (counter, refused) in self.host.answered() {
            let span = (self.looked, refused.from);
            let seen = self.watched.charge_found(span, &counter, refused.packets, &found);
            if let Some(seen) = seen {
                self.host.found(&counter);
                self.seen(now, &seen);
            }
        }
        // What came while the diagnosis ran may have the cause that it found.
        for (counter, refused) in self.host.waiting() {
            self.refused(now, counter, refused);
        }
    }

    fn judge(&mut self, now: Moment, finding: Finding, is_asked_for: bool) {
        if is_asked_for {
            self.watched.found(finding.ifindex, finding.first.clone());
        }
        if let Some(change) = self.diagnoses.judge(&finding) {
            if let Some(code) = change.cleared {
                self.log.line(now, &rate_limited_log::cleared(&finding.interface, code));
            }
            let words = rate_limited_log::verdict(finding.verdict, finding.first.as_ref());
            self.log.line(now, &rate_limited_log::judged(&finding.interface, &words));
            self.remark(now, Some(finding.interface), words);
        }
    }

    /// Says once that the metrics cannot be written, and that they can again.
    fn wrote_metrics(&mut self, now: Moment, written: Result<()>) {
        let failed = std::mem::replace(&mut self.metrics_fail, written.is_err());
        match written {
            Err(error) if !failed => self.log.line(now, &error.to_string()),
            Ok(()) if failed => self.log.line(now, "the metrics can be written again"),
            Ok(()) | Err(_) => {}
        }
    }
}
