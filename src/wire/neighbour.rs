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
