//! Whether what a VTI sends is answered: how long it has been silent, and whether it was so before.

use super::gap::Peer;
use super::moment::Moment;
use super::subject::Sample;

/// The peer is silent if packets have had no answer for so long, and for twice as long as ever before.
const SILENT_MS: u64 = 2000;

/// Whether sent packets are answered.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// When packets were last sent.
    sent: Option<Moment>,
    /// When packets were last received.
    heard: Option<Moment>,
    /// The longest wait for an answer so far, in milliseconds.
    patience: u64,
    /// A gap opened since packets were last received.
    pub gapped: bool,
}

impl Traffic {
    pub fn look(&mut self, before: &Sample, now: &Sample) {
        if now.statistics.tx_packets > before.statistics.tx_packets {
            self.sent = Some(now.at);
        }
        if now.statistics.rx_packets > before.statistics.rx_packets {
            // A silence with a gap in it was not a pause of the traffic.
            if !std::mem::take(&mut self.gapped) {
                self.patience = self.patience.max(self.waited());
            }
            self.heard = Some(now.at);
        }
    }

    /// How long packets have been sent without an answer.
    fn waited(&self) -> u64 {
        match (self.sent, self.heard) {
            (Some(sent), Some(heard)) => sent.since(heard),
            _ => 0,
        }
    }

    pub fn peer(&self) -> Peer {
        let waited = self.waited();
        match self.heard {
            None => Peer::Unknown,
            Some(_) if waited < SILENT_MS => Peer::Heard,
            Some(_) if waited >= 2 * self.patience => Peer::Silent,
            Some(_) => Peer::Doubtful,
        }
    }
}
