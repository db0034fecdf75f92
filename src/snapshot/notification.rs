//! The kernel's multicast messages about changes (rtnetlink and XFRM), as values.
//! They are never part of a capture, but what the recorder makes of them is (`recorded`).

use super::{Address, Link, Policy, Route, Sa, Statistics};

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Notification {
    /// XFRM_MSG_NEWSA.
    SaAdded(Sa),
    /// XFRM_MSG_UPDSA: an SA that replaces the larval one of its SPI, as key daemons install those that they receive with, or other
    /// parameters of an SA. The counters are those of the request, not those of the SA (`xfrm_add_sa()`).
    SaUpdated(Sa),
    /// XFRM_MSG_DELSA: with the last counters of the SA.
    SaDeleted(Sa),
    /// XFRM_MSG_EXPIRE, hard: the kernel has deleted the SA.
    SaExpired(Sa),
    /// XFRM_MSG_FLUSHSA: all SAs of this protocol, of all where it is 0 or 255. No message names the single SAs.
    SasFlushed(u8),
    /// XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY.
    PolicyAdded(Policy),
    /// XFRM_MSG_DELPOLICY; XFRM_MSG_POLEXPIRE, hard.
    PolicyDeleted(Policy),
    /// XFRM_MSG_FLUSHPOLICY: all policies, as the above.
    PoliciesFlushed,
    /// RTM_NEWLINK: created, or changed in any way.
    LinkChanged(Link),
    /// RTM_DELLINK.
    LinkDeleted {
        /// ifi_index.
        ifindex: u32,
        /// IFLA_IFNAME.
        name: String,
        /// IFLA_STATS64: its final counters.
        statistics: Option<Statistics>,
    },
    /// RTM_NEWADDR.
    AddressAdded(Address),
    /// RTM_DELADDR.
    AddressDeleted(Address),
    /// RTM_NEWROUTE: once for each next hop.
    RouteAdded(Route),
    /// RTM_DELROUTE: once for each next hop.
    RouteDeleted(Route),
}
