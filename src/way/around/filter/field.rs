//! What a rule finds when it asks for a part of a packet (`nft_meta_get_eval()`, `nft_payload_eval()`, `nft_ct_get_eval()` and others).

use super::packet::{Device, Packet, Tracking};
use crate::snapshot::Family;
use crate::snapshot::filter::Field;
use std::borrow::Cow;
use std::net::IpAddr;

/// What a field of a packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content<'p> {
    Number(u64),
    Name(&'p str),
    Address(IpAddr),
    /// The packet has no such field: it leaves the rule (NFT_BREAK).
    Absent,
    /// It is not known, and what that is called.
    Unknown(Cow<'static, str>),
}

/// NF_CT_STATE_INVALID_BIT, NF_CT_STATE_BIT, NF_CT_STATE_UNTRACKED_BIT.
const INVALID: u64 = 1;
const ESTABLISHED: u64 = 2;
const NEW: u64 = 8;
const UNTRACKED: u64 = 64;
const NFPROTO_IPV4: u64 = 2;
const NFPROTO_IPV6: u64 = 10;
const ETH_P_IP: u64 = 0x0800;
const ETH_P_IPV6: u64 = 0x86dd;
const DONT_FRAGMENT: u64 = 0x4000;
/// IPPROTO_TCP, and TCPHDR_SYN.
const TCP: u8 = 6;
const SYN: u64 = 2;
/// `sizeof(struct ipv6hdr)`.
const IPV6_HEADER: u32 = 40;

/// What this field of the packet is.
pub(super) fn content<'p>(packet: &'p Packet, field: &Field) -> Content<'p> {
    let is_v4 = packet.family == Family::Inet;
    match field {
        Field::InputInterface => name(&packet.input),
        Field::OutputInterface => name(&packet.output),
        Field::SlaveInterface => name(&packet.slave),
        Field::InputIndex => index(&packet.input),
        Field::OutputIndex => index(&packet.output),
        Field::InputGroup | Field::OutputGroup => unknown("interface group"),
        Field::Mark => number(packet.mark.map(u64::from), "mark"),
        Field::Family => Content::Number(if is_v4 { NFPROTO_IPV4 } else { NFPROTO_IPV6 }),
        Field::Ethertype => Content::Number(if is_v4 { ETH_P_IP } else { ETH_P_IPV6 }),
        Field::Protocol | Field::HeaderProtocol => {
            number(packet.protocol.map(u64::from), "protocol")
        }
        Field::Length => number(packet.length.map(u64::from), "length"),
        Field::PacketType => unknown("packet type"),
        Field::CameByIpsec => number(packet.came_by_ipsec.map(u64::from), "meta ipsec"),
        Field::GoesByIpsec => number(packet.goes_by_ipsec.map(u64::from), "rt ipsec"),
        Field::CtState => state(packet),
        Field::CtDirection => match packet.tracking {
            Tracking::New if packet.is_seen => Content::Number(0),
            Tracking::Invalid | Tracking::Untracked => Content::Absent,
            _ => unknown("ct direction"),
        },
        Field::CtMark => tracked(packet, "ct mark"),
        Field::CtStatus => tracked(packet, "ct status"),
        Field::SourceV4 | Field::SourceV6 => address(packet.source, field, is_v4),
        Field::DestinationV4 | Field::DestinationV6 => address(packet.destination, field, is_v4),
        Field::Tos => number(packet.tos.map(u64::from), "dscp"),
        // The version, and the upper half of the traffic class behind it.
        Field::Class => {
            let class = packet.tos.map(|tos| 0x6000 | u64::from(tos) << 4);
            number(class, "dscp")
        }
        Field::TotalLength => number(packet.length.map(u64::from), "length"),
        Field::PayloadLength => {
            let payload = packet.length.map(|length| length.saturating_sub(IPV6_HEADER));
            number(payload.map(u64::from), "length")
        }
        Field::Fragment => {
            let flags = |df: bool| if df { DONT_FRAGMENT } else { 0 };
            number(packet.dont_fragment.map(flags), "fragment")
        }
        Field::HopLimit => number(packet.hop_limit.map(u64::from), "TTL"),
        Field::SourcePort => pair(packet, 0, "source port"),
        Field::DestinationPort => pair(packet, 2, "destination port"),
        Field::IcmpType => single(packet, 0, "ICMP type"),
        Field::IcmpCode => single(packet, 1, "ICMP code"),
        // A connection begins with a SYN. One that tracking picks up later (nf_conntrack_tcp_loose) is not what is asked about.
        Field::TcpFlags => match (packet.protocol, packet.tracking) {
            (Some(TCP), Tracking::New) => Content::Number(SYN),
            _ => unknown("TCP flags"),
        },
        Field::Fib(query) => {
            let answer = packet.fib.iter().find(|(asked, _)| asked == query);
            number(answer.map(|(_, number)| *number), "fib")
        }
        Field::IpsecInReqid => match packet.came_by_ipsec {
            Some(false) => Content::Absent,
            Some(true) => number(packet.reqid.map(u64::from), "ipsec in"),
            None => unknown("ipsec in"),
        },
        Field::IpsecInSpi => match packet.came_by_ipsec {
            Some(false) => Content::Absent,
            _ => unknown("ipsec in"),
        },
        Field::Other(expression) => Content::Unknown(Cow::Owned(expression.clone())),
    }
}

const fn unknown(what: &'static str) -> Content<'static> {
    Content::Unknown(Cow::Borrowed(what))
}

fn number<'p>(number: Option<u64>, what: &'static str) -> Content<'p> {
    number.map_or(unknown(what), Content::Number)
}

/// A device that is not there has no name (`nft_meta_store_ifname()`).
fn name(device: &Device) -> Content<'_> {
    match device {
        Device::None => Content::Name(""),
        Device::Unknown => unknown("interface"),
        Device::Known { name, .. } => Content::Name(name),
    }
}

fn index<'p>(device: &Device) -> Content<'p> {
    match device {
        Device::None => Content::Number(0),
        Device::Unknown => unknown("interface"),
        Device::Known { ifindex, .. } => Content::Number((*ifindex).into()),
    }
}

fn address<'p>(address: Option<IpAddr>, field: &Field, is_v4: bool) -> Content<'p> {
    // In a table of both families a rule asks for the family first.
    if matches!(field, Field::SourceV4 | Field::DestinationV4) != is_v4 {
        return unknown("address of the other family");
    }
    address.map_or(unknown("translated address"), Content::Address)
}

/// `nft_ct_get_eval()`: without a connection a packet is invalid, unless it is untracked.
fn state<'p>(packet: &Packet) -> Content<'p> {
    match (packet.tracking, packet.is_seen) {
        (Tracking::Untracked, _) => Content::Number(UNTRACKED),
        (Tracking::Invalid, _) | (Tracking::New | Tracking::Established, false) => {
            Content::Number(INVALID)
        }
        (Tracking::New, true) => Content::Number(NEW),
        (Tracking::Established, true) => Content::Number(ESTABLISHED),
        (Tracking::Unknown, _) => unknown("ct state"),
    }
}

/// Other facts of a connection; a packet without one leaves the rule.
fn tracked<'p>(packet: &Packet, what: &'static str) -> Content<'p> {
    match packet.tracking {
        Tracking::Untracked | Tracking::Invalid => Content::Absent,
        Tracking::New | Tracking::Established if !packet.is_seen => Content::Absent,
        _ => unknown(what),
    }
}

fn single<'p>(packet: &Packet, at: usize, what: &'static str) -> Content<'p> {
    let byte = packet.transport.get(at).copied().flatten();
    number(byte.map(u64::from), what)
}

fn pair<'p>(packet: &Packet, at: usize, what: &'static str) -> Content<'p> {
    let byte = |at: usize| packet.transport.get(at).copied().flatten().map(u64::from);
    let both = byte(at).zip(byte(at.saturating_add(1)));
    number(both.map(|(high, low)| high << 8 | low), what)
}
