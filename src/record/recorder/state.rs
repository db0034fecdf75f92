//! The recorder: what it holds between its turns, and how a record goes into the journal. It samples nothing and receives nothing.

use crate::collect::{self, watch::Changes};
use crate::error::{Error, Result};
use crate::journal::{Accounts, Record, Renewed, Totals, Writer};
use crate::record::clock::Clock;
use crate::record::diagnoses::Diagnoses;
use crate::record::host_refusals::HostRefusals;
use crate::record::rate_limited_log::{self, RateLimitedLog};
use crate::record::watched_interfaces::WatchedInterfaces;
use crate::snapshot::recorded::{Episode, Remark};
use crate::timeline::{Moment, PathLosses, Tracker};

/// The time between two samples of the counters.
pub(super) const TICK_MS: u64 = 1000;

/// The recorder.
pub(in crate::record) struct Recorder<'a> {
    pub(super) journal: Writer,
    /// The sums of all records, also of those before.
    pub(super) totals: Totals,
    pub(super) clock: Clock,
    pub(super) changes: Changes,
    pub(super) log: RateLimitedLog<'a>,
    pub(super) diagnoses: Diagnoses,
    pub(super) tracker: Option<Tracker>,
    pub(super) watched: WatchedInterfaces,
    pub(super) host: HostRefusals,
    pub(super) path: PathLosses,
    /// When the SAs were last sampled, and how long that took.
    pub(super) sampled: Moment,
    pub(super) sample_ms: u64,
    /// When messages were last received without a loss, and where some were lost since: the same before that.
    pub(super) heard: Moment,
    pub(super) lost_since: Option<Moment>,
    pub(super) ticked: Moment,
    pub(super) looked: Moment,
    pub(super) look_ms: u64,
    /// A gap opened or closed since the last sample.
    pub(super) turned: bool,
    /// Messages of the kernel were lost since the state was last read: why, and when that was noticed. Further losses before the state is read
    /// again add nothing.
    pub(super) lost: Option<(String, Moment)>,
    pub(super) resynced: Moment,
    /// What could not be read, and was said.
    pub(super) unread: Unread,
    /// The losses that the journal accounts for, until the interfaces were read once: then they are compared.
    pub(super) before: Option<Accounts>,
    /// The beginning of the recording was written.
    pub(super) begun: bool,
    /// The peers whose routes must be requested again; `None` where nothing has changed.
    pub(super) concerned: Option<Concerned>,
    pub(super) routed: Moment,
    /// The last request failed.
    pub(super) routes_fail: bool,
    pub(super) synced: Moment,
    pub(super) written: bool,
    /// When the journal's file was last checked.
    pub(super) checked: Moment,
    /// A new journal could not be started.
    pub(super) unwritable: bool,
    /// The metrics could not be written last time.
    pub(super) metrics_fail: bool,
}

/// What could not be read last time: each is said once, and once when it can be read again.
#[derive(Default)]
pub(super) struct Unread {
    /// The interfaces: without them no VTI is watched.
    pub links: bool,
    /// What gaps between SAs are detected by.
    pub gaps: bool,
    /// One of the two, and another read may succeed: it is no part that this system does not have.
    pub again: bool,
    /// The counters of the VTIs that are watched.
    pub counters: bool,
}

/// Which peers' routes may have changed.
pub(super) enum Concerned {
    All,
    In(Vec<ipnet::IpNet>),
}

impl<'a> Recorder<'a> {
    /// A recorder that has seen nothing yet.
    pub(in crate::record) fn new(
        journal: Writer,
        clock: Clock,
        changes: Changes,
        diagnoses: Diagnoses,
        say: &'a mut dyn FnMut(&str),
    ) -> Self {
        let now = clock.now();
        Self {
            journal,
            totals: Totals::default(),
            clock,
            changes,
            log: RateLimitedLog::new(say, now),
            diagnoses,
            tracker: None,
            watched: WatchedInterfaces::default(),
            host: HostRefusals::default(),
            path: PathLosses::default(),
            sampled: now,
            sample_ms: 0,
            heard: now,
            lost_since: None,
            ticked: now,
            looked: now,
            look_ms: 0,
            turned: false,
            lost: None,
            resynced: now,
            unread: Unread::default(),
            before: None,
            begun: false,
            concerned: None,
            routed: now,
            routes_fail: false,
            synced: now,
            written: false,
            checked: now,
            unwritable: false,
            metrics_fail: false,
        }
    }

    /// The changes that it listens to.
    pub(in crate::record) const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Writes to the journal the counters at the beginning of the recording.
    pub(super) fn begin(&mut self, now: Moment) {
        (self.written, self.begun) = (true, true);
        self.journal.begin(&Record::Started {
            at_ms: now.wall_ms,
            uptime_ms: now.uptime_ms,
            boot_id: collect::proc::boot_id(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
            counters: self.watched.counters(),
        });
    }

    pub(super) fn ended(&mut self, now: Moment, episode: Episode) {
        self.diagnoses.want();
        self.log.line(now, &rate_limited_log::ended(&episode));
        self.append(&Record::Episode(episode));
    }

    pub(super) fn remark(&mut self, now: Moment, interface: Option<String>, what: String) {
        self.append(&Record::Remark(Remark { at_ms: now.wall_ms, interface, what }));
    }

    /// Logs and writes a sentence on the recording itself.
    pub(super) fn say(&mut self, now: Moment, sentence: String) {
        self.log.line(now, &sentence);
        self.remark(now, None, sentence);
    }

    pub(super) fn append(&mut self, record: &Record) {
        self.totals.take(record);
        self.journal.append(record);
        self.written = true;
    }

    /// A new journal was started while the recorder runs.
    pub(super) fn renewed(&mut self, now: Moment, renewed: Renewed) {
        self.say(now, renewed.sentence);
        if renewed.is_empty {
            self.begin(now);
        }
    }

    /// Writes the waiting records, to a new journal if another process has removed the old one.
    pub(super) fn flush(&mut self, now: Moment) -> Result<()> {
        if self.journal.is_waiting() || now.since(self.checked) >= TICK_MS {
            self.checked = now;
            match self.journal.check() {
                Ok(None) => {}
                Ok(Some(renewed)) => self.renewed(now, renewed),
                // Perhaps the disk is full: the records wait.
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
        self.journal.said().into_iter().for_each(|sentence| self.say(now, sentence));
        Ok(())
    }
}
