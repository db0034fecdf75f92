//! The structures that SAs and policies share: `struct xfrm_selector`, `xfrm_lifetime_cfg`, `xfrm_lifetime_cur`, and marks.

use super::attribute::{Field, WireError, family};
use crate::snapshot::xfrm::PortMask;
use crate::snapshot::{Family, Lifetime, Limits, Mark, Mode, Selector};

/// `XFRM_INF`: no limit.
const XFRM_INF: u64 = u64::MAX;
const AF_UNSPEC: u16 = 0;

/// The selector at the start of `structure`. Where it has no family, the kernel does not look at its addresses; they are shown in
/// the family of the SA (`outer`), or as IPv6 where a prefix length fits only that.
pub(super) fn decode_selector(structure: Field<'_>, outer: Family) -> Result<Selector, WireError> {
    let (number, destination_length, source_length) =
        (structure.u16(40)?, structure.u8(42)?, structure.u8(43)?);
    let shown = match family(number) {
        Some(family) => family,
        None if number != AF_UNSPEC => return Err(structure.value(number)),
        None if destination_length.max(source_length) > 32 => Family::Inet6,
        None => outer,
    };
    Ok(Selector {
        family: family(number).unwrap_or(Family::Unspec),
        destination: structure.prefix(0, shown, destination_length)?,
        source: structure.prefix(16, shown, source_length)?,
        protocol: structure.u8(44)?,
        destination_port: PortMask { port: structure.be16(32)?, mask: structure.be16(34)? },
        source_port: PortMask { port: structure.be16(36)?, mask: structure.be16(38)? },
        ifindex: structure.u32(48)?,
    })
}

/// `struct xfrm_lifetime_cfg` at `offset`.
pub(super) fn decode_limits(structure: Field<'_>, offset: usize) -> Result<Limits, WireError> {
    let amount = |index: usize| {
        structure.u64(offset + index * 8).map(|limit| Some(limit).filter(|l| *l != XFRM_INF))
    };
    let seconds = |index| amount(index).map(|limit| limit.filter(|l| *l != 0));
    Ok(Limits {
        soft_bytes: amount(0)?,
        hard_bytes: amount(1)?,
        soft_packets: amount(2)?,
        hard_packets: amount(3)?,
        soft_add_seconds: seconds(4)?,
        hard_add_seconds: seconds(5)?,
        soft_use_seconds: seconds(6)?,
        hard_use_seconds: seconds(7)?,
    })
}

/// `struct xfrm_lifetime_cur` at `offset`.
pub(super) fn decode_lifetime(structure: Field<'_>, offset: usize) -> Result<Lifetime, WireError> {
    Ok(Lifetime {
        bytes: structure.u64(offset)?,
        packets: structure.u64(offset + 8)?,
        add_time: structure.u64(offset + 16)?,
        use_time: structure.u64(offset + 24)?,
    })
}

/// `struct xfrm_mark`.
pub(super) fn decode_mark(field: Field<'_>) -> Result<Mark, WireError> {
    Ok(Mark { value: field.u32(0)?, mask: field.u32(4)? })
}

/// XFRM_MODE_*.
pub(super) const fn decode_mode(number: u8) -> Mode {
    match number {
        0 => Mode::Transport,
        1 => Mode::Tunnel,
        2 => Mode::RouteOptimization,
        3 => Mode::InTrigger,
        4 => Mode::Beet,
        5 => Mode::Iptfs,
        other => Mode::Other(other),
    }
}
