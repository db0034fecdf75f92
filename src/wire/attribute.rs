//! Bounds-checked reading of kernel structures and netlink attributes (`struct nlattr`, TLV, aligned to 4 bytes).
//! It knows no message; the modules beside it do. None of its types prints the bytes it holds, for they may be keys.

use crate::snapshot::Family;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use thiserror::Error;

/// Why bytes are not what they should be. `what` is the kernel's name of the structure or attribute.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// It ends before its last member, or before the length it gives itself.
    #[error("{what}: need {need} bytes, have {have}")]
    Short {
        /// The structure or attribute.
        what: &'static str,
        /// Bytes that it must have.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// The kernel always sends it, and it is not there.
    #[error("{what}: missing")]
    Absent {
        /// The attribute.
        what: &'static str,
    },
    /// A number outside of what its member can be.
    #[error("{what}: unexpected value {value}")]
    Value {
        /// The structure or attribute.
        what: &'static str,
        /// What it has.
        value: u64,
    },
    /// More of them than any real answer has.
    #[error("{what}: more than {most}")]
    TooMany {
        /// The structure or attribute.
        what: &'static str,
        /// As many as are decoded.
        most: usize,
    },
}

/// NLA_TYPE_MASK: without NLA_F_NESTED and NLA_F_NET_BYTEORDER, which some kernels set and others do not.
const TYPE_MASK: u16 = 0x3fff;
/// `sizeof(struct nlattr)`.
const HEADER: usize = 4;

/// A structure or the payload of an attribute, read member by member at byte offsets.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    name: &'static str,
    bytes: &'a [u8],
}

impl<'a> Field<'a> {
    /// `bytes` under the name that errors shall have.
    pub const fn new(name: &'static str, bytes: &'a [u8]) -> Self {
        Self { name, bytes }
    }

    /// Length in bytes.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes, for records that this module does not know.
    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its first bytes, at most so many.
    pub(super) fn head(&self, length: usize) -> Field<'a> {
        Field { name: self.name, bytes: self.bytes.get(..length).unwrap_or(self.bytes) }
    }

    fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N], WireError> {
        let member = self.bytes.get(offset..).and_then(<[u8]>::first_chunk);
        member.copied().ok_or(WireError::Short {
            what: self.name,
            need: offset.saturating_add(N),
            have: self.bytes.len(),
        })
    }

    /// One byte.
    pub fn u8(&self, offset: usize) -> Result<u8, WireError> {
        self.array(offset).map(u8::from_ne_bytes)
    }

    /// `__u16`, host byte order.
    pub fn u16(&self, offset: usize) -> Result<u16, WireError> {
        self.array(offset).map(u16::from_ne_bytes)
    }

    /// `__u32`, host byte order.
    pub fn u32(&self, offset: usize) -> Result<u32, WireError> {
        self.array(offset).map(u32::from_ne_bytes)
    }

    /// `__s32`, host byte order.
    pub fn i32(&self, offset: usize) -> Result<i32, WireError> {
        self.array(offset).map(i32::from_ne_bytes)
    }

    /// `__u64`, host byte order; netlink does not align it to 8 bytes.
    pub fn u64(&self, offset: usize) -> Result<u64, WireError> {
        self.array(offset).map(u64::from_ne_bytes)
    }

    /// `__be16`.
    pub fn be16(&self, offset: usize) -> Result<u16, WireError> {
        self.array(offset).map(u16::from_be_bytes)
    }

    /// `__be32`.
    pub fn be32(&self, offset: usize) -> Result<u32, WireError> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// `__be64`.
    pub fn be64(&self, offset: usize) -> Result<u64, WireError> {
        self.array(offset).map(u64::from_be_bytes)
    }

    /// An address of `family`: 4 or 16 bytes.
    pub fn address(&self, offset: usize, family: Family) -> Result<IpAddr, WireError> {
        match family {
            Family::Inet => self.array::<4>(offset).map(|octets| Ipv4Addr::from(octets).into()),
            Family::Inet6 => self.array::<16>(offset).map(|octets| Ipv6Addr::from(octets).into()),
            Family::Unspec => Err(self.value(0_u32)),
        }
    }

    /// An address of `family` with a prefix length; its host bits are kept as the kernel keeps them.
    pub fn prefix(&self, offset: usize, family: Family, length: u8) -> Result<IpNet, WireError> {
        let address = self.address(offset, family)?;
        IpNet::new(address, length).map_err(|_| self.value(length))
    }

    /// A string of the kernel, up to its first NUL. Bytes that are not UTF-8 are replaced.
    pub fn string(&self) -> String {
        let text = self.bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    /// The attributes from `offset` on, to the end. They follow a structure of `offset` bytes, or fill a nested attribute (0).
    pub fn attributes(&self, offset: usize) -> Attributes<'a> {
        Attributes { name: self.name, rest: self.bytes.get(offset..).unwrap_or_default() }
    }

    /// The parts of an array of `size` bytes each; one that is cut short is an error.
    pub fn elements(
        &self,
        size: usize,
    ) -> impl Iterator<Item = Result<Field<'a>, WireError>> + use<'a> {
        let Field { name, bytes } = *self;
        bytes.chunks(size.max(1)).enumerate().map(move |(index, chunk)| {
            let need = index.saturating_add(1).saturating_mul(size);
            let whole = chunk.len() == size;
            whole.then_some(Field::new(name, chunk)).ok_or(WireError::Short {
                what: name,
                need,
                have: bytes.len(),
            })
        })
    }

    /// The error of a member that has a value it cannot have.
    pub fn value(&self, value: impl Into<u64>) -> WireError {
        WireError::Value { what: self.name, value: value.into() }
    }
}

/// AF_INET and AF_INET6; none for any other number.
pub const fn family(number: u16) -> Option<Family> {
    match number {
        2 => Some(Family::Inet),
        10 => Some(Family::Inet6),
        _ => None,
    }
}

/// One attribute: its type without the flag bits, and its payload.
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    /// `nla_type` under NLA_TYPE_MASK.
    pub kind: u16,
    /// What follows its header; decoders give it its name first ([`Attribute::named`]).
    pub payload: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The payload, under the kernel's name of this attribute.
    pub const fn named(&self, name: &'static str) -> Field<'a> {
        Field::new(name, self.payload)
    }
}

/// The attributes of a message or of a nested attribute. After an error there are no more.
pub struct Attributes<'a> {
    name: &'static str,
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        Some(self.split(bytes))
    }
}

impl<'a> Attributes<'a> {
    fn split(&mut self, bytes: &'a [u8]) -> Result<Attribute<'a>, WireError> {
        let header = Field::new(self.name, bytes);
        let (length, kind) = (header.u16(0)?, header.u16(2)?);
        let (payload, rest) = split_record(self.name, bytes, length.into(), HEADER)?;
        self.rest = rest;
        Ok(Attribute { kind: kind & TYPE_MASK, payload })
    }
}

/// Splits the first record off `bytes`: its payload (`length` bytes less those of the header), and what follows, aligned to 4 bytes.
pub(super) fn split_record<'a>(
    what: &'static str,
    bytes: &'a [u8],
    length: usize,
    header: usize,
) -> Result<(&'a [u8], &'a [u8]), WireError> {
    if length < header {
        return Err(WireError::Value { what, value: length as u64 });
    }
    let short = WireError::Short { what, need: length, have: bytes.len() };
    let payload = bytes.get(header..length).ok_or(short)?;
    // The last record of a buffer need not be padded.
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Ok((payload, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u16, usize)>, WireError> {
        let list = Field::new("LIST", bytes).attributes(0);
        list.map(|a| a.map(|a| (a.kind, a.payload.len()))).collect()
    }

    #[test]
    fn attributes_are_aligned_and_their_flag_bits_do_not_count() {
        let bytes = [5, 0, 7, 0x80, 0xaa, 0, 0, 0, 4, 0, 8, 0x40];
        assert_eq!(all(&bytes), Ok(vec![(7, 1), (8, 0)]));
    }

    #[test]
    fn a_truncated_attribute_is_an_error() {
        let error = all(&[8, 0, 1, 0, 0xaa, 0xbb]).unwrap_err();
        assert_eq!(error.to_string(), "LIST: need 8 bytes, have 6");
    }

    #[test]
    fn a_truncated_attribute_header_is_an_error() {
        assert_eq!(all(&[4, 0, 1]).unwrap_err().to_string(), "LIST: need 4 bytes, have 3");
    }

    #[test]
    fn an_attribute_shorter_than_its_header_is_an_error_and_the_last_item() {
        let bytes = [0, 0, 1, 0, 4, 0, 2, 0];
        let mut list = Field::new("LIST", &bytes).attributes(0);
        let error = list.next().unwrap().err().unwrap();
        assert_eq!(error.to_string(), "LIST: unexpected value 0");
        assert!(list.next().is_none());
    }

    #[test]
    fn a_short_value_names_the_attribute_and_both_lengths() {
        let error = Field::new("XFRMA_IF_ID", &[1, 2]).u32(0).unwrap_err();
        assert_eq!(error.to_string(), "XFRMA_IF_ID: need 4 bytes, have 2");
    }

    #[test]
    fn a_prefix_longer_than_its_family_is_an_error_not_clamped() {
        let field = Field::new("FRA_DST", &[192, 0, 2, 1]);
        assert_eq!(
            field.prefix(0, Family::Inet, 24).unwrap().to_string(),
            "192.0.2.1/24",
            "host bits are kept"
        );
        let error = field.prefix(0, Family::Inet, 33).unwrap_err();
        assert_eq!(error.to_string(), "FRA_DST: unexpected value 33");
    }

    #[test]
    fn a_string_ends_at_its_first_nul_and_is_always_text() {
        assert_eq!(Field::new("IFLA_IFNAME", b"vti0\0junk").string(), "vti0");
        assert_eq!(Field::new("IFLA_IFNAME", b"vt\xff").string(), "vt\u{fffd}");
        assert_eq!(Field::new("IFLA_IFNAME", b"").string(), "");
    }

    #[test]
    fn an_array_with_a_cut_last_element_is_an_error() {
        let sizes = |bytes: &[u8]| -> Result<Vec<usize>, WireError> {
            Field::new("XFRMA_TMPL", bytes).elements(4).map(|e| e.map(|e| e.len())).collect()
        };
        assert_eq!(sizes(&[0; 8]), Ok(vec![4, 4]));
        assert_eq!(sizes(&[0; 6]).unwrap_err().to_string(), "XFRMA_TMPL: need 8 bytes, have 6");
    }
}
