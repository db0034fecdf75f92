//! What a policy check is asked for a received packet, beside the packet itself. It decides nothing.

use super::site::Direction;
use crate::snapshot::{Driver, IfId, PolicyDirection};
use crate::way::trail::At;

/// What the check compares beside the packet and its SA.
pub(super) struct Asked {
    /// Which policies.
    pub direction: Direction,
    /// That of the interface; 0 for none.
    pub if_id: IfId,
    /// The packet's mark, or that of the vti.
    pub mark: u32,
    /// ifindex of the device by which it was routed.
    pub input: u32,
    /// ifindex of the device by which the encrypted packet came, where that is known.
    pub outside: Option<u32>,
    /// The driver of the interface that asks; none for a packet in clear.
    pub by: Option<Driver>,
}

impl Asked {
    /// Its step.
    pub const fn at(&self) -> At {
        match (self.by, self.direction) {
            (None, _) => At::PolicyOfClear,
            (_, Direction::In) => At::PolicyIn,
            (_, Direction::Forward) => At::PolicyForward,
        }
    }

    /// The policies' own word.
    pub const fn direction(&self) -> PolicyDirection {
        match self.direction {
            Direction::In => PolicyDirection::In,
            Direction::Forward => PolicyDirection::Forward,
        }
    }
}
