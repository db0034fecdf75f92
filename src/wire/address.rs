//! RTM_NEWADDR: the addresses of interfaces (`inet_fill_ifaddr()`, `inet6_fill_ifaddr()`).

use super::attribute::{Field, WireError, family};
use crate::snapshot::Address;

/// RTM_NEWADDR.
pub const NEWADDR: u16 = 20;
/// RTM_GETADDR.
pub const GETADDR: u16 = 22;

/// `sizeof(struct ifaddrmsg)`.
pub const HEADER: usize = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;

/// An address, or none where it is of a family other than AF_INET and AF_INET6.
pub fn decode(payload: &[u8]) -> Result<Option<Address>, WireError> {
    let header = Field::new("ifaddrmsg", payload);
    let (number, prefix_length) = (header.u8(0)?, header.u8(1)?);
    let (scope, ifindex) = (header.u8(3)?, header.u32(4)?);
    let mut flags = u32::from(header.u8(2)?);
    let Some(family) = family(number.into()) else { return Ok(None) };
    let (mut address, mut local) = (None, None);
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            IFA_ADDRESS => address = Some(attribute.named("IFA_ADDRESS")),
            IFA_LOCAL => local = Some(attribute.named("IFA_LOCAL")),
            IFA_FLAGS => flags = attribute.named("IFA_FLAGS").u32(0)?,
            _ => {}
        }
    }
    // IFA_ADDRESS is the peer where both are there and differ, else the address itself.
    let own = local.or(address).ok_or(WireError::Absent { what: "IFA_LOCAL" })?;
    let prefix = own.prefix(0, family, prefix_length)?;
    let peer = address.map(|field| field.address(0, family)).transpose()?;
    let peer = peer.filter(|peer| *peer != prefix.addr());
    Ok(Some(Address { ifindex, prefix, peer, scope, flags }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::payloads;

    fn address(text: &str) -> Address {
        let all = payloads(include_str!("../../tests/wire/6.1-addresses.hex"), NEWADDR);
        let all = all.iter().map(|payload| decode(payload).unwrap().unwrap());
        all.into_iter().find(|a| a.prefix.to_string() == text).unwrap()
    }

    #[test]
    fn an_address_has_its_prefix_scope_and_flags() {
        let loopback = address("127.0.0.1/8");
        assert_eq!((loopback.ifindex, loopback.scope, loopback.peer), (1, 254, None));
        assert_eq!(address("2001:db8::1/64").flags, 0x82, "permanent, nodad");
    }

    #[test]
    fn a_point_to_point_address_has_its_peer() {
        assert_eq!(address("10.9.0.1/32").peer, Some("10.9.0.2".parse().unwrap()));
        assert_eq!(address("2001:db8:9::1/128").peer, Some("2001:db8:9::2".parse().unwrap()));
    }

    #[test]
    fn an_address_of_another_family_is_none() {
        assert_eq!(decode(&[28, 0, 0, 0, 1, 0, 0, 0]), Ok(None));
    }

    #[test]
    fn a_message_without_an_address_is_an_error() {
        let error = decode(&[2, 24, 0, 0, 1, 0, 0, 0]).unwrap_err();
        assert_eq!(error.to_string(), "IFA_LOCAL: missing");
    }
}
