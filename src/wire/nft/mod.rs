//! nftables over netlink (NFNL_SUBSYS_NFTABLES): requests, and the parts that all of its messages have. Messages become the types of
//! [`crate::snapshot::filter`]; what a ruleset does to a packet is decided elsewhere.
//!
//! `chain` decodes tables and chains, `set` sets and their elements, `rule` rules: `register` follows what an expression loads, `field` says
//! what that is of a packet, `condition` what it is compared with, `action` what becomes of the packet. `message` has what all of them need.

mod action;
mod chain;
mod condition;
mod field;
mod matching;
mod message;
mod register;
mod rule;
mod set;

use super::attribute::WireError;
use super::netlink::Request;
use crate::snapshot::filter::TableFamily;
use message::{HEADER, Message, absent, text};

pub use chain::{NewTable, decode_chain, decode_table};
pub use rule::{NewRule, Use, decode_rule};
pub use set::{Layout, NewSet, RawElement, SetKey, Sets, decode_elements, decode_set, elements};

const fn message(kind: u16) -> u16 {
    // NFNL_SUBSYS_NFTABLES
    10 << 8 | kind
}

/// NFT_MSG_NEWTABLE.
pub const NEWTABLE: u16 = message(0);
/// NFT_MSG_NEWCHAIN.
pub const NEWCHAIN: u16 = message(3);
/// NFT_MSG_NEWRULE.
pub const NEWRULE: u16 = message(6);
/// NFT_MSG_NEWSET.
pub const NEWSET: u16 = message(9);
/// NFT_MSG_NEWSETELEM.
pub const NEWSETELEM: u16 = message(12);
/// NFT_MSG_NEWGEN.
pub const NEWGEN: u16 = message(15);
const GETTABLE: u16 = message(1);
const GETCHAIN: u16 = message(4);
const GETRULE: u16 = message(7);
const GETSET: u16 = message(10);
const GETSETELEM: u16 = message(13);
const GETGEN: u16 = message(16);

const NFTA_GEN_ID: u16 = 1;
const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
const NFTA_SET_ELEM_LIST_SET: u16 = 2;

/// Asks for all tables.
pub fn tables() -> Request {
    Request::dump(GETTABLE).structure(&nfgenmsg(None))
}

/// Asks for all chains.
pub fn chains() -> Request {
    Request::dump(GETCHAIN).structure(&nfgenmsg(None))
}

/// Asks for all rules.
pub fn rules() -> Request {
    Request::dump(GETRULE).structure(&nfgenmsg(None))
}

/// Asks for all sets, without their elements.
pub fn sets() -> Request {
    Request::dump(GETSET).structure(&nfgenmsg(None))
}

/// Asks for the elements of one set, or of a map. One that does not exist is an error (ENOENT).
pub fn set_elements(family: TableFamily, table: &str, set: &str) -> Request {
    let request = Request::dump(GETSETELEM).structure(&nfgenmsg(Some(family)));
    let request = request.attribute(NFTA_SET_ELEM_LIST_TABLE, &text(table));
    request.attribute(NFTA_SET_ELEM_LIST_SET, &text(set))
}

/// Asks for the generation of the ruleset: a number that each change raises.
pub fn generation() -> Request {
    Request::get(GETGEN).structure(&nfgenmsg(None))
}

/// Decodes the generation.
pub fn decode_generation(payload: &[u8]) -> Result<u32, WireError> {
    let message = Message::new(payload)?;
    let id = message.find(NFTA_GEN_ID)?.ok_or(absent("NFTA_GEN_ID"))?;
    id.named("NFTA_GEN_ID").be32(0)
}

/// The head of a request; NFPROTO_UNSPEC asks for all families.
const fn nfgenmsg(family: Option<TableFamily>) -> [u8; HEADER] {
    let number = match family {
        None => 0,
        Some(TableFamily::Inet) => 1,
        Some(TableFamily::Ip) => 2,
        Some(TableFamily::Netdev) => 5,
        Some(TableFamily::Bridge) => 7,
        Some(TableFamily::Ip6) => 10,
    };
    [number, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::netlink;

    #[test]
    fn a_question_for_elements_names_table_and_set() {
        let bytes = set_elements(TableFamily::Ip, "raw", "vyos").bytes(1);
        let message = netlink::messages(&bytes).next().unwrap().unwrap();
        assert_eq!(message.kind, 0x0a0d);
        assert_eq!(message.payload, b"\x02\0\0\0\x08\0\x01\0raw\0\x09\0\x02\0vyos\0\0\0\0");
    }

    #[test]
    fn a_dump_asks_for_all_families() {
        let bytes = rules().bytes(1);
        let message = netlink::messages(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.payload), (0x0a07, &[0, 0, 0, 0][..]));
    }
}
