//! RTM_NEWNEIGH: the neighbour tables of ARP and neighbour discovery (`neigh_fill_info()`).

use super::attribute::{Field, WireError, family};
use crate::snapshot::Neighbour;

/// RTM_NEWNEIGH.
pub const NEWNEIGH: u16 = 28;
/// RTM_GETNEIGH.
pub const GETNEIGH: u16 = 30;

/// `sizeof(struct ndmsg)`.
pub const HEADER: usize = 12;
const NDA_DST: u16 = 1;
/// NDA_IFINDEX: a dump with it is of one interface (`neigh_valid_dump_req()`).
pub const NDA_IFINDEX: u16 = 8;

/// A neighbour, or none where it is of a family other than AF_INET and AF_INET6.
pub fn decode(payload: &[u8]) -> Result<Option<Neighbour>, WireError> {
    let header = Field::new("ndmsg", payload);
    let (number, ifindex, state) = (header.u8(0)?, header.u32(4)?, header.u16(8)?);
    let Some(family) = family(number.into()) else { return Ok(None) };
    let mut address = None;
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        if attribute.kind == NDA_DST {
            address = Some(attribute.named("NDA_DST").address(0, family)?);
        }
    }
    let address = address.ok_or(WireError::Absent { what: "NDA_DST" })?;
    Ok(Some(Neighbour { ifindex, address, state }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::payloads;

    #[test]
    fn a_neighbour_has_its_interface_and_state() {
        let all = payloads(include_str!("../../tests/wire/6.12-neighbours.hex"), NEWNEIGH);
        let all: Vec<_> = all.iter().map(|payload| decode(payload).unwrap().unwrap()).collect();
        let state = |text: &str| {
            let address: std::net::IpAddr = text.parse().unwrap();
            all.iter().find(|n| n.address == address).map(|n| (n.ifindex, n.state))
        };
        assert_eq!(state("192.0.2.254"), Some((6, 0x80)), "permanent");
        assert_eq!(state("2001:db8::fe"), Some((6, 0x02)), "reachable");
        assert!(all.iter().any(|n| n.state == 0x20 && n.is_unresolved()), "failed");
    }

    #[test]
    fn a_neighbour_whose_address_is_cut_is_an_error() {
        let payload = [2, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 7, 0, 1, 0, 192, 0, 2, 0];
        assert_eq!(decode(&payload).unwrap_err().to_string(), "NDA_DST: need 4 bytes, have 3");
    }
}
