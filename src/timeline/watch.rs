//! One VTI over time: the gaps that the kernel's messages open and close, and the losses between the samples of its counters.

use super::arrival;
use super::episode::{Building, Interval};
use super::finding::Finding;
use super::gap::{Expiry, Gap, Lack, Peer};
use super::moment::Moment;
use super::subject::{Of, Sample};
use super::tracked::Readiness;
use super::traffic::Traffic;
use crate::code::Code;
use crate::snapshot::notification::Notification;
use crate::snapshot::recorded::{Episode, Rise};
use crate::snapshot::{Direction, Statistics};
use std::collections::VecDeque;

/// An episode is over if no packet was lost for so long and no gap is open.
const QUIET_MS: u64 = 3000;
/// So long an inbound episode waits for its first diagnosis.
const UNASKED_MS: u64 = 15_000;
/// The kernel repeats router solicitations at most an hour apart (`rtr_solicit_max_interval`, and a tenth of it at random).
const DRIP_QUIET_MS: u64 = 2 * 60 * 60 * 1000;
/// Events before an episode that belong to it.
const BEFORE_MS: u64 = 5000;
/// Events that are kept in case an episode begins.
const MOST_NOTES: usize = 32;
/// Gaps between two samples; further gaps extend the last one.
const MOST_GAPS: usize = 64;
/// So long after an inbound SA went, packets that no SA takes count as its own.
const NEAR_MS: u64 = 60_000;
/// Diagnoses of one episode without a result; after so many there are no further ones.
const MOST_IN_VAIN: u8 = 3;

/// What a sample showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets lost since the sample before.
    pub lost: u64,
    /// An episode began with them.
    pub began: bool,
    /// The counters were restarted: the losses are unknown.
    pub restarted: bool,
}

/// One direction of one VTI over time.
#[derive(Debug)]
pub struct Watch {
    of: Of,
    name: String,
    ifindex: u32,
    last: Sample,
    /// A packet was sent, or could have been sent, since the interface was created.
    carried: bool,
    /// It had policies of the direction. Without policies in, an xfrm interface forwards what it receives.
    had_policies: bool,
    /// The counters decreased.
    restarted: bool,
    sas: Option<Gap>,
    route: Option<Gap>,
    /// Closed since the last sample.
    closed: Vec<Gap>,
    /// Closed before the last sample, and after the one before it: what only the host counted is added after the sample. Inbound only.
    recent: Vec<Gap>,
    traffic: Traffic,
    notes: VecDeque<(Moment, String)>,
    episode: Option<Building>,
}

impl Watch {
    /// Begins to watch. `readiness` is none if SAs and policies cannot be read: then gaps are not seen.
    pub fn new(
        (name, ifindex): (&str, u32),
        of: Of,
        readiness: Option<Readiness>,
        first: Sample,
    ) -> Self {
        let carried = match of.direction {
            Direction::Out => first.statistics.tx_packets > 0,
            Direction::In => first.statistics.rx_packets > 0,
        };
        let mut watch = Self {
            of,
            name: name.to_string(),
            ifindex,
            last: first,
            carried,
            had_policies: readiness.is_some_and(|readiness| readiness.policies > 0),
            restarted: false,
            sas: None,
            route: None,
            closed: Vec::new(),
            recent: Vec::new(),
            traffic: Traffic::default(),
            notes: VecDeque::new(),
            episode: None,
        };
        match readiness {
            Some(readiness) if of.is_ready(readiness) => watch.carried = true,
            Some(readiness) => {
                watch.sas = Some(watch.gap(of.lack(), None, readiness));
            }
            None => {}
        }
        watch
    }

    /// The interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name under which its losses are recorded: the name when the episode began.
    pub fn losing_name(&self) -> &str {
        self.episode.as_ref().map_or(&self.name, |episode| &episode.name)
    }

    /// The interface has another name from now on.
    pub fn rename(&mut self, now: Moment, name: &str) {
        self.note(now, format!("link {} renamed {name}", self.name));
        self.name = name.to_string();
    }

    /// Sets what it has now, after `cause`. True if a gap opened or closed: then the counters must be sampled.
    pub fn readiness(&mut self, at: Moment, now: Readiness, cause: &Notification) -> bool {
        let expiry = match cause {
            Notification::SaExpired(sa) => Some(Expiry::of(sa)),
            _ => None,
        };
        self.had_policies |= now.policies > 0;
        let policy_gone = self.is_policy_gone(now);
        if !self.of.is_ready(now) {
            let opens = self.sas.is_none();
            if opens {
                self.sas = Some(self.gap(self.of.lack(), Some(at), now));
            }
            if let Some(gap) = &mut self.sas {
                gap.policy_gone |= policy_gone;
                gap.misfit |= now.sas == 0
                    && matches!(cause, Notification::SaAdded(_) | Notification::SaUpdated(_));
                gap.expiry = gap.expiry.or(expiry.filter(|_| now.sas == 0));
            }
            return opens;
        }
        self.carried = true;
        let gap = self.sas.take();
        let closes = gap.is_some();
        self.close(gap, at);
        closes
    }

    /// Sets whether there is a route to the peers of its SAs. True if this changed.
    pub fn route(&mut self, at: Moment, is_there: bool) -> bool {
        if is_there {
            let gap = self.route.take();
            let closes = gap.is_some();
            self.close(gap, at);
            return closes;
        }
        let opens = self.route.is_none();
        if opens {
            self.route = Some(self.gap(Lack::Route, Some(at), Readiness::default()));
        }
        opens
    }

    /// Keeps an event, for the current episode or for one that may begin.
    pub fn note(&mut self, at: Moment, what: String) {
        let in_gap = self.sas.is_some() || self.route.is_some();
        match &mut self.episode {
            Some(episode) if in_gap || at.since(episode.last_loss) <= BEFORE_MS => {
                episode.note(at, what);
            }
            _ => {
                if self.notes.len() >= MOST_NOTES {
                    self.notes.pop_front();
                }
                self.notes.push_back((at, what));
            }
        }
    }

    /// Adds a sample of the counters.
    pub fn look(&mut self, look: Sample) -> Seen {
        let before = std::mem::replace(&mut self.last, look);
        let between = Interval::between(
            (before.at, &before.statistics),
            (look.at, &look.statistics),
            self.of,
        );
        let Some(interval) = between else {
            self.closed.clear();
            self.recent.clear();
            self.restarted = true;
            return Seen { restarted: true, ..Seen::default() };
        };
        self.carried |= interval.sent > 0;
        self.traffic.look(&before, &look);
        let began = interval.lost > 0 && self.count(&interval);
        let mut closed = std::mem::take(&mut self.closed);
        if self.of.direction == Direction::In {
            std::mem::swap(&mut closed, &mut self.recent);
        }
        if let Some(episode) = &mut self.episode {
            closed.iter().for_each(|gap| episode.close_gap(gap, look.at));
        }
        Seen { lost: interval.lost, began, restarted: false }
    }

    /// How many packets the interface refused on arrival since the last sample, of those that the host counts as well: rx_errors, or where the
    /// kernel does not show it rx_dropped.
    pub const fn refused(&self, now: &Statistics) -> u64 {
        let before = &self.last.statistics;
        match self.of.exported {
            true => now.rx_errors.saturating_sub(before.rx_errors),
            false => now.rx_dropped.saturating_sub(before.rx_dropped),
        }
    }

    /// Adds `lost` packets that only a counter of the host has, with the cause by which they are this VTI's; without, they are of the gap in
    /// which they were lost. True if an episode begins.
    pub fn charge(&mut self, from: Moment, lost: u64, cause: Option<Finding>) -> bool {
        let (to, rise) = (self.last.at, Rise::default());
        let interval = Interval { from: from.min(to), to, lost, sent: 0, rise };
        let begins = self.begin(interval.from, interval.from);
        let Some(episode) = &mut self.episode else { return begins };
        let Some(cause) = cause else {
            let gap = self.sas.as_mut().or(self.recent.last_mut());
            episode.add(&interval, gap.is_none());
            gap.into_iter().for_each(|gap| gap.lost = gap.lost.saturating_add(lost));
            return begins;
        };
        episode.add_explained(&interval, cause);
        begins
    }

    /// Whether an SA is missing, or was until the last sample, so that packets of the peer that no SA took may have been for this VTI: soon after the
    /// gap began, and of a peer that was heard before. Later they may be anybody's.
    pub fn lacks_sa(&self, now: Moment) -> bool {
        let is_near = |gap: &Gap| {
            let since = gap.opened.map(|opened| now.since(opened));
            since.is_some_and(|ms| ms <= NEAR_MS) && gap.peer == Peer::Heard
        };
        self.sas.iter().chain(&self.recent).any(is_near)
    }

    /// The cause of the present episode that raises `counter` of the host, and none of the interface.
    pub fn cause_raising(&self, counter: &str) -> Option<&Finding> {
        let charged = self.episode.as_ref()?.charged.as_ref();
        charged.filter(|(code, _)| arrival::raises(*code, self.of.driver, counter))
    }

    /// The first of the findings that raises `counter` of the host, and none of the interface.
    pub fn raising<'f>(&self, findings: &'f [Finding], counter: &str) -> Option<&'f Finding> {
        findings.iter().find(|(code, _)| arrival::raises(*code, self.of.driver, counter))
    }

    /// The first of the findings that explains refusals that the interface counts.
    pub fn refusing(&self, findings: &[Finding]) -> Option<Finding> {
        let is_counted = |code: Code| arrival::raised(code, self.of.driver);
        findings.iter().find(|(code, _)| is_counted(*code).is_some_and(|r| r.device)).cloned()
    }

    /// Whether a diagnosis could explain what the events do not.
    pub fn wants_finding(&self) -> bool {
        let Some(episode) = &self.episode else { return false };
        match &self.sas {
            // The cause of a long gap can be read from the state.
            Some(gap) => gap.lost > 0 && gap.finding.is_none() && self.is_long(gap),
            None => {
                episode.finding.is_none()
                    && episode.in_vain < MOST_IN_VAIN
                    && episode.wants_finding()
            }
        }
    }

    /// Adds the finding of a diagnosis. If a gap is open, the finding is that of the gap.
    pub fn found(&mut self, finding: Option<Finding>) {
        let Some(episode) = &mut self.episode else { return };
        match (&mut self.sas, finding) {
            (Some(gap), finding) => gap.finding = gap.finding.take().or(finding),
            (None, Some(finding)) => _ = episode.finding.get_or_insert(finding),
            (None, None) => episode.in_vain += 1,
        }
    }

    fn is_long(&self, gap: &Gap) -> bool {
        gap.opened.is_none_or(|opened| self.last.at.since(opened) >= QUIET_MS)
    }

    /// The current episode, as it is now.
    pub fn ongoing(&self, now: Moment) -> Option<Episode> {
        let episode = self.episode.as_ref()?;
        let open = self.sas.iter().chain(&self.route).chain(&self.recent).chain(&self.closed);
        Some(episode.episode(self.ifindex, now, true, open))
    }

    /// The episode, if it is over.
    pub fn settle(&mut self, now: Moment) -> Option<Episode> {
        let episode = self.episode.as_ref()?;
        let quiet = if episode.is_drip() { DRIP_QUIET_MS } else { QUIET_MS };
        // The statistics of an SA say also later why it refused packets, if nobody has looked yet.
        let is_unasked = self.wants_finding() && episode.in_vain == 0;
        let is_inbound = self.of.direction == Direction::In;
        let quiet = if is_inbound && is_unasked { UNASKED_MS } else { quiet };
        let in_gap = self.sas.is_some() || self.route.is_some();
        if in_gap || now.since(episode.last_loss) < quiet {
            return None;
        }
        self.end(now)
    }

    /// The episode, which ends because the interface is deleted; `last` is the last sample of its counters.
    pub fn gone(mut self, now: Moment, last: Option<Sample>) -> Option<Episode> {
        // Restarted counters belong to a later interface with the same ifindex.
        if let Some(last) = last.filter(|_| !self.restarted) {
            self.look(last);
        }
        self.note(now, format!("link {} deleted", self.name));
        self.end(now)
    }

    /// The episode, which ends because the recorder ends.
    pub fn end(&mut self, now: Moment) -> Option<Episode> {
        let ended = self.ongoing(now)?;
        self.episode = None;
        Some(Episode { open: false, ..ended })
    }

    /// Whether a policy is missing: what is sent needs one.
    fn is_policy_gone(&self, now: Readiness) -> bool {
        now.policies == 0 && (self.of.direction == Direction::Out || self.had_policies)
    }

    /// A new gap, with what is known from before it.
    fn gap(&mut self, lack: Lack, opened: Option<Moment>, now: Readiness) -> Gap {
        self.traffic.gapped = true;
        Gap {
            lack,
            opened,
            closed: None,
            policy_gone: self.is_policy_gone(now),
            expiry: None,
            misfit: false,
            first: !self.carried,
            peer: self.traffic.peer(),
            lost: 0,
            finding: None,
        }
    }

    fn close(&mut self, gap: Option<Gap>, at: Moment) {
        let Some(mut gap) = gap else { return };
        gap.closed = Some(at);
        let is_full = self.closed.len() >= MOST_GAPS;
        match self.closed.last_mut() {
            Some(last) if is_full => last.closed = Some(at),
            _ => self.closed.push(gap),
        }
    }

    /// Assigns the losses of an interval to the gap that covers most of it, or to none. True if an episode begins.
    fn count(&mut self, interval: &Interval) -> bool {
        let (from, to) = (interval.from, interval.to);
        let open = self.sas.iter_mut().chain(&mut self.route);
        let touching = open.chain(&mut self.closed).filter(|gap| gap.overlaps(from, to));
        let covered = |gap: &&mut Gap| {
            let began = gap.opened.map_or(from.uptime_ms, |o| o.uptime_ms.max(from.uptime_ms));
            let ended = gap.closed.map_or(to.uptime_ms, |c| c.uptime_ms.min(to.uptime_ms));
            ended.saturating_sub(began)
        };
        let gap = touching.max_by_key(covered);
        let outside = gap.is_none();
        let mut began = from;
        if let Some(gap) = gap {
            gap.lost = gap.lost.saturating_add(interval.lost);
            began = gap.opened.map_or(from, |opened| opened.max(from).min(to));
        }
        let begins = self.begin(began, from);
        if let Some(episode) = &mut self.episode {
            episode.add(interval, outside);
        }
        begins
    }

    /// Begins an episode, with the events since shortly before `from`. False if there is one.
    fn begin(&mut self, began: Moment, from: Moment) -> bool {
        let begins = self.episode.is_none();
        if begins {
            let notes = self.notes.drain(..);
            let near = notes.filter(|(at, _)| at.uptime_ms + BEFORE_MS >= from.uptime_ms);
            self.episode = Some(Building::new(self.of.direction, &self.name, began, near));
        }
        begins
    }
}
