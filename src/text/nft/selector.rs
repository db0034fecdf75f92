//! What a rule asks of a packet, in nft's words: the field of the snapshot that it is, what must be true of a packet before it has such a
//! field, and how its values are written. It reads no value.

use super::symbols::Kind;
use super::tokens::{Cursor, Token};
use crate::snapshot::filter::{FibQuery, Field, Part};

/// How the values of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The name of an interface.
    Name,
    V4,
    V6,
    /// A number, and by how many bits it is moved in the field.
    Number {
        kind: Kind,
        shift: u32,
    },
    /// The SPI of ESP: the two ports of the field table.
    Spi,
}

/// One thing that is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selector {
    /// One, or two for the SPI.
    pub parts: Vec<Part>,
    pub form: Form,
    /// The protocol that the packet must have.
    pub protocol: Option<u8>,
    /// The IP that it must be of: NFPROTO_*.
    pub family: Option<u64>,
}

/// What is known of the next words.
pub(super) enum Asked {
    /// A field.
    Field(Selector),
    /// Something that the kernel has this expression for, and that is not followed.
    Other(&'static str),
    /// `tcp flags`, which are not followed.
    Flags,
    /// No question: a statement, or nothing that is known.
    No,
}

/// NFPROTO_*.
pub(super) const IPV4: u64 = 2;
pub(super) const IPV6: u64 = 10;
const TCP: u8 = 6;
const ESP: u8 = 50;
/// NFT_FIB_RESULT_*, NFTA_FIB_F_*.
const RESULTS: [(&str, u32); 3] = [("oif", 1), ("oifname", 2), ("type", 3)];
const FLAGS: [(&str, u32); 5] = [("saddr", 1), ("daddr", 2), ("mark", 4), ("iif", 8), ("oif", 16)];

impl Selector {
    fn of(field: Field, form: Form) -> Self {
        let parts = vec![Part { field, mask: None }];
        Self { parts, form, protocol: None, family: None }
    }

    fn number(field: Field, kind: Kind) -> Self {
        Self::of(field, Form::Number { kind, shift: 0 })
    }

    /// Some bits of a field.
    fn bits(field: Field, kind: Kind, mask: u64) -> Self {
        let parts = vec![Part { field, mask: Some(mask) }];
        let form = Form::Number { kind, shift: mask.trailing_zeros() };
        Self { parts, form, protocol: None, family: None }
    }

    fn in_family(self, family: u64) -> Self {
        Self { family: Some(family), ..self }
    }

    fn in_protocol(self, protocol: Option<u8>) -> Self {
        Self { protocol, ..self }
    }
}

/// Takes what is asked next; leaves the cursor where it was where that is nothing that is known.
pub(super) fn asked(cursor: &mut Cursor<'_, '_>) -> Asked {
    let before = cursor.clone();
    let asked = take(cursor);
    if matches!(asked, Asked::No) {
        *cursor = before;
    }
    asked
}

fn take(cursor: &mut Cursor<'_, '_>) -> Asked {
    let Some(word) = cursor.word() else { return Asked::No };
    let found = match word {
        "meta" => match cursor.word() {
            Some(key) => return meta(key).map_or(Asked::Other("meta"), Asked::Field),
            None => None,
        },
        "iif" | "oif" | "iifname" | "oifname" | "iifgroup" | "oifgroup" | "mark" => meta(word),
        "ct" => return cursor.word().map_or(Asked::No, ct),
        "rt" => match cursor.word() {
            Some("ipsec") => Some(Selector::number(Field::GoesByIpsec, Kind::Presence)),
            _ => return Asked::Other("rt"),
        },
        "fib" => return fib(cursor).map_or(Asked::Other("fib"), Asked::Field),
        "ipsec" => return ipsec(cursor).map_or(Asked::Other("xfrm"), Asked::Field),
        "ip" | "ip6" => match cursor.word() {
            Some(key) => return ip(word == "ip6", key),
            None => None,
        },
        "tcp" | "udp" | "sctp" | "dccp" | "udplite" | "th" | "comp" | "ah" | "esp" | "icmp"
        | "icmpv6" => match cursor.word() {
            Some(key) => return transport(word, key),
            None => None,
        },
        "ether" | "vlan" | "arp" | "@nh" | "@th" | "@ll" | "@ih" => return Asked::Other("payload"),
        "exthdr" | "hbh" | "frag" | "dst" | "mh" | "srh" => return Asked::Other("exthdr"),
        "socket" => return Asked::Other("socket"),
        "osf" => return Asked::Other("osf"),
        "numgen" => return Asked::Other("numgen"),
        "jhash" | "symhash" => return Asked::Other("hash"),
        "tunnel" => return Asked::Other("tunnel"),
        raw if raw.starts_with('@') && raw.contains(',') => return Asked::Other("payload"),
        _ => None,
    };
    found.map_or(Asked::No, Asked::Field)
}

/// `meta`.
fn meta(key: &str) -> Option<Selector> {
    let name = |field| Some(Selector::of(field, Form::Name));
    let number = |field, kind| Some(Selector::number(field, kind));
    match key {
        // nft prints the name of the interface that has the number now.
        "iif" | "iifname" => name(Field::InputInterface),
        "oif" | "oifname" => name(Field::OutputInterface),
        "sdifname" => name(Field::SlaveInterface),
        "iifgroup" => number(Field::InputGroup, Kind::Unknown),
        "oifgroup" => number(Field::OutputGroup, Kind::Unknown),
        "mark" => number(Field::Mark, Kind::Number),
        "nfproto" => number(Field::Family, Kind::Family),
        "protocol" => number(Field::Ethertype, Kind::Ethertype),
        "l4proto" => number(Field::Protocol, Kind::Protocol),
        "length" => number(Field::Length, Kind::Number),
        "pkttype" => number(Field::PacketType, Kind::PacketType),
        "ipsec" | "secpath" => number(Field::CameByIpsec, Kind::Presence),
        _ => None,
    }
}

/// `ct`.
fn ct(key: &str) -> Asked {
    Asked::Field(match key {
        "state" => Selector::number(Field::CtState, Kind::CtState),
        "mark" => Selector::number(Field::CtMark, Kind::Number),
        // The model knows no status of a connection, only whether there is one.
        "status" => Selector::number(Field::CtStatus, Kind::Unknown),
        "direction" => Selector::number(Field::CtDirection, Kind::CtDirection),
        "count" => return Asked::No,
        _ => return Asked::Other("ct"),
    })
}

/// `fib saddr . iif oif`.
fn fib(cursor: &mut Cursor<'_, '_>) -> Option<Selector> {
    let number = |list: &[(&str, u32)], word: &str| {
        list.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
    };
    let mut flags = number(&FLAGS, cursor.word()?)?;
    while cursor.eat(".") {
        flags |= number(&FLAGS, cursor.word()?)?;
    }
    let result = number(&RESULTS, cursor.word()?)?;
    let field = Field::Fib(FibQuery { result, flags });
    Some(match result {
        2 => Selector::of(field, Form::Name),
        3 => Selector::number(field, Kind::AddressType),
        _ => Selector::number(field, Kind::Number),
    })
}

/// `ipsec in reqid`: of the outermost SA.
fn ipsec(cursor: &mut Cursor<'_, '_>) -> Option<Selector> {
    if !cursor.eat("in") {
        return None;
    }
    if cursor.eat("spnum") && !cursor.eat("0") {
        return None;
    }
    match cursor.word()? {
        "reqid" => Some(Selector::number(Field::IpsecInReqid, Kind::Number)),
        "spi" => Some(Selector::number(Field::IpsecInSpi, Kind::Number)),
        _ => None,
    }
}

/// `ip` and `ip6` (RFC 791, RFC 8200).
fn ip(is_v6: bool, key: &str) -> Asked {
    let selector = match (is_v6, key) {
        (false, "saddr") => Selector::of(Field::SourceV4, Form::V4),
        (false, "daddr") => Selector::of(Field::DestinationV4, Form::V4),
        (true, "saddr") => Selector::of(Field::SourceV6, Form::V6),
        (true, "daddr") => Selector::of(Field::DestinationV6, Form::V6),
        (false, "dscp") => Selector::bits(Field::Tos, Kind::Dscp, 0xfc),
        (false, "ecn") => Selector::bits(Field::Tos, Kind::Ecn, 0x03),
        (true, "dscp") => Selector::bits(Field::Class, Kind::Dscp, 0x0fc0),
        (true, "ecn") => Selector::bits(Field::Class, Kind::Ecn, 0x0030),
        (false, "length") => Selector::number(Field::TotalLength, Kind::Number),
        (true, "length") => Selector::number(Field::PayloadLength, Kind::Number),
        (false, "frag-off") => Selector::number(Field::Fragment, Kind::Number),
        (false, "ttl") | (true, "hoplimit") => Selector::number(Field::HopLimit, Kind::Number),
        (false, "protocol") | (true, "nexthdr") => {
            Selector::number(Field::HeaderProtocol, Kind::Protocol)
        }
        (false, "option") => return Asked::Other("exthdr"),
        _ => return Asked::Other("payload"),
    };
    Asked::Field(selector.in_family(if is_v6 { IPV6 } else { IPV4 }))
}

/// What is behind the IP header.
fn transport(header: &str, key: &str) -> Asked {
    let protocol = match header {
        "th" => None,
        "tcp" => Some(TCP),
        "esp" => Some(ESP),
        other => crate::text::names::ip_protocol(other),
    };
    let selector = match (header, key) {
        ("icmp", "type") => Selector::number(Field::IcmpType, Kind::IcmpType).in_family(IPV4),
        ("icmp", "code") => Selector::number(Field::IcmpCode, Kind::IcmpCode).in_family(IPV4),
        ("icmpv6", "type") => Selector::number(Field::IcmpType, Kind::Icmp6Type).in_family(IPV6),
        ("icmpv6", "code") => Selector::number(Field::IcmpCode, Kind::Icmp6Code).in_family(IPV6),
        ("esp", "spi") => {
            let part = |field| Part { field, mask: None };
            let parts = vec![part(Field::SourcePort), part(Field::DestinationPort)];
            Selector { parts, form: Form::Spi, protocol: None, family: None }
        }
        ("icmp" | "icmpv6" | "esp" | "ah" | "comp", _) => return Asked::Other("payload"),
        (_, "sport") => Selector::number(Field::SourcePort, Kind::Port),
        (_, "dport") => Selector::number(Field::DestinationPort, Kind::Port),
        ("tcp", "flags") => return Asked::Flags,
        ("tcp", "option") => return Asked::Other("exthdr"),
        _ => return Asked::Other("payload"),
    };
    Asked::Field(selector.in_protocol(protocol))
}

/// Several questions that are asked together: `ip saddr . tcp dport`.
pub(super) fn together(
    cursor: &mut Cursor<'_, '_>,
    first: Selector,
) -> Result<Vec<Selector>, &'static str> {
    let mut all = vec![first];
    while cursor.peek() == Some(Token::Word(".")) {
        cursor.next();
        match asked(cursor) {
            Asked::Field(selector) => all.push(selector),
            Asked::Other(name) => return Err(name),
            Asked::Flags => return Err("payload"),
            Asked::No => return Err("lookup"),
        }
    }
    Ok(all)
}
