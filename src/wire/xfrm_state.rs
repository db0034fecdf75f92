//! XFRM_MSG_NEWSA: security associations (`copy_to_user_state_extra()`).
//! The attributes with keys (XFRMA_ALG_AUTH, ALG_CRYPT, ALG_COMP, ALG_AEAD, ALG_AUTH_TRUNC) are passed over unread. Keep it so.

use super::attribute::{Field, WireError, family};
use super::selector::{decode_lifetime, decode_limits, decode_mark, decode_mode, decode_selector};
use crate::snapshot::xfrm::{Encapsulation, Offload};
use crate::snapshot::{Direction, IfId, Mark, ReplayState, ReqId, SecurityAssociation, Spi};

/// XFRM_MSG_NEWSA.
pub const NEWSA: u16 = 16;
/// XFRM_MSG_GETSA.
pub const GETSA: u16 = 18;

/// `sizeof(struct xfrm_usersa_info)`.
const HEADER: usize = 224;
const XFRMA_ENCAP: u16 = 4;
const XFRMA_REPLAY_VAL: u16 = 10;
const XFRMA_LASTUSED: u16 = 15;
const XFRMA_MARK: u16 = 21;
const XFRMA_REPLAY_ESN_VAL: u16 = 23;
const XFRMA_SA_EXTRA_FLAGS: u16 = 24;
const XFRMA_OFFLOAD_DEV: u16 = 28;
const XFRMA_SET_MARK: u16 = 29;
const XFRMA_SET_MARK_MASK: u16 = 30;
const XFRMA_IF_ID: u16 = 31;
const XFRMA_SA_DIR: u16 = 33;

/// An SA.
pub fn decode(payload: &[u8]) -> Result<SecurityAssociation, WireError> {
    let header = Field::new("xfrm_usersa_info", payload);
    let window = header.u8(215)?;
    let mut association = decode_header(header)?;
    let (mut set_mark, mut set_mark_mask) = (None, None);
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            XFRMA_ENCAP => {
                let field = attribute.named("XFRMA_ENCAP");
                association.encapsulation = Some(Encapsulation {
                    encap_type: field.u16(0)?,
                    source_port: field.be16(2)?,
                    destination_port: field.be16(4)?,
                });
            }
            XFRMA_REPLAY_VAL => {
                let replay = decode_replay(attribute.named("XFRMA_REPLAY_VAL"), window)?;
                // The kernel sends one of the two; the ESN form says more.
                association.replay.get_or_insert(replay);
            }
            XFRMA_REPLAY_ESN_VAL => {
                let field = attribute.named("XFRMA_REPLAY_ESN_VAL");
                association.replay = Some(decode_replay_esn(field)?);
            }
            XFRMA_LASTUSED => {
                association.last_used = Some(attribute.named("XFRMA_LASTUSED").u64(0)?);
            }
            XFRMA_MARK => association.mark = decode_mark(attribute.named("XFRMA_MARK"))?,
            XFRMA_SA_EXTRA_FLAGS => {
                association.extra_flags = attribute.named("XFRMA_SA_EXTRA_FLAGS").u32(0)?;
            }
            XFRMA_OFFLOAD_DEV => {
                let field = attribute.named("XFRMA_OFFLOAD_DEV");
                association.offload = Some(Offload { ifindex: field.u32(0)?, flags: field.u8(4)? });
            }
            XFRMA_SET_MARK => set_mark = Some(attribute.named("XFRMA_SET_MARK").u32(0)?),
            XFRMA_SET_MARK_MASK => {
                set_mark_mask = Some(attribute.named("XFRMA_SET_MARK_MASK").u32(0)?);
            }
            XFRMA_IF_ID => association.if_id = IfId(attribute.named("XFRMA_IF_ID").u32(0)?),
            XFRMA_SA_DIR => {
                association.direction = Some(decode_direction(attribute.named("XFRMA_SA_DIR"))?);
            }
            _ => {}
        }
    }
    if let Some(value) = set_mark {
        // Kernels before 4.19 know no mask: all bits.
        association.set_mark = Mark { value, mask: set_mark_mask.unwrap_or(u32::MAX) };
    }
    Ok(association)
}

/// `struct xfrm_usersa_info`.
fn decode_header(header: Field<'_>) -> Result<SecurityAssociation, WireError> {
    let number = header.u16(212)?;
    let family = family(number).ok_or_else(|| header.value(number))?;
    Ok(SecurityAssociation {
        selector: decode_selector(header, family)?,
        destination: header.address(56, family)?,
        spi: Spi(header.be32(72)?),
        protocol: header.u8(76)?,
        source: header.address(80, family)?,
        limits: decode_limits(header, 96)?,
        current: decode_lifetime(header, 160)?,
        replay_window_drops: header.u32(192)?,
        replay_drops: header.u32(196)?,
        integrity_failures: header.u32(200)?,
        reqid: ReqId(header.u32(208)?),
        family,
        mode: decode_mode(header.u8(214)?),
        flags: header.u8(216)?,
        mark: Mark::default(),
        set_mark: Mark::default(),
        if_id: IfId(0),
        replay: None,
        extra_flags: 0,
        encapsulation: None,
        offload: None,
        last_used: None,
        direction: None,
    })
}

/// `struct xfrm_replay_state`; the size of its window is in the header.
fn decode_replay(field: Field<'_>, window: u8) -> Result<ReplayState, WireError> {
    Ok(ReplayState {
        outbound: field.u32(0)?.into(),
        inbound: field.u32(4)?.into(),
        window: window.into(),
    })
}

/// `struct xfrm_replay_state_esn`; the upper halves are 0 where it is used for a large window without ESN.
fn decode_replay_esn(field: Field<'_>) -> Result<ReplayState, WireError> {
    let number = |low, high| Ok(u64::from(field.u32(high)?) << 32 | u64::from(field.u32(low)?));
    Ok(ReplayState { outbound: number(4, 12)?, inbound: number(8, 16)?, window: field.u32(20)? })
}

fn decode_direction(field: Field<'_>) -> Result<Direction, WireError> {
    match field.u8(0)? {
        1 => Ok(Direction::In),
        2 => Ok(Direction::Out),
        other => Err(field.value(other)),
    }
}
