//! Routes, rules and neighbours, and the questions about the outer route that the kernel asks for each SA.
//! The answers are the kernel's own: this program does not walk routing tables for the outer packet.

use super::default::is_default;
use super::xfrm::{Family, Mark};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// RTN_*: what a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum RouteType {
    Unicast,
    Local,
    Broadcast,
    Anycast,
    Multicast,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
    /// A number that this program does not know.
    Other(u8),
}

/// One route (RTM_NEWROUTE); a multipath route is one of these for each next hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// RTA_DST; the default route is 0.0.0.0/0 or ::/0.
    pub destination: IpNet,
    /// RTA_TABLE: 254 main, 255 local, 220 charon's.
    pub table: u32,
    /// rtm_type.
    #[serde(rename = "type")]
    pub route_type: RouteType,
    /// rtm_protocol: 2 kernel, 3 boot, 4 static, 186 bgp …
    pub protocol: u8,
    /// RTA_OIF; none on a blackhole or another route without a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oif: Option<u32>,
    /// RTA_GATEWAY or RTA_VIA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// RTA_PRIORITY.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metric: u32,
    /// RTA_PREFSRC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_source: Option<IpAddr>,
    /// RTNH_F_DEAD or RTNH_F_LINKDOWN on the next hop: not used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dead: bool,
}

/// The table that charon installs routes in, unless its option `routing_table` says otherwise.
pub const CHARON_TABLE: u32 = 220;
/// `FR_ACT_TO_TBL` (`linux/fib_rules.h`): a rule that looks up its table.
pub const FR_ACT_TO_TBL: u8 = 1;

/// One policy routing rule (RTM_NEWRULE).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// AF_INET or AF_INET6.
    pub family: Family,
    /// FRA_PRIORITY: the lowest is looked up first.
    pub priority: u32,
    /// FR_ACT_*: 1 to a table, 6 blackhole, 7 unreachable, 8 prohibit.
    pub action: u8,
    /// FRA_TABLE.
    pub table: u32,
    /// FRA_SRC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpNet>,
    /// FRA_DST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<IpNet>,
    /// FRA_FWMARK and FRA_FWMASK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fwmark: Mark,
    /// FRA_IIFNAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iif: Option<String>,
    /// FRA_OIFNAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oif: Option<String>,
    /// FRA_L3MDEV: use the table of the VRF.
    #[serde(default, skip_serializing_if = "is_default")]
    pub l3mdev: bool,
    /// FIB_RULE_INVERT.
    #[serde(default, skip_serializing_if = "is_default")]
    pub invert: bool,
}

/// One question to the kernel: how would a packet of this host go to `destination`?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteQuery {
    /// Destination address.
    pub destination: IpAddr,
    /// Source address; none lets the kernel choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// RTA_MARK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mark: u32,
    /// RTA_OIF: ifindex of the VRF (l3mdev master) to look in, or of the device that an IP tunnel is bound to; none for the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<u32>,
}

/// A question and the kernel's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteLookup {
    /// The question.
    pub query: RouteQuery,
    /// The answer.
    pub answer: RouteAnswer,
}

/// The kernel's answer to a [`RouteQuery`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum RouteAnswer {
    /// A route.
    Route {
        /// rtm_type: unicast, or local if the destination is this host.
        #[serde(rename = "type")]
        route_type: RouteType,
        /// RTA_OIF.
        oif: u32,
        /// RTA_GATEWAY or RTA_VIA; none if on-link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway: Option<IpAddr>,
        /// RTA_PREFSRC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<IpAddr>,
        /// RTA_TABLE.
        table: u32,
        /// RTAX_MTU, where the route (or a learned path MTU) sets one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mtu: Option<u32>,
    },
    /// The lookup failed: NLMSG_ERROR with this errno (positive, 101 ENETUNREACH …).
    Error {
        /// errno.
        errno: i32,
    },
}

/// One neighbour (RTM_NEWNEIGH).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The interface it is on.
    pub ifindex: u32,
    /// NDA_DST.
    pub address: IpAddr,
    /// NUD_* bits: 0x01 incomplete, 0x02 reachable, 0x04 stale, 0x08 delay, 0x10 probe, 0x20 failed, 0x40 noarp, 0x80 permanent.
    pub state: u16,
}

/// States of a neighbour (`linux/neighbour.h`): no answer yet; answers; answered before; no answer at all.
const NUD_INCOMPLETE: u16 = 0x01;
const NUD_REACHABLE: u16 = 0x02;
const NUD_STALE: u16 = 0x04;
const NUD_FAILED: u16 = 0x20;

impl Neighbour {
    /// It has answered the kernel some time ago, and is not asked in vain now (NUD_REACHABLE or NUD_STALE).
    pub const fn has_answered(&self) -> bool {
        self.state & (NUD_REACHABLE | NUD_STALE) != 0
    }

    /// It has not answered the kernel (NUD_INCOMPLETE or NUD_FAILED).
    pub const fn is_unresolved(&self) -> bool {
        self.state & (NUD_INCOMPLETE | NUD_FAILED) != 0
    }
}

impl Rule {
    /// Whether it sends packets with some mark to a table.
    pub const fn is_on_a_mark(&self) -> bool {
        self.action == FR_ACT_TO_TBL && self.fwmark.mask != 0 && self.fwmark.value != 0
    }

    /// Whether the rule makes the kernel look up `table`.
    pub const fn looks_up(&self, table: u32) -> bool {
        self.action == FR_ACT_TO_TBL && self.table == table
    }
}
