//! Stub: the flow only.

use std::net::IpAddr;

/// A packet that enters a VTI.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "stub")]
pub struct Flow {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub source_port: u16,
    pub destination_port: u16,
    pub mark: u32,
    pub size: u32,
    pub dont_fragment: bool,
}
