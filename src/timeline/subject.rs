//! What a watch watches: one direction of one VTI, by samples of its counters.

use super::gap::Lack;
use super::moment::Moment;
use super::tracked::Readiness;
use crate::snapshot::{Direction, Driver, Statistics};

/// A sample of the counters of a VTI.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: Moment,
    /// IFLA_STATS64.
    pub statistics: Statistics,
}

/// What is watched: which packets, and which counters have those that are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    /// What it sends, or what it receives.
    pub direction: Direction,
    /// The driver.
    pub driver: Driver,
    /// Whether the kernel shows the error counters of the driver.
    pub exported: bool,
}

impl Of {
    /// Whether it can carry packets: to receive some, it needs an SA, and whether also a policy depends on more.
    pub(super) const fn is_ready(self, readiness: Readiness) -> bool {
        match self.direction {
            Direction::Out => readiness.is_ready(),
            Direction::In => readiness.sas > 0,
        }
    }

    /// What it lacks without that.
    pub(super) const fn lack(self) -> Lack {
        match self.direction {
            Direction::Out => Lack::Sas,
            Direction::In => Lack::InboundSa,
        }
    }
}
