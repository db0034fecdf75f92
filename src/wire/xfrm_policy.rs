//! XFRM_MSG_NEWPOLICY: security policies and their templates (`dump_one_policy()`, `copy_to_user_tmpl()`).

use super::attribute::{Field, WireError, family};
use super::selector::{decode_lifetime, decode_mark, decode_mode, decode_selector};
use crate::snapshot::{
    Action, Family, IfId, Mark, Policy, PolicyDirection, PolicyType, ReqId, Spi, Template,
};

/// XFRM_MSG_NEWPOLICY.
pub const NEWPOLICY: u16 = 19;
/// XFRM_MSG_GETPOLICY.
pub const GETPOLICY: u16 = 21;

/// `sizeof(struct xfrm_userpolicy_info)`.
const HEADER: usize = 168;
/// `sizeof(struct xfrm_user_tmpl)`.
const TEMPLATE: usize = 64;
const XFRMA_TMPL: u16 = 5;
const XFRMA_POLICY_TYPE: u16 = 16;
const XFRMA_MARK: u16 = 21;
const XFRMA_IF_ID: u16 = 31;

/// A policy.
pub fn decode(payload: &[u8]) -> Result<Policy, WireError> {
    let header = Field::new("xfrm_userpolicy_info", payload);
    let (direction, action) = (header.u8(160)?, header.u8(161)?);
    let mut policy = Policy {
        selector: decode_selector(header, Family::Inet)?,
        current: decode_lifetime(header, 120)?,
        priority: header.u32(152)?,
        index: header.u32(156)?,
        direction: decode_direction(direction).ok_or_else(|| header.value(direction))?,
        action: match action {
            0 => Action::Allow,
            1 => Action::Block,
            other => return Err(header.value(other)),
        },
        flags: header.u8(162)?,
        policy_type: PolicyType::Main,
        mark: Mark::default(),
        if_id: IfId(0),
        templates: Vec::new(),
    };
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            XFRMA_TMPL => {
                let templates = attribute.named("XFRMA_TMPL").elements(TEMPLATE);
                policy.templates =
                    templates.map(|t| decode_template(t?)).collect::<Result<_, _>>()?;
            }
            XFRMA_POLICY_TYPE => {
                let field = attribute.named("XFRMA_POLICY_TYPE");
                policy.policy_type = match field.u8(0)? {
                    0 => PolicyType::Main,
                    1 => PolicyType::Sub,
                    other => return Err(field.value(other)),
                };
            }
            XFRMA_MARK => policy.mark = decode_mark(attribute.named("XFRMA_MARK"))?,
            XFRMA_IF_ID => policy.if_id = IfId(attribute.named("XFRMA_IF_ID").u32(0)?),
            _ => {}
        }
    }
    Ok(policy)
}

/// `dir` as GETPOLICY gives it: the lowest three bits of the index. Policies of sockets have XFRM_POLICY_MAX (3) added.
const fn decode_direction(number: u8) -> Option<PolicyDirection> {
    match number {
        0 => Some(PolicyDirection::In),
        1 => Some(PolicyDirection::Out),
        2 => Some(PolicyDirection::Forward),
        3 => Some(PolicyDirection::SocketIn),
        4 => Some(PolicyDirection::SocketOut),
        _ => None,
    }
}

/// `struct xfrm_user_tmpl`.
fn decode_template(field: Field<'_>) -> Result<Template, WireError> {
    let number = field.u16(24)?;
    let family = family(number).ok_or_else(|| field.value(number))?;
    Ok(Template {
        destination: field.address(0, family)?,
        spi: Spi(field.be32(16)?),
        protocol: field.u8(20)?,
        source: field.address(28, family)?,
        reqid: ReqId(field.u32(44)?),
        mode: decode_mode(field.u8(48)?),
        family,
        optional: field.u8(50)? != 0,
    })
}
