//! What the parsers of formats return: one thing that a command prints, with names where the snapshot has numbers of interfaces. Plain
//! data.

use crate::snapshot::filter::{Chain, Set, TableFamily};
use crate::snapshot::ike::{Connection, IkeSa, Trap};
use crate::snapshot::xfrm::Selector;
use crate::snapshot::{
    Address, DefaultPolicies, DeviceColumns, KernelCounter, Link, LinkKind, Neighbour, Policy,
    Queue, Route, RouteAnswer, Rule, Sa, SadInfo, SpdInfo, Statistics,
};
use std::net::IpAddr;

/// One thing that a text says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    /// `date`: milliseconds since 1970, as if it were in UTC.
    Date(u64),
    /// `uname -a` or `-r`: the name of the host, which `-r` does not print, and the release.
    Uname { host: Option<String>, release: String },
    /// The version of VyOS.
    VyosVersion(String),
    /// A link, boxed for its size.
    Link(Box<NamedLink>),
    /// A tunnel as `ip tunnel` prints it, boxed for its size.
    Tunnel(Box<NamedTunnel>),
    /// An address of the interface with this name.
    Address(String, Address),
    /// A route.
    Route(NamedRoute),
    /// The kernel's answer to a question about a route, boxed for its size.
    RouteAnswer(Box<NamedAnswer>),
    /// A routing rule.
    Rule(Rule),
    /// A neighbour on the interface with this name.
    Neighbour(String, Neighbour),
    /// The root qdisc of the interface with this name.
    Queue(String, Queue),
    /// An SA.
    Sa(Box<NamedSa>),
    /// A policy.
    Policy(Box<NamedPolicy>),
    /// `ip xfrm policy getdefault`.
    DefaultPolicies(DefaultPolicies),
    /// This `ip` can neither show nor change the default policies.
    NoSetDefault,
    /// `ip -s xfrm state count`.
    SadInfo(SadInfo),
    /// `ip -s xfrm policy count`.
    SpdInfo(SpdInfo),
    /// A row of `/proc/net/dev`.
    Row(DeviceColumns),
    /// A counter of `/proc/net/xfrm_stat`, or of nstat.
    Counter(KernelCounter),
    /// An IKE_SA of charon.
    IkeSa(Box<IkeSa>),
    /// A connection of charon.
    Connection(Box<Connection>),
    /// A CHILD configuration with trap policies.
    Trap(Trap),
    /// A CHILD configuration with trap policies, without the name of its connection.
    RoutedChild(String),
    /// `swanctl --stats` printed nothing, or swanctl was stopped while it waited: charon did not answer it.
    DaemonSilent,
    /// The entries of VyOS's updown hook.
    HookState(Vec<String>),
    /// libreswan's daemon answered.
    Pluto,
    /// A row of VyOS's table of IKE_SAs.
    VyosIke(VyosIke),
    /// VyOS's table of CHILD_SAs begins: it may have no row.
    VyosChildren,
    /// A row of it.
    VyosChild(VyosChild),
    /// Since when charon runs, in its own words.
    DaemonSince(String),
    /// charon and its version.
    DaemonVersion(String),
    /// swanctl could not connect to charon: its socket does not exist, or no process listens on it.
    DaemonGone { exists: bool },
    /// A line of the configuration of VyOS behind `set`: its words.
    Set(Vec<String>),
    /// A line of charon's log.
    LogLine(String),
    /// A table of nftables, boxed for its size.
    FilterTable(Box<FilterTable>),
    /// A sysctl, with dots in the place of its slashes, and its value.
    Sysctl { key: String, value: i64 },
}

/// A link as text: other interfaces by name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedLink {
    /// What it is; the numbers of other interfaces are 0. Without `-d`, the kind is unknown.
    pub link: Link,
    /// Whether the text says of which kind it is.
    pub has_kind: bool,
    /// `link/ether`, `link/none`, …: the type of its addresses.
    pub link_type: String,
    /// Whether the text shows each error counter (`-s -s`), not only their sums.
    pub has_errors: bool,
    /// `master`.
    pub master: Option<String>,
    /// The interface behind the `@` of the name, or after `dev`.
    pub lower: Option<String>,
    /// Counters of any device: those of one that is no VTI, too.
    pub statistics: Option<Statistics>,
}

/// What `ip tunnel` says of a device.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedTunnel {
    pub name: String,
    /// What it is, where it is surely a VTI; the number of another interface is 0.
    pub kind: Option<LinkKind>,
    /// The interface after `dev`.
    pub lower: Option<String>,
    /// Its counters.
    pub row: Option<DeviceColumns>,
}

/// An IKE_SA in a table of VyOS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VyosIke {
    pub is_up: bool,
    pub version: u64,
    pub remote_host: String,
    /// Empty where the table has none.
    pub remote_id: String,
    pub local_host: String,
    pub nat: bool,
    pub established_seconds: Option<u64>,
}

/// A CHILD_SA in a table of VyOS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VyosChild {
    pub name: String,
    pub is_up: bool,
    pub installed_seconds: Option<u64>,
    pub remote_host: Option<String>,
}

/// What a table of nftables has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FilterTable {
    pub family: TableFamily,
    pub name: String,
    /// Its chains; none where it is dormant.
    pub chains: Vec<Chain>,
    /// The sets that their rules use.
    pub sets: Vec<Set>,
}

/// A route as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedRoute {
    /// The route; `oif` is none.
    pub route: Route,
    /// `dev`.
    pub device: Option<String>,
    /// `mtu`.
    pub mtu: Option<u32>,
    /// It is one of several next hops of its route.
    pub is_multipath: bool,
}

/// What the kernel answered to `ip route get`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedAnswer {
    /// The question: its destination, source, mark and VRF.
    pub destination: IpAddr,
    pub source: Option<IpAddr>,
    pub mark: u32,
    pub vrf: Option<String>,
    /// It was asked for a packet of this host.
    pub is_of_host: bool,
    /// `dev`.
    pub device: Option<String>,
    /// The answer; the number of its interface is 0.
    pub answer: RouteAnswer,
}

/// An SA as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedSa {
    /// The SA; the numbers of interfaces are 0.
    pub sa: Sa,
    /// `crypto offload parameters: dev`.
    pub offload: Option<String>,
    /// `sel … dev`.
    pub device: Option<String>,
}

/// A policy as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedPolicy {
    /// The policy; the number of its interface is 0.
    pub policy: Policy,
    /// Whether the text has its index (`-s`).
    pub has_index: bool,
    /// `dev` of its selector.
    pub device: Option<String>,
}

/// A selector and the interface that it names.
pub(super) type NamedSelector = (Selector, Option<String>);
