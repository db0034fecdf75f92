//! A run: from the monitor's alerts, through the early filter and the attribution, into the tally; and when it ends.

use super::attribution::Dropped;
use super::device::{Devices, now};
use super::options::{Options, Said};
use super::packet;
use super::place::Place;
use super::scope::Scope;
use super::state_cache::StateCache;
use super::tally::{Counted, Tally};
use super::told::{self, Ending};
use crate::collect::drops::{GRACE, Monitor, Standing};
use crate::error::{Error, Result};
use crate::report::drops::{DropsReport, Line};
use crate::signals::{Signals, Woken};
use crate::snapshot::Driver;
use crate::wire::drop_monitor::Alert;
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often the rate is checked.
const TICK: Duration = Duration::from_millis(200);
/// After the end, the alerts that the monitor still has come within this time.
const DRAIN: Duration = Duration::from_millis(60);
/// Alerts are collected for so long: a wake-up for each alert would cost more than the alert itself.
const GATHER: Duration = Duration::from_millis(10);
/// At most so many drops wait for a newer sample; more are judged by the samples that exist.
const MOST_WAITING: usize = 4096;

/// A run.
pub(super) struct Watcher<'a> {
    options: Options<'a>,
    states: StateCache,
    drivers: BTreeSet<Driver>,
    monitor: Monitor,
    signals: Signals,
    devices: Devices,
    /// Drops that wait for a newer sample of the kernel's state.
    batch: Vec<(Dropped, u64)>,
    tally: Tally,
    /// Lines that were not written, because the reader had not read the earlier ones.
    not_written: u64,
}

impl<'a> Watcher<'a> {
    /// Switches the monitor on.
    pub fn new(
        options: Options<'a>,
        states: StateCache,
        drivers: BTreeSet<Driver>,
    ) -> Result<Self> {
        let signals = Signals::block().map_err(failed)?;
        let monitor = Monitor::start(options.duration)?;
        let devices = Devices::open(&drivers);
        Ok(Self {
            options,
            states,
            drivers,
            monitor,
            signals,
            devices,
            batch: Vec::new(),
            tally: Tally::default(),
            not_written: 0,
        })
    }

    /// Watches until the duration is over, a signal comes, or there are too many drops.
    pub fn watch(mut self) -> Result<DropsReport> {
        let began = Instant::now();
        let seconds = self.options.duration.as_secs();
        let vtis = self.watched();
        self.say(&told::start(vtis, seconds, now()));
        let ending = self.until(began + self.options.duration)?;
        if is_whole(ending) {
            self.devices.close(&self.drivers);
            self.drain(Instant::now() + DRAIN)?;
        }
        let lost = self.monitor.lost().ok();
        self.monitor.stop();
        self.judge(true);
        let counters = match is_whole(ending) {
            true => self.devices.compare(self.options.interface),
            // Alerts were lost, or came after the end, so a comparison would be wrong.
            false => Vec::new(),
        };
        let took = match ending {
            // After that time the monitor was off.
            Ending::Overdue => began.elapsed().min(self.options.duration + GRACE),
            _ => began.elapsed(),
        };
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(told::end(&self.tally, self.not_written, ending, milliseconds, lost, counters))
    }

    /// The interfaces that were asked for, from the first sample.
    fn watched(&self) -> Vec<String> {
        let all = self.states.first().links.iter().flatten();
        let vtis = all.filter(|link| link.driver().is_some() && !link.is_fallback_device());
        let names = vtis.map(|link| link.name.clone());
        names.filter(|name| self.options.interface.is_none_or(|asked| asked == name)).collect()
    }

    fn until(&mut self, end: Instant) -> Result<Ending> {
        let (mut looked, mut alerts, mut lost_before) = (Instant::now(), 0_u64, 0_u64);
        loop {
            let now = Instant::now();
            match self.monitor.guardian() {
                Standing::Guarded => {}
                Standing::Overdue => return Ok(Ending::Overdue),
                Standing::Unguarded => return Ok(Ending::Unguarded),
            }
            if now >= end {
                return Ok(Ending::Time);
            }
            if now - looked >= TICK {
                if !self.monitor.is_on()? {
                    return Ok(Ending::Off);
                }
                let lost = self.monitor.lost()?;
                let ms = u64::try_from((now - looked).as_millis()).unwrap_or(u64::MAX).max(1);
                let rate = (alerts + lost.saturating_sub(lost_before)) * 1000 / ms;
                if rate > self.options.max_rate.into() {
                    return Ok(Ending::Rate(rate));
                }
                (looked, alerts, lost_before) = (now, 0, lost);
            }
            let patience = TICK.min(end - now);
            let inputs = self.monitor.descriptors();
            let woken = self.signals.wait(&inputs, self.options.outputs, patience);
            match woken.map_err(failed)? {
                Woken::Signal => return Ok(Ending::Signal),
                Woken::Reader => return Ok(Ending::Reader),
                Woken::Ready => {}
            }
            let taken = self.take()?;
            if taken > 0 {
                std::thread::sleep(GATHER);
            }
            alerts += taken;
        }
    }

    /// Writes a line immediately. If the reader is gone, the next wait notices it.
    fn say(&mut self, line: &Line) {
        let is_left_out = matches!((self.options.say)(line), Ok(false));
        self.not_written += u64::from(is_left_out);
    }

    /// Takes the alerts that the monitor still has.
    fn drain(&mut self, end: Instant) -> Result<()> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            // A pending signal stays readable, and must not cause a busy loop.
            std::thread::sleep(Duration::from_millis(5).min(end - now));
            self.take()?;
        }
    }

    /// Takes the waiting alerts; returns their number.
    fn take(&mut self) -> Result<u64> {
        let (batch, scope, mut unrelated) = (&mut self.batch, self.states.scope(), 0);
        let waiting = batch.len();
        self.tally.malformed += self.monitor.receive(|alert| match read(alert, scope) {
            Some(dropped) => batch.push((dropped, alert.timestamp)),
            None => unrelated += 1,
        })?;
        self.tally.unrelated += unrelated;
        let number = unrelated + (self.batch.len() - waiting) as u64;
        self.judge(self.batch.len() > MOST_WAITING);
        Ok(number)
    }

    /// Moves the waiting drops into the tally. If some of them need a newer sample, only if it must be `now`.
    fn judge(&mut self, now: bool) {
        if self.batch.is_empty() {
            return;
        }
        let Some(judged) = self.states.judge(&self.batch, now) else { return };
        for ((dropped, time), attribution) in std::mem::take(&mut self.batch).iter().zip(judged) {
            let time = *time;
            let Some(attribution) = attribution else {
                self.tally.unrelated += 1;
                continue;
            };
            self.devices.count(dropped, &attribution, time);
            let counted = self.tally.count(dropped, &attribution, time, self.options.interface);
            let is_said = match counted {
                Counted::New => self.options.said != Said::None,
                Counted::Again => self.options.said == Said::Each,
                Counted::Hidden => false,
            };
            if is_said {
                self.say(&told::dropped(dropped, &attribution, time));
            }
        }
    }
}

/// Whether the monitor was on for the whole run, and every alert was taken.
const fn is_whole(ending: Ending) -> bool {
    !matches!(ending, Ending::Rate(_) | Ending::Off | Ending::Overdue)
}

/// A drop that may have to do with a tunnel.
fn read(alert: &Alert<'_>, scope: &Scope) -> Option<Dropped> {
    let place = Place::of(alert.function(), alert.reason);
    let packet = packet::read(place, alert);
    let dropped = Dropped { place, packet, protocol: alert.protocol, input: alert.input };
    scope.touches(&dropped).then_some(dropped)
}

fn failed(errno: Errno) -> Error {
    Error::DataUnavailable(format!("cannot wait for drops: {errno}"))
}
