//! What the expressions of nftables that load something load: which field of a packet, and how its bytes are to be read.

use super::message::{be32, be32_or, find};
use crate::snapshot::filter::{FibQuery, Field};
use crate::wire::attribute::{self, WireError};

/// Bytes of a field that are loaded.
pub(super) struct Load {
    pub field: Field,
    /// The first of them.
    pub first: u8,
    pub length: u8,
}

/// How the bytes of a field are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The name of an interface, filled up with zeros.
    Name,
    V4,
    V6,
    /// A number of so many bytes in the order of the network.
    Network(u8),
    /// A number of so many bytes in the order of the processor.
    Host(u8),
    /// Nobody knows.
    Opaque,
}

/// Which IP a rule is for: that says what the bytes of a network header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ip {
    V4,
    V6,
    Either,
}

const NFTA_META_KEY: u16 = 2;
const NFTA_PAYLOAD_BASE: u16 = 2;
const NFTA_PAYLOAD_OFFSET: u16 = 3;
const NFTA_PAYLOAD_LEN: u16 = 4;
const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER: u32 = 2;
const NFTA_CT_KEY: u16 = 2;
const NFTA_RT_KEY: u16 = 2;
const NFT_RT_XFRM: u32 = 4;
const NFTA_FIB_RESULT: u16 = 2;
const NFTA_FIB_FLAGS: u16 = 3;
const NFT_FIB_RESULT_OIFNAME: u32 = 2;
const NFTA_FIB_F_PRESENT: u32 = 1 << 5;
const NFTA_XFRM_KEY: u16 = 2;
const NFTA_XFRM_DIR: u16 = 3;
const NFTA_XFRM_SPNUM: u16 = 4;
const NFT_XFRM_KEY_REQID: u32 = 5;
const NFT_XFRM_KEY_SPI: u32 = 6;

/// How the bytes of a field are read.
pub(super) const fn form(field: &Field) -> Form {
    match field {
        Field::InputInterface | Field::OutputInterface | Field::SlaveInterface => Form::Name,
        Field::SourceV4 | Field::DestinationV4 => Form::V4,
        Field::SourceV6 | Field::DestinationV6 => Form::V6,
        Field::InputIndex
        | Field::OutputIndex
        | Field::InputGroup
        | Field::OutputGroup
        | Field::Mark
        | Field::Length
        | Field::CtState
        | Field::CtMark
        | Field::CtStatus
        | Field::IpsecInReqid => Form::Host(4),
        Field::Fib(query) => match (query.flags & NFTA_FIB_F_PRESENT, query.result) {
            (0, NFT_FIB_RESULT_OIFNAME) => Form::Name,
            (0, _) => Form::Host(4),
            _ => Form::Network(1),
        },
        Field::Family
        | Field::Protocol
        | Field::PacketType
        | Field::CameByIpsec
        | Field::GoesByIpsec
        | Field::CtDirection
        | Field::Tos
        | Field::HopLimit
        | Field::HeaderProtocol
        | Field::IcmpType
        | Field::IcmpCode
        | Field::TcpFlags => Form::Network(1),
        Field::Ethertype
        | Field::Class
        | Field::TotalLength
        | Field::PayloadLength
        | Field::Fragment
        | Field::SourcePort
        | Field::DestinationPort => Form::Network(2),
        Field::IpsecInSpi => Form::Network(4),
        Field::Other(_) => Form::Opaque,
    }
}

fn whole(field: Field) -> Vec<Load> {
    let length = match form(&field) {
        Form::Name | Form::V6 => 16,
        Form::V4 | Form::Opaque => 4,
        Form::Network(size) | Form::Host(size) => size,
    };
    vec![Load { field, first: 0, length }]
}

/// What is loaded by an expression that nobody follows: the longest that there is.
pub(super) fn other(expression: &str) -> Vec<Load> {
    vec![Load { field: Field::Other(expression.to_owned()), first: 0, length: 16 }]
}

/// `meta` (`nft_meta_get_eval()`, NFT_META_*).
pub(super) fn meta(data: &attribute::Field<'_>) -> Result<Vec<Load>, WireError> {
    Ok(whole(match be32(data, NFTA_META_KEY, "NFTA_META_KEY")? {
        0 => Field::Length,
        1 => Field::Ethertype,
        3 => Field::Mark,
        4 => Field::InputIndex,
        5 => Field::OutputIndex,
        6 => Field::InputInterface,
        7 => Field::OutputInterface,
        15 => Field::Family,
        16 => Field::Protocol,
        19 => Field::PacketType,
        21 => Field::InputGroup,
        22 => Field::OutputGroup,
        25 => Field::CameByIpsec,
        34 => Field::SlaveInterface,
        _ => return Ok(other("meta")),
    }))
}

/// `ct` (`nft_ct_get_eval()`, NFT_CT_*).
pub(super) fn ct(data: &attribute::Field<'_>) -> Result<Vec<Load>, WireError> {
    Ok(whole(match be32(data, NFTA_CT_KEY, "NFTA_CT_KEY")? {
        0 => Field::CtState,
        1 => Field::CtDirection,
        2 => Field::CtStatus,
        3 => Field::CtMark,
        _ => return Ok(other("ct")),
    }))
}

/// `rt` (`nft_rt_get_eval()`).
pub(super) fn rt(data: &attribute::Field<'_>) -> Result<Vec<Load>, WireError> {
    Ok(match be32(data, NFTA_RT_KEY, "NFTA_RT_KEY")? {
        NFT_RT_XFRM => whole(Field::GoesByIpsec),
        _ => other("rt"),
    })
}

/// `fib` (`nft_fib4_eval()`).
pub(super) fn fib(data: &attribute::Field<'_>) -> Result<Vec<Load>, WireError> {
    let result = be32(data, NFTA_FIB_RESULT, "NFTA_FIB_RESULT")?;
    let flags = be32(data, NFTA_FIB_FLAGS, "NFTA_FIB_FLAGS")?;
    Ok(whole(Field::Fib(FibQuery { result, flags })))
}

/// `ipsec` (`nft_xfrm_get_eval()`): of the outermost SA by which the packet came in.
pub(super) fn xfrm(data: &attribute::Field<'_>) -> Result<Vec<Load>, WireError> {
    let key = be32(data, NFTA_XFRM_KEY, "NFTA_XFRM_KEY")?;
    let outward = find(data, NFTA_XFRM_DIR)?;
    let outward = outward.map_or(Ok(0), |dir| dir.named("NFTA_XFRM_DIR").u8(0))?;
    let number = be32_or(data, NFTA_XFRM_SPNUM, "NFTA_XFRM_SPNUM", 0)?;
    Ok(match (key, outward, number) {
        (NFT_XFRM_KEY_REQID, 0, 0) => whole(Field::IpsecInReqid),
        (NFT_XFRM_KEY_SPI, 0, 0) => whole(Field::IpsecInSpi),
        _ => other("xfrm"),
    })
}

/// `payload` (`nft_payload_eval()`): neighbouring fields may be loaded at once.
pub(super) fn payload(data: &attribute::Field<'_>, ip: Ip) -> Result<Vec<Load>, WireError> {
    let (base, offset, length) = place(data)?;
    let bytes = offset..offset.saturating_add(length.min(64));
    let mut loads: Vec<Load> = Vec::new();
    for at in bytes {
        let (field, first) = match (base, length) {
            (NFT_PAYLOAD_NETWORK_HEADER, _) => network(ip, at),
            (NFT_PAYLOAD_TRANSPORT_HEADER, 1) => transport_byte(at),
            (NFT_PAYLOAD_TRANSPORT_HEADER, _) => transport(at),
            _ => (Field::Other("payload".to_owned()), 0),
        };
        match loads.last_mut() {
            Some(last)
                if last.field == field && last.first.checked_add(last.length) == Some(first) =>
            {
                last.length = last.length.saturating_add(1);
            }
            _ => loads.push(Load { field, first, length: 1 }),
        }
    }
    Ok(loads)
}

/// The fields that a `payload` expression writes.
pub(super) fn written(data: &attribute::Field<'_>, ip: Ip) -> Result<Vec<Field>, WireError> {
    let loads = payload(data, ip)?;
    Ok(loads.into_iter().map(|load| load.field).collect())
}

fn place(data: &attribute::Field<'_>) -> Result<(u32, u32, u32), WireError> {
    Ok((
        be32(data, NFTA_PAYLOAD_BASE, "NFTA_PAYLOAD_BASE")?,
        be32(data, NFTA_PAYLOAD_OFFSET, "NFTA_PAYLOAD_OFFSET")?,
        be32(data, NFTA_PAYLOAD_LEN, "NFTA_PAYLOAD_LEN")?,
    ))
}

/// A byte of the network header (RFC 791, RFC 8200): its field, and which byte of that it is.
fn network(ip: Ip, at: u32) -> (Field, u8) {
    let (field, start) = match (ip, at) {
        (Ip::V4, 1) => (Field::Tos, 1),
        (Ip::V4, 2 | 3) => (Field::TotalLength, 2),
        (Ip::V4, 6 | 7) => (Field::Fragment, 6),
        (Ip::V4, 8) => (Field::HopLimit, 8),
        (Ip::V4, 9) => (Field::HeaderProtocol, 9),
        (Ip::V4, 12..16) => (Field::SourceV4, 12),
        (Ip::V4, 16..20) => (Field::DestinationV4, 16),
        (Ip::V6, 0 | 1) => (Field::Class, 0),
        (Ip::V6, 4 | 5) => (Field::PayloadLength, 4),
        (Ip::V6, 6) => (Field::HeaderProtocol, 6),
        (Ip::V6, 7) => (Field::HopLimit, 7),
        (Ip::V6, 8..24) => (Field::SourceV6, 8),
        (Ip::V6, 24..40) => (Field::DestinationV6, 24),
        _ => (Field::Other("payload".to_owned()), at),
    };
    (field, u8::try_from(at.saturating_sub(start)).unwrap_or(u8::MAX))
}

/// A byte behind the network header, as a part of the ports.
fn transport(at: u32) -> (Field, u8) {
    match at {
        0 => (Field::SourcePort, 0),
        1 => (Field::SourcePort, 1),
        2 => (Field::DestinationPort, 0),
        3 => (Field::DestinationPort, 1),
        _ => (Field::Other("payload".to_owned()), u8::try_from(at).unwrap_or(u8::MAX)),
    }
}

/// A byte that is loaded alone: of ICMP the type or the code, of TCP the flags.
fn transport_byte(at: u32) -> (Field, u8) {
    match at {
        0 => (Field::IcmpType, 0),
        1 => (Field::IcmpCode, 0),
        13 => (Field::TcpFlags, 0),
        _ => transport(at),
    }
}
