//! What drops a packet, in words. It decides nothing.

use super::fate::{By, How};
use crate::snapshot::filter::rule_name;

impl By<'_> {
    /// What drops the packet.
    pub fn name(&self) -> String {
        rule_name(self.chain, self.rule)
    }

    /// What it does.
    pub const fn does(&self) -> &'static str {
        match self.how {
            How::Drop => "drops",
            How::Reject => "rejects",
            How::Queue => "queues",
            How::Target => "may drop",
        }
    }

    /// Packets that it has counted; none without a counter behind its conditions, and for a policy.
    pub fn packets(&self) -> Option<u64> {
        self.rule?.counter().map(|counter| counter.packets)
    }
}
