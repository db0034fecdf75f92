//! The names that iproute2 prints for numbers: `/etc/iproute2/rt_tables`, `rt_protos` of iproute2 6.1, and `rtnl_rtntype_n2a()`.

use super::words::number;
use crate::snapshot::RouteType;

/// The main table, which is printed without its name.
pub(super) const MAIN: u32 = 254;
/// The table of local addresses.
pub(super) const LOCAL: u32 = 255;

/// The number of a table; a name that a host has given one itself is unknown.
pub(super) fn table(name: &str) -> Option<u32> {
    Some(match name {
        "unspec" => 0,
        "default" => 253,
        "main" => MAIN,
        "local" => LOCAL,
        other => number(other)?,
    })
}

/// The number of a protocol of routes; one without a known name is none of those that matter here.
pub(super) fn protocol(name: &str) -> Option<u8> {
    Some(match name {
        "unspec" => 0,
        "redirect" => 1,
        "kernel" => 2,
        "boot" => 3,
        "static" => 4,
        "gated" => 8,
        "ra" => 9,
        "mrt" => 10,
        "zebra" => 11,
        "bird" => 12,
        "dnrouted" => 13,
        "xorp" => 14,
        "ntk" => 15,
        "dhcp" => 16,
        "mrouted" => 17,
        "keepalived" => 18,
        "babel" => 42,
        "openr" => 99,
        "bgp" => 186,
        "isis" => 187,
        "ospf" => 188,
        "rip" => 189,
        "eigrp" => 192,
        // Of FRR: `rt_protos.d/frr.conf`.
        "nhrp" => 191,
        "ldp" => 193,
        "sharp" => 194,
        "pbr" => 195,
        "zstatic" => 196,
        "openfabric" => 197,
        "srte" => 198,
        other => number(other).unwrap_or(0),
    })
}

/// A type of route by its name.
pub(super) fn route_type(name: &str) -> Option<RouteType> {
    Some(match name {
        "unicast" => RouteType::Unicast,
        "local" => RouteType::Local,
        "broadcast" => RouteType::Broadcast,
        "anycast" => RouteType::Anycast,
        "multicast" => RouteType::Multicast,
        "blackhole" => RouteType::Blackhole,
        "unreachable" => RouteType::Unreachable,
        "prohibit" => RouteType::Prohibit,
        "throw" => RouteType::Throw,
        _ => return None,
    })
}

/// The number of an IP protocol of a selector, by its name in `/etc/protocols`.
pub(super) fn ip_protocol(name: &str) -> Option<u8> {
    Some(match name {
        "icmp" => 1,
        "igmp" => 2,
        "ipencap" => 4,
        "tcp" => 6,
        "udp" => 17,
        "dccp" => 33,
        "ipv6" => 41,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "ipv6-icmp" | "icmpv6" => 58,
        "ospf" | "ospfigp" => 89,
        "ipip" => 94,
        "pim" => 103,
        "ipcomp" | "comp" => 108,
        "vrrp" => 112,
        "l2tp" => 115,
        "sctp" => 132,
        "mobility-header" => 135,
        "udplite" => 136,
        other => number(other)?,
    })
}
