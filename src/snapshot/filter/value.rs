//! What a rule of nftables compares: fields of packets, and values. Plain data.

use crate::snapshot::short;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A field of a packet, or bits of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The field.
    pub field: Field,
    /// The bits of a number that are compared; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<u64>,
}

/// What a rule can ask of a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it; nft's words are behind them")]
pub enum Field {
    /// `iifname`.
    InputInterface,
    /// `oifname`.
    OutputInterface,
    /// `iif`, an ifindex.
    InputIndex,
    /// `oif`, an ifindex.
    OutputIndex,
    /// `iifgroup`.
    InputGroup,
    /// `oifgroup`.
    OutputGroup,
    /// `meta sdifname`.
    SlaveInterface,
    /// `meta mark`.
    Mark,
    /// `meta nfproto`.
    Family,
    /// `meta protocol`, an ethertype.
    Ethertype,
    /// `meta l4proto`.
    Protocol,
    /// `meta length`.
    Length,
    /// `meta pkttype`.
    PacketType,
    /// `meta ipsec`: the packet came out of a tunnel.
    CameByIpsec,
    /// `rt ipsec`: the packet goes into a tunnel.
    GoesByIpsec,
    /// `ct state`.
    CtState,
    /// `ct mark`.
    CtMark,
    /// `ct status`.
    CtStatus,
    /// `ct direction`.
    CtDirection,
    SourceV4,
    DestinationV4,
    SourceV6,
    DestinationV6,
    /// `ip dscp`, `ip ecn`: the second byte of the header.
    Tos,
    /// `ip6 dscp`: the first two bytes of the header.
    Class,
    /// `ip length`.
    TotalLength,
    /// `ip6 length`.
    PayloadLength,
    /// `ip frag-off`, with its flags.
    Fragment,
    /// `ip ttl`, `ip6 hoplimit`.
    HopLimit,
    /// `ip protocol`, `ip6 nexthdr`.
    HeaderProtocol,
    /// `th sport`: the first two bytes behind the header, whatever the protocol. `esp spi` is this and the next field.
    SourcePort,
    /// `th dport`: the next two.
    DestinationPort,
    /// `icmp type`: the first byte behind the header.
    IcmpType,
    /// `icmp code`: the second one.
    IcmpCode,
    /// `tcp flags`: the fourteenth byte behind the header.
    TcpFlags,
    /// `fib …`: the kernel looks a route up.
    Fib(FibQuery),
    /// `ipsec in reqid`: of the SA that decrypted the packet.
    IpsecInReqid,
    /// `ipsec in spi`.
    IpsecInSpi,
    /// What this expression of the kernel loads.
    Other(String),
}

/// A question of a rule for a route (`struct nft_fib`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FibQuery {
    /// NFT_FIB_RESULT_*: 1 the interface's index, 2 its name, 3 the type of the address.
    pub result: u32,
    /// NFTA_FIB_F_*: 1 source, 2 destination, 4 mark, 8 input interface, 16 output interface, 32 only whether there is one.
    pub flags: u32,
}

impl FibQuery {
    /// Whether it asks for the interface of the route back to the packet's source.
    pub const fn is_for_the_source(&self) -> bool {
        const RESULT_OIF: u32 = 1;
        const OF_SOURCE: u32 = 1;
        self.result == RESULT_OIF && self.flags & OF_SOURCE != 0
    }

    /// Whether only a route by the interface counts that the packet came in by.
    pub const fn is_by_the_input(&self) -> bool {
        const BY_INPUT: u32 = 8;
        self.flags & BY_INPUT != 0
    }

    /// Whether the answer is only if there is one.
    pub const fn is_only_present(&self) -> bool {
        const ONLY_PRESENT: u32 = 32;
        self.flags & ONLY_PRESENT != 0
    }
}

/// Which values a field may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Any.
    Any,
    /// One of these numbers.
    Numbers(#[serde(deserialize_with = "short::list")] Vec<Range>),
    /// An address in one of these prefixes.
    Addresses(#[serde(deserialize_with = "short::list")] Vec<IpNet>),
    /// One of these names of interfaces; one that ends in `*` is the beginning of names.
    Names(#[serde(deserialize_with = "short::list")] Vec<String>),
    /// Not understood.
    Unknown,
}

/// Numbers from the first to the last, both included: `5` or `80-90` in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Range {
    /// The first.
    pub first: u64,
    /// The last; not below the first.
    pub last: u64,
}

impl Range {
    /// One number.
    pub const fn of(number: u64) -> Self {
        Self { first: number, last: number }
    }

    /// Whether a number is in it.
    pub const fn contains(&self, number: u64) -> bool {
        self.first <= number && number <= self.last
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        if range.first == range.last {
            range.first.to_string()
        } else {
            format!("{}-{}", range.first, range.last)
        }
    }
}

impl TryFrom<String> for Range {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self { first, last }),
            _ => Err(format!("\"{}\" is no range of numbers", text.escape_default())),
        }
    }
}

/// The beginning of names that a redacted capture does not tell.
pub const HIDDEN_PATTERN: &str = "?*";
