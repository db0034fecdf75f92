//! Generic netlink (`struct genlmsghdr`): its header, and the controller's answer about a family. It knows no family but the controller.

use super::attribute::{Attribute, Field, WireError};
use super::netlink::Request;

/// `sizeof(struct genlmsghdr)`.
const HEADER: usize = 4;
/// GENL_ID_CTRL.
pub const CONTROLLER: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_VERSION: u8 = 2;

const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const CTRL_ATTR_MCAST_GROUPS: u16 = 7;
const CTRL_ATTR_MCAST_GRP_NAME: u16 = 1;
const CTRL_ATTR_MCAST_GRP_ID: u16 = 2;

/// A family that the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The `nlmsg_type` of its messages.
    pub id: u16,
    /// Its multicast groups, name and number.
    pub groups: Vec<(String, u32)>,
}

impl Family {
    /// The number of a group.
    ///
    /// # Errors
    /// The family has no group of this name.
    pub fn group(&self, name: &str) -> Result<u32, WireError> {
        let found = self.groups.iter().find(|(group, _)| group == name);
        found.map(|(_, id)| *id).ok_or(WireError::Absent { what: "CTRL_ATTR_MCAST_GRP_NAME" })
    }
}

/// A request to a family; attributes may follow.
pub fn request(family: u16, command: u8, version: u8) -> Request {
    Request::get(family).structure(&[command, version, 0, 0])
}

/// The question which number a family has. The kernel loads its module where it can.
pub fn question(name: &str) -> Request {
    let text = [name.as_bytes(), &[0]].concat();
    request(CONTROLLER, CTRL_CMD_GETFAMILY, CTRL_VERSION).attribute(CTRL_ATTR_FAMILY_NAME, &text)
}

/// The command of a message and the structure or attributes after its header.
///
/// # Errors
/// The message is shorter than its header.
pub fn split(payload: &[u8]) -> Result<(u8, Field<'_>), WireError> {
    let header = Field::new("genlmsghdr", payload);
    let command = header.u8(0)?;
    header.u16(2)?;
    Ok((command, Field::new("genlmsghdr", payload.get(HEADER..).unwrap_or_default())))
}

/// CTRL_CMD_NEWFAMILY.
///
/// # Errors
/// A member is cut short, or there is no number.
pub fn decode(payload: &[u8]) -> Result<Family, WireError> {
    let (_, body) = split(payload)?;
    let (mut id, mut groups) = (None, Vec::new());
    for attribute in body.attributes(0) {
        let attribute = attribute?;
        match attribute.kind {
            CTRL_ATTR_FAMILY_ID => id = Some(attribute.named("CTRL_ATTR_FAMILY_ID").u16(0)?),
            CTRL_ATTR_MCAST_GROUPS => {
                for group in attribute.named("CTRL_ATTR_MCAST_GROUPS").attributes(0) {
                    groups.push(decode_group(group?)?);
                }
            }
            _ => {}
        }
    }
    let id = id.ok_or(WireError::Absent { what: "CTRL_ATTR_FAMILY_ID" })?;
    Ok(Family { id, groups })
}

fn decode_group(group: Attribute<'_>) -> Result<(String, u32), WireError> {
    let (mut name, mut id) = (String::new(), None);
    for attribute in group.named("CTRL_ATTR_MCAST_GROUPS").attributes(0) {
        let attribute = attribute?;
        match attribute.kind {
            CTRL_ATTR_MCAST_GRP_NAME => {
                name = attribute.named("CTRL_ATTR_MCAST_GRP_NAME").string();
            }
            CTRL_ATTR_MCAST_GRP_ID => {
                id = Some(attribute.named("CTRL_ATTR_MCAST_GRP_ID").u32(0)?);
            }
            _ => {}
        }
    }
    Ok((name, id.ok_or(WireError::Absent { what: "CTRL_ATTR_MCAST_GRP_ID" })?))
}
