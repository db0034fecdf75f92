//! The small answers of XFRM: sizes of its two databases, and its default policies
//! (`build_sadinfo()`, `build_spdinfo()`, `xfrm_get_default()`).

use super::attribute::{Field, WireError};
use super::netlink::Request;
use crate::snapshot::{Action, DefaultPolicies, SadInfo, SpdInfo};

/// XFRM_MSG_NEWSADINFO.
pub const NEWSADINFO: u16 = 34;
/// XFRM_MSG_GETSADINFO.
pub const GETSADINFO: u16 = 35;
/// XFRM_MSG_NEWSPDINFO.
pub const NEWSPDINFO: u16 = 36;
/// XFRM_MSG_GETSPDINFO.
pub const GETSPDINFO: u16 = 37;
/// XFRM_MSG_GETDEFAULT, the type of the question and of its answer.
pub const GETDEFAULT: u16 = 40;

/// The flags before the attributes, in question and answer.
const HEADER: usize = 4;
const XFRMA_SAD_CNT: u16 = 1;
const XFRMA_SAD_HINFO: u16 = 2;
const XFRMA_SPD_INFO: u16 = 1;

/// The question for [`decode_sad`] or [`decode_spd`]: GETSADINFO or GETSPDINFO, with flags that ask for everything.
pub fn size_question(kind: u16) -> Request {
    Request::get(kind).structure(&u32::MAX.to_ne_bytes())
}

/// The question for [`decode_default`]: an empty `struct xfrm_userpolicy_default`.
pub fn default_question() -> Request {
    Request::get(GETDEFAULT).structure(&[0; 3])
}

/// XFRM_MSG_NEWSADINFO.
pub fn decode_sad(payload: &[u8]) -> Result<SadInfo, WireError> {
    let (mut count, mut hash) = (None, None);
    for attribute in Field::new("XFRM_MSG_NEWSADINFO", payload).attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            XFRMA_SAD_CNT => count = Some(attribute.named("XFRMA_SAD_CNT").u32(0)?),
            XFRMA_SAD_HINFO => {
                let field = attribute.named("XFRMA_SAD_HINFO");
                hash = Some((field.u32(0)?, field.u32(4)?));
            }
            _ => {}
        }
    }
    let (hash_buckets, hash_maximum) = hash.ok_or(WireError::Absent { what: "XFRMA_SAD_HINFO" })?;
    let count = count.ok_or(WireError::Absent { what: "XFRMA_SAD_CNT" })?;
    Ok(SadInfo { count, hash_buckets, hash_maximum })
}

/// XFRM_MSG_NEWSPDINFO.
pub fn decode_spd(payload: &[u8]) -> Result<SpdInfo, WireError> {
    let mut info = None;
    for attribute in Field::new("XFRM_MSG_NEWSPDINFO", payload).attributes(HEADER) {
        let attribute = attribute?;
        if attribute.kind == XFRMA_SPD_INFO {
            let field = attribute.named("XFRMA_SPD_INFO");
            info = Some(SpdInfo {
                inbound: field.u32(0)?,
                outbound: field.u32(4)?,
                forward: field.u32(8)?,
                inbound_socket: field.u32(12)?,
                outbound_socket: field.u32(16)?,
                forward_socket: field.u32(20)?,
            });
        }
    }
    info.ok_or(WireError::Absent { what: "XFRMA_SPD_INFO" })
}

/// The answer to XFRM_MSG_GETDEFAULT: `struct xfrm_userpolicy_default`.
pub fn decode_default(payload: &[u8]) -> Result<DefaultPolicies, WireError> {
    let field = Field::new("xfrm_userpolicy_default", payload);
    let action = |offset| match field.u8(offset)? {
        1 => Ok(Action::Block),
        2 => Ok(Action::Allow),
        other => Err(field.value(other)),
    };
    Ok(DefaultPolicies { inbound: action(0)?, forward: action(1)?, outbound: action(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::payloads;

    #[test]
    fn the_sizes_of_both_databases_are_read() {
        let sad = payloads(include_str!("../../tests/wire/6.1-sadinfo.hex"), NEWSADINFO);
        let expected = SadInfo { count: 13, hash_buckets: 16, hash_maximum: 1_048_576 };
        assert_eq!(decode_sad(&sad[0]), Ok(expected));
        let spd = payloads(include_str!("../../tests/wire/6.1-spdinfo.hex"), NEWSPDINFO);
        let expected = SpdInfo {
            inbound: 2,
            outbound: 9,
            forward: 1,
            inbound_socket: 1,
            outbound_socket: 1,
            forward_socket: 0,
        };
        assert_eq!(decode_spd(&spd[0]), Ok(expected));
    }

    #[test]
    fn default_policies_are_read_in_the_kernels_order() {
        let answer = payloads(include_str!("../../tests/wire/6.1-default.hex"), GETDEFAULT);
        let (allow, block) = (Action::Allow, Action::Block);
        let expected = DefaultPolicies { inbound: allow, forward: block, outbound: allow };
        assert_eq!(decode_default(&answer[0]), Ok(expected));
    }

    #[test]
    fn a_size_that_is_not_sent_is_not_zero() {
        assert_eq!(decode_sad(&[0; 4]).unwrap_err().to_string(), "XFRMA_SAD_HINFO: missing");
        assert_eq!(decode_spd(&[0; 4]).unwrap_err().to_string(), "XFRMA_SPD_INFO: missing");
        let error = decode_default(&[2, 2, 0]).unwrap_err();
        assert_eq!(error.to_string(), "xfrm_userpolicy_default: unexpected value 0");
    }
}
