//! A gap: a span in which a VTI lacked an SA, a policy or a route. The kernel's messages show its beginning and end, and its kind.

use super::finding::Finding;
use super::moment::Moment;
use crate::code::Code;
use crate::snapshot::Sa;

/// A message may be received a little later than its event.
const LATE_MS: u64 = 100;
/// Up to this length a gap without any sign of the peer counts as a reauthentication, which takes a few round trips.
const REAUTHENTICATION_MS: u64 = 3000;

/// What a VTI lacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// An SA, or a policy, or both.
    Sas,
    /// An SA for what the peer sends.
    InboundSa,
    /// A route to the peer of its SAs.
    Route,
}

/// Why the kernel itself deleted an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Its lifetime was over, and it had not been rekeyed.
    Time,
    /// It had reached its byte or packet limit.
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

/// Whether packets came from the peer before a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Packets came in until the gap.
    Heard,
    /// None came in, although packets went out and had been answered before.
    Silent,
    /// None came in, but there had already been a silence of half that length or longer.
    Doubtful,
    /// None ever came in.
    Unknown,
}

/// A gap.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub lack: Lack,
    /// None: before the recording began.
    pub opened: Option<Moment>,
    pub closed: Option<Moment>,
    /// At some time of the gap the VTI had no policy.
    pub policy_gone: bool,
    pub expiry: Option<Expiry>,
    /// An SA like its own was installed meanwhile, but with a mark or if_id that no VTI has.
    pub misfit: bool,
    /// The interface had not sent a packet before.
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

    /// Its length, until `now` if it is open; none if its beginning was not seen.
    pub fn length_ms(&self, now: Moment) -> Option<u64> {
        Some(self.closed.unwrap_or(now).since(self.opened?))
    }

    /// The finding's code, as far as the messages show it. For an open gap they often do not.
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
            (None, false, _) if self.lack == Lack::InboundSa => Some(Code::NoInboundAssociation),
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
