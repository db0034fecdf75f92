//! An episode that is not over: its losses, their causes, and the events around it. `watch` decides when it ends.

use super::cause::Ledger;
use super::finding::Finding;
use super::gap::Gap;
use super::moment::Moment;
use super::subject::Of;
use crate::code::Code;
use crate::snapshot::recorded::{Episode, Event, Loss, Rise};
use crate::snapshot::{Direction, Statistics};
use crate::units;

/// Events that an episode keeps; further ones are only counted.
const MOST_EVENTS: usize = 24;
/// Points of its course; if there are more, neighbouring points are added up.
const MOST_POINTS: usize = 60;

/// The rise of the counters between two samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub from: Moment,
    pub to: Moment,
    pub lost: u64,
    pub sent: u64,
    pub rise: Rise,
}

impl Interval {
    /// None if a counter decreased: it was restarted.
    pub fn between(
        (from, before): (Moment, &Statistics),
        (to, now): (Moment, &Statistics),
        of: Of,
    ) -> Option<Self> {
        let out = Rise {
            tx_errors: now.tx_errors.checked_sub(before.tx_errors)?,
            tx_carrier_errors: now.tx_carrier_errors.checked_sub(before.tx_carrier_errors)?,
            tx_aborted_errors: now.tx_aborted_errors.checked_sub(before.tx_aborted_errors)?,
            tx_dropped: now.tx_dropped.checked_sub(before.tx_dropped)?,
            collisions: now.collisions.checked_sub(before.collisions)?,
            ..Rise::default()
        };
        let inbound = Rise {
            rx_errors: now.rx_errors.checked_sub(before.rx_errors)?,
            rx_dropped: now.rx_dropped.checked_sub(before.rx_dropped)?,
            ..Rise::default()
        };
        let sent = now.tx_packets.checked_sub(before.tx_packets)?;
        let received = now.rx_packets.checked_sub(before.rx_packets)?;
        let (lost, sent, rise) = match of.direction {
            Direction::Out if of.exported => (out.tx_errors, sent, out),
            Direction::Out => (out.tx_dropped, sent, out),
            Direction::In => (inbound.refused(), received, inbound),
        };
        Some(Self { from, to, lost, sent, rise })
    }
}

/// An episode that is not over.
#[derive(Debug)]
pub(super) struct Building {
    direction: Direction,
    /// The interface's name when the episode began: its losses are recorded under that name.
    pub name: String,
    began: Moment,
    pub last_loss: Moment,
    ended: Moment,
    lost: u64,
    sent: u64,
    rise: Rise,
    ledger: Ledger,
    /// Lost outside of all gaps.
    outside: u64,
    pub finding: Option<Finding>,
    /// The cause of what only a counter of the host has.
    pub charged: Option<Finding>,
    /// Number of diagnoses that found nothing.
    pub in_vain: u8,
    events: Vec<(Moment, String)>,
    omitted: u64,
    course: Vec<(Moment, u64)>,
}

impl Building {
    pub fn new(
        direction: Direction,
        name: &str,
        began: Moment,
        events: impl Iterator<Item = (Moment, String)>,
    ) -> Self {
        let mut new = Self {
            direction,
            name: name.to_string(),
            began,
            last_loss: began,
            ended: began,
            lost: 0,
            sent: 0,
            rise: Rise::default(),
            ledger: Ledger::of(direction),
            outside: 0,
            finding: None,
            charged: None,
            in_vain: 0,
            events: Vec::new(),
            omitted: 0,
            course: Vec::new(),
        };
        events.for_each(|(at, what)| new.note(at, what));
        new
    }

    pub fn note(&mut self, at: Moment, what: String) {
        if self.events.len() < MOST_EVENTS {
            self.events.push((at, what));
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }

    /// Adds the losses of an interval; `outside`: not in a gap.
    pub fn add(&mut self, interval: &Interval, outside: bool) {
        self.last_loss = interval.to;
        self.ended = self.ended.max(interval.to);
        self.lost = self.lost.saturating_add(interval.lost);
        self.sent = self.sent.saturating_add(interval.sent);
        if outside {
            self.outside = self.outside.saturating_add(interval.lost);
        }
        let (sum, rise) = (&mut self.rise, interval.rise);
        sum.tx_errors = sum.tx_errors.saturating_add(rise.tx_errors);
        sum.tx_carrier_errors = sum.tx_carrier_errors.saturating_add(rise.tx_carrier_errors);
        sum.tx_aborted_errors = sum.tx_aborted_errors.saturating_add(rise.tx_aborted_errors);
        sum.tx_dropped = sum.tx_dropped.saturating_add(rise.tx_dropped);
        sum.collisions = sum.collisions.saturating_add(rise.collisions);
        sum.rx_errors = sum.rx_errors.saturating_add(rise.rx_errors);
        sum.rx_dropped = sum.rx_dropped.saturating_add(rise.rx_dropped);
        self.course.push((interval.to, interval.lost));
        if self.course.len() > MOST_POINTS {
            let sum = |pair: &[(Moment, u64)]| {
                let at = pair.last().map_or(interval.to, |(at, _)| *at);
                (at, units::sum(pair.iter().map(|(_, lost)| *lost)))
            };
            self.course = self.course.chunks(2).map(sum).collect();
        }
    }

    /// Adds losses whose cause is known.
    pub fn add_explained(&mut self, interval: &Interval, cause: Finding) {
        self.add(interval, false);
        self.ledger.add_loss(interval.lost, Some(&cause));
        self.charged = Some(cause);
    }

    /// Adds the losses of a gap that is over.
    pub fn close_gap(&mut self, gap: &Gap, now: Moment) {
        if gap.lost > 0 {
            self.ended = self.ended.max(gap.closed.unwrap_or(now));
            self.ledger.add_gap(gap, now, self.finding.as_ref());
        }
    }

    /// Whether a diagnosis could explain more than the events do.
    pub const fn wants_finding(&self) -> bool {
        self.outside > 0
    }

    /// Whether all losses so far are single packets of VTI-103.
    pub fn is_drip(&self) -> bool {
        self.outside == self.lost && matches!(self.finding, Some((Code::Ipv6OutsideSelectors, _)))
    }

    /// The episode as it is now, with the open gaps.
    pub fn episode<'a>(
        &self,
        ifindex: u32,
        now: Moment,
        open: bool,
        gaps: impl Iterator<Item = &'a Gap>,
    ) -> Episode {
        let mut ledger = self.ledger.clone();
        for gap in gaps {
            ledger.add_gap(gap, now, self.finding.as_ref());
        }
        ledger.add_loss(self.outside, self.finding.as_ref());
        Episode {
            interface: self.name.clone(),
            ifindex,
            inbound: self.direction == Direction::In,
            began_ms: self.wall_ms(self.began),
            ended_ms: self.ended.wall_ms,
            open,
            lost: self.lost,
            sent: self.sent,
            counters: self.rise,
            causes: ledger.causes(),
            events: self
                .events
                .iter()
                .map(|(at, what)| Event { at_ms: self.wall_ms(*at), what: what.clone() })
                .collect(),
            omitted: self.omitted,
            course: self
                .course
                .iter()
                .map(|(at, lost)| Loss { at_ms: self.wall_ms(*at), lost: *lost })
                .collect(),
        }
    }

    /// By the clock that does not jump, counted back from the end of the episode, which is nearest to now. So the length of the episode is right,
    /// and all its events are within it.
    const fn wall_ms(&self, at: Moment) -> u64 {
        let later = self.ended.wall_ms.saturating_add(at.since(self.ended));
        later.saturating_sub(self.ended.since(at))
    }
}
