//! The parts that all messages of nftables have: the head with the family, nested attributes, data, verdicts.

use crate::snapshot::filter::{TableFamily, Verdict};
use crate::wire::attribute::{Attribute, Field, WireError};

/// `sizeof(struct nfgenmsg)`.
pub(super) const HEADER: usize = 4;
/// An entry of a list.
pub(super) const NFTA_LIST_ELEM: u16 = 1;
pub(super) const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;
const NF_DROP: i32 = 0;
const NF_ACCEPT: i32 = 1;
const NF_QUEUE: i32 = 3;
const NFT_CONTINUE: i32 = -1;
const NFT_JUMP: i32 = -3;
const NFT_GOTO: i32 = -4;
const NFT_RETURN: i32 = -5;

/// A name as an attribute holds it.
pub(super) fn text(name: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0"].concat()
}

/// A message with the family of its table.
pub(super) struct Message<'a> {
    /// None of those that see IP packets (ARP).
    pub family: Option<TableFamily>,
    payload: Field<'a>,
}

impl<'a> Message<'a> {
    pub fn new(payload: &'a [u8]) -> Result<Self, WireError> {
        let payload = Field::new("nfgenmsg", payload);
        let family = match payload.u8(0)? {
            1 => Some(TableFamily::Inet),
            2 => Some(TableFamily::Ip),
            5 => Some(TableFamily::Netdev),
            7 => Some(TableFamily::Bridge),
            10 => Some(TableFamily::Ip6),
            _ => None,
        };
        Ok(Self { family, payload })
    }

    pub fn find(&self, kind: u16) -> Result<Option<Attribute<'a>>, WireError> {
        find_from(&self.payload, HEADER, kind)
    }

    pub fn text(&self, kind: u16, name: &'static str) -> Result<String, WireError> {
        Ok(self.find(kind)?.ok_or(absent(name))?.named(name).string())
    }
}

/// The verdict in data (`nft_verdict_dump()`); none where it is a value.
pub(super) fn verdict(data: &Field<'_>) -> Result<Option<Verdict>, WireError> {
    let Some(verdict) = find(data, NFTA_DATA_VERDICT)? else { return Ok(None) };
    let verdict = verdict.named("NFTA_DATA_VERDICT");
    let code = be32(&verdict, NFTA_VERDICT_CODE, "NFTA_VERDICT_CODE")?;
    let chain = || -> Result<String, WireError> {
        let chain = find(&verdict, NFTA_VERDICT_CHAIN)?.ok_or(absent("NFTA_VERDICT_CHAIN"))?;
        Ok(chain.named("NFTA_VERDICT_CHAIN").string())
    };
    Ok(Some(match i32::from_ne_bytes(code.to_ne_bytes()) {
        NF_DROP => Verdict::Drop,
        NF_ACCEPT => Verdict::Accept,
        NFT_CONTINUE => Verdict::Continue,
        NFT_RETURN => Verdict::Return,
        NFT_JUMP => Verdict::Jump(chain()?),
        NFT_GOTO => Verdict::Goto(chain()?),
        // The number of the queue is in the upper half.
        code if code & 0xffff == NF_QUEUE => Verdict::Queue,
        _ => return Err(verdict.value(code)),
    }))
}

/// The attribute of this type in a nested attribute.
pub(super) fn find<'a>(nested: &Field<'a>, kind: u16) -> Result<Option<Attribute<'a>>, WireError> {
    find_from(nested, 0, kind)
}

pub(super) fn find_from<'a>(
    field: &Field<'a>,
    offset: usize,
    kind: u16,
) -> Result<Option<Attribute<'a>>, WireError> {
    for attribute in field.attributes(offset) {
        let attribute = attribute?;
        if attribute.kind == kind {
            return Ok(Some(attribute));
        }
    }
    Ok(None)
}

/// The bytes of the data in a nested attribute (`nft_value_dump()`).
pub(super) fn value<'a>(
    nested: &Field<'a>,
    kind: u16,
    name: &'static str,
) -> Result<Option<Field<'a>>, WireError> {
    let Some(data) = find(nested, kind)? else { return Ok(None) };
    let value = find(&data.named(name), NFTA_DATA_VALUE)?;
    Ok(value.map(|value| value.named("NFTA_DATA_VALUE")))
}

pub(super) fn be32(nested: &Field<'_>, kind: u16, name: &'static str) -> Result<u32, WireError> {
    find(nested, kind)?.ok_or(absent(name))?.named(name).be32(0)
}

pub(super) fn be32_or(
    nested: &Field<'_>,
    kind: u16,
    name: &'static str,
    otherwise: u32,
) -> Result<u32, WireError> {
    find(nested, kind)?.map_or(Ok(otherwise), |attribute| attribute.named(name).be32(0))
}

pub(super) fn be64(nested: &Field<'_>, kind: u16, name: &'static str) -> Result<u64, WireError> {
    find(nested, kind)?.ok_or(absent(name))?.named(name).be64(0)
}

pub(super) const fn absent(what: &'static str) -> WireError {
    WireError::Absent { what }
}
