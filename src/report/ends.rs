//! What the captures of both ends say together of one tunnel: which interface is the other end, and what became of the packets of each
//! direction. Data of the JSON contract only.

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

/// What became of the packets of one direction, over the life of those SAs that both ends have. All are numbers of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// SAs of the sender that the receiver has, too.
    pub sas: usize,
    /// Encrypted by the sender.
    pub sent: u64,
    /// Counted by the receiver's SAs: decrypted, late or failed.
    pub arrived: u64,
    /// Decrypted by the receiver.
    pub decrypted: u64,
    /// Dropped by the receiver: too late for the replay window, or changed on the way.
    pub refused: u64,
    /// Sent, and never counted by the receiver's SAs: so many at least.
    pub lost: Option<u64>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undetermined: Option<String>,
    /// Dropped by the sender's interface before encryption, between its two samples.
    pub dropped_before: Option<u64>,
    /// Decrypted by the receiver, and not delivered by its interface, between its two samples.
    pub undelivered: Option<u64>,
}
