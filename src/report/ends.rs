//! What the captures of both ends say together of one tunnel: which interface is the other end, and what became of the packets of each
//! direction. Data of the JSON contract only.

use crate::code::Code;
use serde::Serialize;

/// Both ends of one tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// The other host's name.
    pub hostname: String,
    /// The interface there.
    pub interface: String,
    /// From this end to the other.
    pub outward: Passed,
    /// From the other end to this.
    pub inward: Passed,
    /// The finding that says where packets are that no SA of the receiver counted: those are not lost on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<Code>,
}

impl Ends {
    /// What to call the other end, beside the host `here`.
    pub fn other_end(&self, here: &str) -> &str {
        other_end(here, &self.hostname)
    }
}

/// What to call the host at the other end: its name, where that tells it from this one.
pub fn other_end<'n>(here: &str, there: &'n str) -> &'n str {
    if there.is_empty() || here == there { "the other end" } else { there }
}

/// What became of the packets of one direction, over the life of those SAs that both ends have. All are numbers of packets; those that an end's SAs
/// do not say, because they were read without counters, are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// SAs of the sender that the receiver has, too.
    pub sas: usize,
    /// Encrypted by the sender.
    pub sent: Option<u64>,
    /// Counted by the receiver's SAs: decrypted, late or failed.
    pub arrived: Option<u64>,
    /// Decrypted by the receiver.
    pub decrypted: Option<u64>,
    /// Dropped by the receiver: too late for the replay window, or changed on the way.
    pub refused: Option<u64>,
    /// Sent, and never counted by the receiver's SAs: so many at least.
    pub lost: Option<u64>,
    /// So many more are lost, or were sent after the receiver was looked at, or are on the way.
    pub unsettled: u64,
    /// Why it is not known how many are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undetermined: Option<String>,
    /// What each end counted between its own two samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// Dropped by the sender's interface before encryption, between its two samples.
    pub dropped_before: Option<u64>,
    /// Decrypted by the receiver, and not delivered by its interface, between its two samples.
    pub undelivered: Option<u64>,
}

/// Of packets that may be lost or sent later, more of a thousand of what was sent than this leave open whether packets are lost.
const PERMILLE: u64 = 10;

impl Passed {
    /// Whether packets were sent, and it is not known whether they are lost.
    pub fn is_unknown(&self) -> bool {
        self.undetermined.is_some() && self.sent != Some(0)
    }

    /// Whether so much may be lost or sent later that it is not known whether packets are lost.
    pub fn is_open(&self) -> bool {
        let sent = self.sent.unwrap_or(0);
        self.unsettled.saturating_mul(1_000) > sent.saturating_mul(PERMILLE)
    }
}

/// What each end counted between its own two samples, which are those of one time only where both captures were taken at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// Packets that the sender sent.
    pub sent: u64,
    /// In this time.
    pub sent_milliseconds: u64,
    /// Packets that the receiver's SAs counted.
    pub arrived: u64,
    /// In this time.
    pub arrived_milliseconds: u64,
    /// Whether the two times are one, by four fifths of the longer.
    pub at_once: bool,
}

/// Fewer packets than this say nothing about a rate.
const LEAST_PACKETS: u128 = 100;

impl Pace {
    /// Whether as many packets arrive as are sent, by nine in ten.
    pub fn is_kept(&self) -> bool {
        let expected = self.expected();
        expected >= LEAST_PACKETS && u128::from(self.arrived) * 10 >= expected * 9
    }

    /// Whether less than half of what is sent arrives.
    pub fn is_broken(&self) -> bool {
        let expected = self.expected();
        expected >= LEAST_PACKETS && u128::from(self.arrived) * 2 < expected
    }

    /// Whether the sender may send so many packets in this time: twice its rate is taken for possible.
    pub fn may_send(&self, packets: u64, milliseconds: u64) -> bool {
        let most = u128::from(self.sent) * 2 * u128::from(milliseconds);
        u128::from(packets) * u128::from(self.sent_milliseconds) <= most
    }

    /// Packets that the sender would have sent in the receiver's time.
    fn expected(&self) -> u128 {
        let product = u128::from(self.sent) * u128::from(self.arrived_milliseconds);
        product.checked_div(self.sent_milliseconds.into()).unwrap_or(0)
    }
}
