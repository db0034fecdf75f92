//! The words that nft prints for numbers: what `nft describe` of nftables 1.0.6 lists for each of these types. A word that is not in
//! these lists is unknown.

use crate::text::names;
use crate::text::words;

/// What numbers a field has, and so by which words they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// An IP protocol.
    Protocol,
    Ethertype,
    Family,
    PacketType,
    /// `exists` or `missing`.
    Presence,
    CtState,
    /// A word that this program needs no number for.
    Unknown,
    CtDirection,
    IcmpType,
    Icmp6Type,
    IcmpCode,
    Icmp6Code,
    Dscp,
    Ecn,
    AddressType,
    Port,
}

/// The number of a word.
pub(super) fn number(kind: Kind, word: &str) -> Option<u64> {
    let plain = match word.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        _ => words::number(word),
    };
    let list: &[(&str, u64)] = match kind {
        Kind::Protocol => return plain.or_else(|| names::ip_protocol(word).map(u64::from)),
        Kind::Number | Kind::Port => &[],
        Kind::Unknown => return None,
        Kind::Ethertype => ETHERTYPES,
        Kind::Family => &[("ipv4", 2), ("ipv6", 10)],
        Kind::PacketType => {
            &[("host", 0), ("unicast", 0), ("broadcast", 1), ("multicast", 2), ("other", 3)]
        }
        Kind::Presence => &[("missing", 0), ("exists", 1)],
        Kind::CtState => CT_STATES,
        Kind::CtDirection => &[("original", 0), ("reply", 1)],
        Kind::IcmpType => ICMP_TYPES,
        Kind::Icmp6Type => ICMP6_TYPES,
        Kind::IcmpCode => ICMP_CODES,
        Kind::Icmp6Code => ICMP6_CODES,
        Kind::Dscp => DSCP,
        Kind::Ecn => &[("not-ect", 0), ("ect1", 1), ("ect0", 2), ("ce", 3)],
        Kind::AddressType => ADDRESS_TYPES,
    };
    plain.or_else(|| list.iter().find(|(name, _)| *name == word).map(|(_, number)| *number))
}

/// The places of chains by their names (`std_prios`, `bridge_std_prios` in `rule.c`).
pub(super) fn priority(is_bridge: bool, name: &str) -> Option<i32> {
    Some(match (is_bridge, name) {
        (false, "raw") => -300,
        (false, "mangle") => -150,
        (false, "dstnat") => -100,
        (false, "filter") => 0,
        (false, "security") => 50,
        (false, "srcnat") => 100,
        (true, "dstnat") => -300,
        (true, "filter") => -200,
        (true, "out") => 100,
        (true, "srcnat") => 300,
        (_, number) => number.parse().ok()?,
    })
}

const ETHERTYPES: &[(&str, u64)] = &[
    ("ip", 0x0800),
    ("arp", 0x0806),
    ("vlan", 0x8100),
    ("8021q", 0x8100),
    ("8021ad", 0x88a8),
    ("ip6", 0x86dd),
];

const CT_STATES: &[(&str, u64)] =
    &[("invalid", 1), ("established", 2), ("related", 4), ("new", 8), ("untracked", 64)];

const ICMP_TYPES: &[(&str, u64)] = &[
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("source-quench", 4),
    ("redirect", 5),
    ("echo-request", 8),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
    ("timestamp-request", 13),
    ("timestamp-reply", 14),
    ("info-request", 15),
    ("info-reply", 16),
    ("address-mask-request", 17),
    ("address-mask-reply", 18),
];

const ICMP6_TYPES: &[(&str, u64)] = &[
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("mld-listener-query", 130),
    ("mld-listener-report", 131),
    ("mld-listener-done", 132),
    ("mld-listener-reduction", 132),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
    ("router-renumbering", 138),
    ("ind-neighbor-solicit", 141),
    ("ind-neighbor-advert", 142),
    ("mld2-listener-report", 143),
];

const ICMP_CODES: &[(&str, u64)] = &[
    ("net-unreachable", 0),
    ("host-unreachable", 1),
    ("prot-unreachable", 2),
    ("port-unreachable", 3),
    ("frag-needed", 4),
    ("net-prohibited", 9),
    ("host-prohibited", 10),
    ("admin-prohibited", 13),
];

const ICMP6_CODES: &[(&str, u64)] = &[
    ("no-route", 0),
    ("admin-prohibited", 1),
    ("addr-unreachable", 3),
    ("port-unreachable", 4),
    ("policy-fail", 5),
    ("reject-route", 6),
];

const DSCP: &[(&str, u64)] = &[
    ("cs0", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("df", 0),
    ("be", 0),
    ("lephb", 1),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("va", 44),
    ("ef", 46),
];

/// RTN_*.
const ADDRESS_TYPES: &[(&str, u64)] = &[
    ("unspec", 0),
    ("unicast", 1),
    ("local", 2),
    ("broadcast", 3),
    ("anycast", 4),
    ("multicast", 5),
    ("blackhole", 6),
    ("unreachable", 7),
    ("prohibit", 8),
];
