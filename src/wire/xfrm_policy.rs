//! XFRM_MSG_NEWPOLICY: security policies and their templates (`dump_one_policy()`, `copy_to_user_tmpl()`).

use super::attribute::{Attributes, Field, WireError, family};
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
    decode_parts(header, header.attributes(HEADER))
}

/// A policy whose `struct xfrm_userpolicy_info` and attributes are apart from each other, as in messages about one that is gone.
pub(super) fn decode_parts(
    header: Field<'_>,
    attributes: Attributes<'_>,
) -> Result<Policy, WireError> {
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
    for attribute in attributes {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Mode;
    use crate::snapshot::xfrm::PortMask;
    use crate::wire::samples::payloads;

    fn payload(index: u32) -> Vec<u8> {
        let all = payloads(include_str!("../../tests/wire/6.12-policies.hex"), NEWPOLICY);
        all.into_iter().find(|payload| decode(payload).unwrap().index == index).unwrap()
    }

    fn policy(index: u32) -> Policy {
        decode(&payload(index)).unwrap()
    }

    #[test]
    fn a_policy_has_its_ids_and_its_template() {
        let policy = policy(1);
        assert_eq!((policy.direction, policy.priority), (PolicyDirection::Out, 399_999));
        assert_eq!((policy.action, policy.if_id), (Action::Allow, IfId(1)));
        let template = Template {
            source: "192.0.2.1".parse().unwrap(),
            destination: "198.51.100.7".parse().unwrap(),
            protocol: 50,
            spi: Spi(0xc100_0001),
            reqid: ReqId(1),
            mode: Mode::Tunnel,
            family: Family::Inet,
            optional: false,
        };
        assert_eq!(policy.templates, [template]);
    }

    #[test]
    fn directions_are_told_apart_and_sockets_from_the_rest() {
        let expected = [
            (1, PolicyDirection::Out),
            (8, PolicyDirection::In),
            (18, PolicyDirection::Forward),
            (83, PolicyDirection::SocketIn),
            (92, PolicyDirection::SocketOut),
        ];
        for (index, direction) in expected {
            assert_eq!(policy(index).direction, direction);
        }
    }

    #[test]
    fn a_bundle_has_its_templates_in_order() {
        let policy = policy(49);
        let templates: Vec<_> =
            policy.templates.iter().map(|t| (t.protocol, t.mode, t.optional)).collect();
        let expected =
            [(108, Mode::Transport, true), (50, Mode::Tunnel, false), (51, Mode::Transport, false)];
        assert_eq!(templates, expected);
        let selector = policy.selector;
        assert_eq!((selector.protocol, selector.ifindex), (17, 9));
        assert_eq!(selector.source.to_string(), "10.1.0.0/16");
        assert_eq!(selector.source_port, PortMask { port: 500, mask: u16::MAX });
        assert_eq!(selector.destination_port, PortMask { port: 4500, mask: u16::MAX });
    }

    #[test]
    fn marks_types_and_actions_are_read() {
        assert_eq!(policy(25).mark, Mark { value: 9, mask: 0xff });
        assert_eq!((policy(57).action, policy(57).flags), (Action::Block, 2));
        assert_eq!(policy(65).policy_type, PolicyType::Sub);
        assert_eq!(policy(65).templates, []);
    }

    #[test]
    fn the_template_may_be_of_another_family_than_the_selector() {
        let policy = policy(41);
        assert_eq!(
            (policy.selector.family, policy.templates[0].family),
            (Family::Inet6, Family::Inet)
        );
    }

    #[test]
    fn a_direction_or_action_that_cannot_be_is_an_error() {
        let mut bytes = payload(1);
        bytes[160] = 7;
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "xfrm_userpolicy_info: unexpected value 7");
        bytes[160..162].copy_from_slice(&[1, 9]);
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "xfrm_userpolicy_info: unexpected value 9");
    }

    #[test]
    fn a_template_that_is_cut_is_an_error() {
        let mut bytes = payload(1)[..HEADER].to_vec();
        bytes.extend([104, 0, 5, 0]);
        bytes.extend([0; 24].iter().chain(&[2, 0]).chain(&[0; 74]));
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "XFRMA_TMPL: need 128 bytes, have 100");
    }
}
