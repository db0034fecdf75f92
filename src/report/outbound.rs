//! What the report says of each outbound SA: how many sequence numbers it gave out. How many of those packets arrived is known to the peer alone. Data
//! of the JSON contract only.

use serde::Serialize;

/// One outbound SA of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboundSa {
    /// `0x` and eight digits.
    pub spi: String,
    /// Outer destination address.
    pub destination: String,
    /// Sequence numbers that it gave out; none where that was not read.
    pub sequence_numbers: Option<u64>,
}
