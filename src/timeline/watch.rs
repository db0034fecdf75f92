//! One VTI over time: the gaps that the kernel's messages open and close, and the losses that looks at its counters show between them.

use super::episode::{Building, Interval};
use super::finding::Finding;
use super::gap::{Expiry, Gap, Lack, Peer};
use super::moment::Moment;
use super::tracker::Readiness;
use crate::snapshot::Statistics;
use crate::snapshot::notification::Notification;
use crate::snapshot::recorded::Episode;
use std::collections::VecDeque;

/// An episode is over when nothing was lost for so long, and no gap is open.
const QUIET_MS: u64 = 3000;
/// The kernel repeats router solicitations at most an hour apart (`rtr_solicit_max_interval`, and a tenth of it at random).
const DRIP_QUIET_MS: u64 = 2 * 60 * 60 * 1000;
/// Events before an episode that belong to it.
const BEFORE_MS: u64 = 5000;
/// Events that are kept in case an episode begins.
const MOST_NOTES: usize = 32;
/// Gaps between two looks; what is more becomes one with the last.
const MOST_GAPS: usize = 64;
/// Diagnoses of one episode that may find nothing.
const MOST_IN_VAIN: u8 = 3;
/// Packets without an answer for so long, and twice as long as ever before: the peer is silent.
const SILENT_MS: u64 = 2000;

/// A look at the counters of a VTI.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: Moment,
    /// IFLA_STATS64.
    pub statistics: Statistics,
}

/// What a look showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets lost since the look before.
    pub lost: u64,
    /// An episode began with them.
    pub began: bool,
    /// The counters were restarted: what was lost cannot be told.
    pub restarted: bool,
}

/// One VTI over time.
#[derive(Debug)]
pub struct Watch {
    name: String,
    ifindex: u32,
    exported: bool,
    last: Sample,
    /// A packet was sent, or could have been, since the interface was made.
    carried: bool,
    /// The counters went back.
    restarted: bool,
    sas: Option<Gap>,
    route: Option<Gap>,
    /// Closed since the last look.
    closed: Vec<Gap>,
    traffic: Traffic,
    notes: VecDeque<(Moment, String)>,
    episode: Option<Building>,
}

impl Watch {
    /// Begins to watch. `readiness` is none where SAs and policies cannot be read: then no gap is ever seen.
    /// `exported`: whether the kernel shows the error counters of the driver.
    pub fn new(
        (name, ifindex): (&str, u32),
        exported: bool,
        readiness: Option<Readiness>,
        first: Sample,
    ) -> Self {
        let carried = first.statistics.tx_packets > 0;
        let mut watch = Self {
            name: name.to_string(),
            ifindex,
            exported,
            last: first,
            carried,
            restarted: false,
            sas: None,
            route: None,
            closed: Vec::new(),
            traffic: Traffic::default(),
            notes: VecDeque::new(),
            episode: None,
        };
        match readiness {
            Some(readiness) if readiness.is_ready() => watch.carried = true,
            Some(readiness) => {
                watch.sas = Some(watch.gap(Lack::Sas, None, readiness));
            }
            None => {}
        }
        watch
    }

    /// The interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its losses are written under: the name it had when the episode began.
    pub fn losing_name(&self) -> &str {
        self.episode.as_ref().map_or(&self.name, |episode| &episode.name)
    }

    /// The interface has another name from now on.
    pub fn rename(&mut self, now: Moment, name: &str) {
        self.note(now, format!("link {} renamed {name}", self.name));
        self.name = name.to_string();
    }

    /// Takes in what it has now, after `cause`. True where a gap opened or closed: then it is time to look at the counters.
    pub fn readiness(&mut self, at: Moment, now: Readiness, cause: &Notification) -> bool {
        let expiry = match cause {
            Notification::SaExpired(sa) => Some(Expiry::of(sa)),
            _ => None,
        };
        if !now.is_ready() {
            let opens = self.sas.is_none();
            if opens {
                self.sas = Some(self.gap(Lack::Sas, Some(at), now));
            }
            if let Some(gap) = &mut self.sas {
                gap.policy_gone |= now.policies == 0;
                gap.misfit |= now.sas == 0 && matches!(cause, Notification::SaAdded(_));
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

    /// Takes in whether there is a route to the peers of its SAs. True where that changed.
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

    /// Keeps an event, for the episode that goes on or one that may begin.
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

    /// Takes in a look at the counters.
    pub fn look(&mut self, look: Sample) -> Seen {
        let (before, exported) = (std::mem::replace(&mut self.last, look), self.exported);
        let between = Interval::between(
            (before.at, &before.statistics),
            (look.at, &look.statistics),
            exported,
        );
        let Some(interval) = between else {
            self.closed.clear();
            self.restarted = true;
            return Seen { restarted: true, ..Seen::default() };
        };
        self.carried |= interval.sent > 0;
        self.traffic.look(&before, &look);
        let began = interval.lost > 0 && self.count(&interval);
        let closed = std::mem::take(&mut self.closed);
        if let Some(episode) = &mut self.episode {
            closed.iter().for_each(|gap| episode.close_gap(gap, look.at));
        }
        Seen { lost: interval.lost, began, restarted: false }
    }

    /// Whether a diagnosis could say what the events do not.
    pub fn wants_finding(&self) -> bool {
        let Some(episode) = &self.episode else { return false };
        match &self.sas {
            // A gap that lasts has a cause that can be read.
            Some(gap) => gap.lost > 0 && gap.finding.is_none() && self.is_long(gap),
            None => {
                episode.finding.is_none()
                    && episode.in_vain < MOST_IN_VAIN
                    && episode.wants_finding()
            }
        }
    }

    /// Takes in what a diagnosis said: of the gap, where one is open, for then it speaks of that.
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

    /// The episode that goes on, as it is now.
    pub fn ongoing(&self, now: Moment) -> Option<Episode> {
        let episode = self.episode.as_ref()?;
        let open = self.sas.iter().chain(&self.route).chain(&self.closed);
        Some(episode.episode(self.ifindex, now, true, open))
    }

    /// The episode, if it is over.
    pub fn settle(&mut self, now: Moment) -> Option<Episode> {
        let episode = self.episode.as_ref()?;
        let quiet = if episode.is_drip() { DRIP_QUIET_MS } else { QUIET_MS };
        let in_gap = self.sas.is_some() || self.route.is_some();
        if in_gap || now.since(episode.last_loss) < quiet {
            return None;
        }
        self.end(now)
    }

    /// The episode, which ends with the interface; `last` is what it counted until then.
    pub fn gone(mut self, now: Moment, last: Option<Sample>) -> Option<Episode> {
        // Counters that were restarted are of another interface with this ifindex, made after what ends here.
        if let Some(last) = last.filter(|_| !self.restarted) {
            self.look(last);
        }
        self.note(now, format!("link {} deleted", self.name));
        self.end(now)
    }

    /// The episode, which ends with the recorder.
    pub fn end(&mut self, now: Moment) -> Option<Episode> {
        let ended = self.ongoing(now)?;
        self.episode = None;
        Some(Episode { open: false, ..ended })
    }

    /// A gap that opens, with what was known before it.
    fn gap(&mut self, lack: Lack, opened: Option<Moment>, now: Readiness) -> Gap {
        self.traffic.gapped = true;
        Gap {
            lack,
            opened,
            closed: None,
            policy_gone: now.policies == 0,
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

    /// Counts the losses of an interval to the gap that covers most of it, or to none. True where an episode begins.
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
        let begins = self.episode.is_none();
        if begins {
            let notes = self.notes.drain(..);
            let near = notes.filter(|(at, _)| at.uptime_ms + BEFORE_MS >= from.uptime_ms);
            self.episode = Some(Building::new(&self.name, began, near));
        }
        if let Some(episode) = &mut self.episode {
            episode.add(interval, outside);
        }
        begins
    }
}

/// Whether what goes out is answered.
#[derive(Debug, Default)]
struct Traffic {
    /// When packets last went out.
    sent: Option<Moment>,
    /// When packets last came in.
    heard: Option<Moment>,
    /// The longest that was waited for an answer so far, in milliseconds.
    patience: u64,
    /// A gap opened since packets last came in.
    gapped: bool,
}

impl Traffic {
    fn look(&mut self, before: &Sample, now: &Sample) {
        if now.statistics.tx_packets > before.statistics.tx_packets {
            self.sent = Some(now.at);
        }
        if now.statistics.rx_packets > before.statistics.rx_packets {
            // A silence that a gap followed was no pause of the traffic.
            if !std::mem::take(&mut self.gapped) {
                self.patience = self.patience.max(self.waited());
            }
            self.heard = Some(now.at);
        }
    }

    /// How long packets have gone out without an answer.
    fn waited(&self) -> u64 {
        match (self.sent, self.heard) {
            (Some(sent), Some(heard)) => sent.since(heard),
            _ => 0,
        }
    }

    fn peer(&self) -> Peer {
        let waited = self.waited();
        match self.heard {
            None => Peer::Unknown,
            Some(_) if waited < SILENT_MS => Peer::Heard,
            Some(_) if waited >= 2 * self.patience => Peer::Silent,
            Some(_) => Peer::Doubtful,
        }
    }
}
