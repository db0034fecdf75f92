//! A span in which a VTI lacked what it needs to send, as the kernel's messages bound it, and what kind of gap that was.

use super::finding::Finding;
use super::moment::Moment;
use crate::code::Code;
use crate::snapshot::Sa;

/// A message may be received a little later than what it tells of happened.
const LATE_MS: u64 = 100;
/// A gap without any sign of the peer is taken for a reauthentication up to this length: rekeying from anew takes a few round trips.
const REAUTHENTICATION_MS: u64 = 3000;

/// What a VTI lacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// An SA, or a policy, or both.
    Sas,
    /// A route to the peer of its SAs.
    Route,
}

/// Why the kernel deleted an SA by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Its time was over: nobody renewed it.
    Time,
    /// It had carried as many bytes or packets as it may.
    Volume,
}

impl Expiry {
    pub fn of(sa: &Sa) -> Self {
        let (limits, current) = (&sa.limits, &sa.current);
        let reached = |limit: Option<u64>, value: u64| limit.is_some_and(|limit| value >= limit);
        if reached(limits.hard_bytes, current.bytes)
            || reached(limits.hard_packets, current.packets)
        {
            Expiry::Volume
        } else {
            Expiry::Time
        }
    }
}

/// Whether the peer was heard of before a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Packets came in until the gap.
    Heard,
    /// None came in, though packets went out and were answered before.
    Silent,
    /// None came in, but that was so before, for half as long or longer.
    Doubtful,
    /// None ever came in.
    Unknown,
}

/// A gap.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub lack: Lack,
    /// None: before it was watched.
    pub opened: Option<Moment>,
    pub closed: Option<Moment>,
    /// The VTI had no policy at some time of it.
    pub policy_gone: bool,
    pub expiry: Option<Expiry>,
    /// An SA that is its own but for a mark or if_id, which no VTI has, was installed meanwhile.
    pub misfit: bool,
    /// The interface had not carried a packet before.
    pub first: bool,
    pub peer: Peer,
    /// Packets lost in the intervals that it overlaps.
    pub lost: u64,
    /// What a diagnosis said while it was open.
    pub finding: Option<Finding>,
}

impl Gap {
    /// Whether it touches the interval.
    pub fn overlaps(&self, from: Moment, to: Moment) -> bool {
        let began = self.opened.is_none_or(|o| o.uptime_ms <= to.uptime_ms + LATE_MS);
        began && self.closed.is_none_or(|c| c.uptime_ms >= from.uptime_ms)
    }

    /// How long it lasted, until `now` if it goes on; none where its beginning was not seen.
    pub fn length_ms(&self, now: Moment) -> Option<u64> {
        Some(self.closed.unwrap_or(now).since(self.opened?))
    }

    /// The finding's code, as far as the messages tell. What a gap that goes on will turn out to be, they often do not.
    pub fn code(&self, now: Moment) -> Option<Code> {
        if self.lack == Lack::Route {
            return Some(Code::RouteGap);
        }
        if self.first {
            return Some(Code::BeforeTheFirstSa);
        }
        let length = self.length_ms(now)?;
        match (self.expiry, self.policy_gone, self.peer) {
            (Some(Expiry::Volume), ..) => Some(Code::LimitReached),
            (None, false, _) if self.misfit => Some(Code::SecurityAssociationMismatch),
            (None, false, _) => Some(Code::SaGap),
            _ if self.closed.is_none() => None,
            (Some(Expiry::Time), ..) | (None, true, Peer::Silent) => Some(Code::PeerLostAndBack),
            (None, true, Peer::Heard) => Some(Code::ReauthenticationGap),
            (None, true, Peer::Unknown) if length <= REAUTHENTICATION_MS => {
                Some(Code::ReauthenticationGap)
            }
            (None, true, Peer::Unknown | Peer::Doubtful) => None,
        }
    }
}
