//! The multicast messages of rtnetlink and XFRM (`rtmsg_ifinfo()`, `xfrm_send_state_notify()`, `xfrm_send_policy_notify()`).
//! XFRM's carry keys as its dumps do; the decoders pass over them. What is not known here is passed over too.

use super::attribute::{Field, WireError};
use super::{address, link, netlink, route, xfrm_policy, xfrm_state};
use crate::snapshot::notification::Notification;

const AF_BRIDGE: u8 = 7;
const RTM_DELLINK: u16 = 17;
const RTM_DELADDR: u16 = 21;
const RTM_DELROUTE: u16 = 25;
const XFRM_MSG_DELSA: u16 = 17;
const XFRM_MSG_DELPOLICY: u16 = 20;
const XFRM_MSG_EXPIRE: u16 = 24;
const XFRM_MSG_UPDPOLICY: u16 = 25;
const XFRM_MSG_UPDSA: u16 = 26;
const XFRM_MSG_POLEXPIRE: u16 = 27;
const XFRM_MSG_FLUSHSA: u16 = 28;
const XFRM_MSG_FLUSHPOLICY: u16 = 29;

/// `sizeof(struct xfrm_usersa_id)`.
const SA_ID: usize = 24;
/// `sizeof(struct xfrm_userpolicy_id)`.
const POLICY_ID: usize = 64;
/// `sizeof(struct xfrm_user_expire)` and where its `hard` is.
const EXPIRE: usize = 232;
const EXPIRE_HARD: usize = 224;
/// `sizeof(struct xfrm_user_polexpire)` and where its `hard` is.
const POLEXPIRE: usize = 176;
const POLEXPIRE_HARD: usize = 168;
const XFRMA_SA: u16 = 6;
const XFRMA_POLICY: u16 = 7;

/// A message of a multicast group of NETLINK_ROUTE.
pub fn decode_route(
    message: netlink::Message<'_>,
    list: &mut Vec<Notification>,
) -> Result<(), WireError> {
    let payload = message.payload;
    match message.kind {
        // A bridge tells of its ports under its own family; that is no change of the link.
        link::NEWLINK | RTM_DELLINK if payload.first() == Some(&AF_BRIDGE) => {}
        link::NEWLINK => list.push(Notification::LinkChanged(link::decode(payload)?)),
        RTM_DELLINK => {
            let (ifindex, name, statistics) = link::decode_deleted(payload)?;
            list.push(Notification::LinkDeleted { ifindex, name, statistics });
        }
        address::NEWADDR => {
            list.extend(address::decode(payload)?.map(Notification::AddressAdded));
        }
        RTM_DELADDR => list.extend(address::decode(payload)?.map(Notification::AddressDeleted)),
        route::NEWROUTE => {
            list.extend(route::decode(payload)?.into_iter().map(Notification::RouteAdded));
        }
        RTM_DELROUTE => {
            list.extend(route::decode(payload)?.into_iter().map(Notification::RouteDeleted));
        }
        _ => {}
    }
    Ok(())
}

/// A message of a multicast group of NETLINK_XFRM.
pub fn decode_xfrm(
    message: netlink::Message<'_>,
    list: &mut Vec<Notification>,
) -> Result<(), WireError> {
    let payload = message.payload;
    list.push(match message.kind {
        xfrm_state::NEWSA => Notification::SaAdded(xfrm_state::decode(payload)?),
        XFRM_MSG_UPDSA => Notification::SaUpdated(xfrm_state::decode(payload)?),
        XFRM_MSG_DELSA => {
            let id = Field::new("xfrm_usersa_id", payload);
            let info = nested(id, SA_ID, XFRMA_SA, "XFRMA_SA")?;
            Notification::SaDeleted(xfrm_state::decode_parts(info, id.attributes(SA_ID))?)
        }
        XFRM_MSG_EXPIRE => {
            let expire = Field::new("xfrm_user_expire", payload);
            if expire.u8(EXPIRE_HARD)? == 0 {
                return Ok(());
            }
            let rest = expire.attributes(EXPIRE);
            Notification::SaExpired(xfrm_state::decode_parts(expire, rest)?)
        }
        XFRM_MSG_FLUSHSA => {
            Notification::SasFlushed(Field::new("xfrm_usersa_flush", payload).u8(0)?)
        }
        xfrm_policy::NEWPOLICY | XFRM_MSG_UPDPOLICY => {
            Notification::PolicyAdded(xfrm_policy::decode(payload)?)
        }
        XFRM_MSG_DELPOLICY => {
            let id = Field::new("xfrm_userpolicy_id", payload);
            let info = nested(id, POLICY_ID, XFRMA_POLICY, "XFRMA_POLICY")?;
            Notification::PolicyDeleted(xfrm_policy::decode_parts(info, id.attributes(POLICY_ID))?)
        }
        XFRM_MSG_POLEXPIRE => {
            let expire = Field::new("xfrm_user_polexpire", payload);
            if expire.u8(POLEXPIRE_HARD)? == 0 {
                return Ok(());
            }
            let rest = expire.attributes(POLEXPIRE);
            Notification::PolicyDeleted(xfrm_policy::decode_parts(expire, rest)?)
        }
        XFRM_MSG_FLUSHPOLICY => Notification::PoliciesFlushed,
        _ => return Ok(()),
    });
    Ok(())
}

/// The structure that a message about something deleted carries as an attribute.
fn nested<'a>(
    message: Field<'a>,
    header: usize,
    kind: u16,
    name: &'static str,
) -> Result<Field<'a>, WireError> {
    for attribute in message.attributes(header) {
        let attribute = attribute?;
        if attribute.kind == kind {
            return Ok(attribute.named(name));
        }
    }
    Err(WireError::Absent { what: name })
}
