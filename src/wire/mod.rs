//! Bytes to values: netlink messages as the kernel sends them. Pure and total: no I/O, no clock, and no input makes it panic.
//!
//! The messages are decoded straight into the types of [`crate::snapshot`], so that each fact of the kernel is defined once.
//! Attributes that are not known are passed over; a known one that is malformed is an error of its message.
//! **Key material (`XFRMA_ALG_*`) is never read**: those attributes have no name here, and nothing here prints bytes.

#![deny(clippy::disallowed_methods)]

pub mod address;
mod algorithm;
pub mod attribute;
pub mod drop_monitor;
pub mod genetlink;
pub mod ike;
mod ip_tunnel;
pub mod journal_entry;
pub mod link;
pub mod neighbour;
pub mod netlink;
pub mod nft;
pub mod notification;
pub mod queue;
pub mod route;
pub mod rule;
pub mod selector;
pub mod source_validation;
pub mod vici;
pub mod xfrm_info;
pub mod xfrm_policy;
pub mod xfrm_state;

pub use attribute::WireError;

#[cfg(test)]
mod samples {
    //! Messages that real kernels sent, out of the recordings of the integration test `wire`.

    use super::netlink;

    /// The payloads of the messages of `kind` in a recording.
    pub fn payloads(recording: &str, kind: u16) -> Vec<Vec<u8>> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap() as u8;
        let lines = recording.lines().filter(|line| !line.starts_with('#'));
        let datagrams = lines.map(|line| {
            let pairs = line.as_bytes().chunks_exact(2);
            pairs.map(|pair| digit(&pair[0]) << 4 | digit(&pair[1])).collect::<Vec<u8>>()
        });
        let messages = |datagram: Vec<u8>| -> Vec<Vec<u8>> {
            let messages = netlink::messages(&datagram).map(Result::unwrap);
            messages.filter(|m| m.kind == kind).map(|m| m.payload.to_vec()).collect()
        };
        datagrams.flat_map(messages).collect()
    }
}
