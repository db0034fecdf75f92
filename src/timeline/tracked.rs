//! What the tracker keeps of SAs and policies, and how it is counted to a VTI: marks and if_ids are compared as the kernel does.

use crate::snapshot::{Direction, IfId, Mark, PolicyDirection, ReqId, RouteQuery, Snapshot, Spi};
use crate::tunnel::MarkOrIfId;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How many SAs and policies of one direction a VTI has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// SAs with its mark or if_id.
    pub sas: usize,
    /// Policies (out, or in) with its mark or if_id.
    pub policies: usize,
}

impl Readiness {
    /// Whether it has both.
    pub const fn is_ready(self) -> bool {
        self.sas > 0 && self.policies > 0
    }
}

/// The effect of a notification on one VTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The VTI.
    pub ifindex: u32,
    /// What it sends with, or what it receives with.
    pub direction: Direction,
    /// What it has of that now.
    pub readiness: Readiness,
}

/// What one VTI has.
pub(super) struct Vti {
    pub mark_or_if_id: MarkOrIfId,
    pub remote: Option<IpAddr>,
    /// The VRF of the link from which its outer routes are looked up.
    pub outer_vrf: Option<u32>,
    pub out: Readiness,
    pub inbound: Readiness,
    pub peers: BTreeMap<IpAddr, Peer>,
}

/// A peer of a VTI, as in its last SA.
pub(super) struct Peer {
    /// The question for the outer route.
    pub query: RouteQuery,
    pub reqid: ReqId,
}

/// At most so many peers of one VTI are kept: a remote-access interface has many.
const MOST_PEERS: usize = 8;

/// Destination, protocol and SPI.
pub(super) type SaId = (IpAddr, u8, Spi);

/// What is kept of an SA.
pub(super) struct KnownSa {
    pub direction: Direction,
    pub source: IpAddr,
    pub reqid: ReqId,
    pub set_mark: Mark,
    pub selecting: Selecting,
}

/// What ties an SA or a policy to an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Selecting {
    pub if_id: IfId,
    pub mark: Mark,
}

impl KnownSa {
    /// The other end of an SA to `destination`.
    pub const fn peer(&self, destination: IpAddr) -> IpAddr {
        match self.direction {
            Direction::Out => destination,
            Direction::In => self.source,
        }
    }
}

impl Vti {
    pub const fn state(&self, direction: Direction) -> Readiness {
        match direction {
            Direction::Out => self.out,
            Direction::In => self.inbound,
        }
    }

    pub const fn effect(&self, ifindex: u32, direction: Direction) -> Effect {
        Effect { ifindex, direction, readiness: self.state(direction) }
    }

    pub fn has_sa(&self, direction: Direction, selecting: Selecting, peer: IpAddr) -> bool {
        let Selecting { if_id, mark } = selecting;
        // What the peer sends may come from another address than the SA has (`xfrm_state_lookup()` does not compare it).
        let is_named =
            direction == Direction::In && self.mark_or_if_id.names_sa(direction, if_id, mark);
        self.mark_or_if_id.admits_sa(direction, if_id, mark)
            && (is_named || self.remote.is_none_or(|remote| remote == peer))
    }

    pub fn has_policy(&self, direction: Direction, selecting: Selecting) -> bool {
        let direction = match direction {
            Direction::Out => PolicyDirection::Out,
            Direction::In => PolicyDirection::In,
        };
        self.mark_or_if_id.owns_policy(direction, selecting.if_id, selecting.mark)
    }

    pub fn count(
        &mut self,
        sas: &BTreeMap<SaId, KnownSa>,
        policies: &BTreeMap<(u32, bool), (Direction, Selecting)>,
    ) {
        let [mut out, mut inbound] = [Readiness::default(); 2];
        for ((destination, ..), sa) in sas {
            let is_of = self.has_sa(sa.direction, sa.selecting, sa.peer(*destination));
            match sa.direction {
                Direction::Out if is_of => {
                    out.sas += 1;
                    self.remember(*destination, sa);
                }
                Direction::In if is_of => inbound.sas += 1,
                Direction::Out | Direction::In => {}
            }
        }
        for (direction, selecting) in policies.values() {
            let is_of = usize::from(self.has_policy(*direction, *selecting));
            match direction {
                Direction::Out => out.policies += is_of,
                Direction::In => inbound.policies += is_of,
            }
        }
        (self.out, self.inbound) = (out, inbound);
    }

    /// Keeps the question for the outer route to `peer`, so that it can be asked even after the SA is deleted.
    pub fn remember(&mut self, peer: IpAddr, sa: &KnownSa) {
        if self.peers.len() >= MOST_PEERS && !self.peers.contains_key(&peer) {
            self.peers.pop_first();
        }
        let flow_mark = self.mark_or_if_id.mark(Direction::Out).unwrap_or(0);
        let KnownSa { source, reqid, set_mark, .. } = *sa;
        let query =
            Snapshot::outer_query_between(source, peer, set_mark, self.outer_vrf, flow_mark);
        self.peers.insert(peer, Peer { query, reqid });
    }
}
