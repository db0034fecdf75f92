//! The state of one host at one moment: plain, serialisable data in the kernel's words.
//! Nothing here reads the system, decides anything, or knows how a report looks.
//!
//! A capture is this data as YAML. Fields may be added (with `#[serde(default)]`), but never renamed or given another type.

#![deny(clippy::disallowed_methods)]

mod algorithm;
pub mod charon_log;
pub mod cleared;
mod default;
pub mod filter;
pub mod host;
pub mod ike;
mod ip_tunnel;
pub mod link;
pub mod notification;
pub mod observed;
mod outer_queries;
pub mod policy;
pub mod queue;
pub mod recorded;
pub mod route;
pub mod sa;
pub mod short;
pub mod unsettled;
pub mod validation;
pub mod vyos;
pub mod vyos_rule;
pub mod xfrm;

use default::is_default;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

pub use algorithm::{Algorithm, AlgorithmKind};
pub use cleared::{Baseline, Cleared};
pub use host::{DeviceColumns, Host, KernelCounter, Sysctls};
pub use ip_tunnel::{IpTunnel, IpTunnelKind};
pub use link::{
    Address, Driver, Ipv4Configuration, Ipv6Configuration, Link, LinkKind, OperState, Statistics,
    VtiDevice, XfrmInterface,
};
pub use observed::{Missing, Observed, PART_OF_LINKS, Reason, Source};
pub use outer_queries::first_host;
pub use policy::{Action, DefaultPolicies, Policy, PolicyDirection, PolicyType, SpdInfo, Template};
pub use queue::Queue;
pub use route::{Neighbour, Route, RouteAnswer, RouteLookup, RouteQuery, RouteType, Rule};
pub use sa::{Direction, Encapsulation, Offload, ReplayState, Sa, SadInfo};
pub use unsettled::{Changed, Unsettled};
pub use validation::SourceValidation;
pub use xfrm::{Family, IfId, Lifetime, Limits, Mark, Mode, PortMask, ReqId, Selector, Spi};

/// Everything that was read of one host at one moment.
///
/// Lists are sorted (see [`Snapshot::sort`]), so that two captures of the same state are the same text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Wall-clock time at the start of the read: milliseconds since the Unix epoch.
    pub taken_at_ms: u64,
    /// Time since boot at the start of the read, in milliseconds (`/proc/uptime`); it does not jump.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Uptime as u8 }>"
    )]
    pub uptime_ms: Observed<u64>,
    /// Who and what the host is.
    pub host: Host,
    /// Sysctls that change what the transmit path does.
    #[serde(default)]
    pub sysctls: Sysctls,
    /// All links of this network namespace (RTM_GETLINK).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Links as u8 }>"
    )]
    pub links: Observed<Vec<Link>>,
    /// All addresses of this network namespace (RTM_GETADDR).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Addresses as u8 }>"
    )]
    pub addresses: Observed<Vec<Address>>,
    /// Policy routing rules of both families (RTM_GETRULE).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Rules as u8 }>"
    )]
    pub rules: Observed<Vec<Rule>>,
    /// Routes that leave through a VTI, and all routes of table 220 (RTM_GETROUTE dump, filtered).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Routes as u8 }>"
    )]
    pub routes: Observed<Vec<Route>>,
    /// The kernel's own answers to the questions of [`Snapshot::outer_queries`] (RTM_GETROUTE).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::RouteLookups as u8 }>"
    )]
    pub route_lookups: Observed<Vec<RouteLookup>>,
    /// Neighbours that are next hops of those answers (RTM_GETNEIGH dump, filtered).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Neighbours as u8 }>"
    )]
    pub neighbours: Observed<Vec<Neighbour>>,
    /// SAs (XFRM_MSG_GETSA dump), without any key material.
    #[serde(
        rename = "associations",
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::SecurityAssociations as u8 }>"
    )]
    pub sas: Observed<Vec<Sa>>,
    /// Policies of all directions (XFRM_MSG_GETPOLICY dump, main and sub).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::SecurityPolicies as u8 }>"
    )]
    pub policies: Observed<Vec<Policy>>,
    /// Which SAs and policies changed while they were read (the kernel's multicast messages).
    #[serde(default, skip_serializing_if = "Unsettled::is_empty")]
    pub unsettled: Unsettled,
    /// What happens to packets without a policy (XFRM_MSG_GETDEFAULT, `kernel::Change::DefaultPolicies`).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::DefaultPolicies as u8 }>"
    )]
    pub default_policies: Observed<DefaultPolicies>,
    /// Size of the SA database (XFRM_MSG_GETSADINFO).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::SadInfo as u8 }>"
    )]
    pub sad_info: Observed<SadInfo>,
    /// Size of the policy database (XFRM_MSG_GETSPDINFO).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::SpdInfo as u8 }>"
    )]
    pub spd_info: Observed<SpdInfo>,
    /// `/proc/net/xfrm_stat`; VyOS kernels are built without it.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::XfrmStatistics as u8 }>"
    )]
    pub xfrm_statistics: Observed<Vec<KernelCounter>>,
    /// `/proc/net/dev`: what operators see, and the fallback for counters.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::ProcNetDev as u8 }>"
    )]
    pub proc_net_dev: Observed<Vec<DeviceColumns>>,
    /// Counters of IP that show what becomes of packets behind a tunnel (`/proc/net/snmp`, `/proc/net/netstat`, `/proc/net/snmp6`), named as
    /// `nstat` names them; only those that a diagnosis uses.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::IpCounters as u8 }>"
    )]
    pub ip_counters: Observed<Vec<KernelCounter>>,
    /// The root qdiscs of devices that queue (RTM_GETQDISC dump, filtered).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Queues as u8 }>"
    )]
    pub queues: Observed<Vec<Queue>>,
    /// charon's connections, IKE_SAs and CHILD_SAs (VICI).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Charon as u8 }>"
    )]
    pub ike: Observed<ike::Ike>,
    /// VyOS's configuration.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Configuration as u8 }>"
    )]
    pub configuration: Observed<vyos::Configuration>,
    /// The state of VyOS's updown hook, see [`vyos::hook_entries`]. It is in a directory that every user may write to: a hint only. VyOS 1.3
    /// and 1.4 have no such file.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::HookState as u8 }>"
    )]
    pub hook_state: Observed<Vec<String>>,
    /// The last lines of charon and the updown hook in the system's log, oldest first. They contain text from peers.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::CharonLog as u8 }>"
    )]
    pub charon_log: Observed<Vec<String>>,
    /// The nftables rules by which VyOS validates sources (NFT_MSG_GETRULE dump, filtered).
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::SourceValidation as u8 }>"
    )]
    pub source_validation: Observed<Vec<SourceValidation>>,
    /// The rules of nftables (NFT_MSG_GETRULE and other dumps), as far as they decide over packets.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::PacketFilter as u8 }>"
    )]
    pub filter: Observed<filter::Ruleset>,
    /// What the recorder saw since boot.
    #[serde(
        with = "observed::field",
        default = "observed::not_in_capture::<_, { Source::Journal as u8 }>"
    )]
    pub recorded: Observed<recorded::Recorded>,
    /// Whether VPP runs here: `/run/vpp` exists.
    #[serde(default, skip_serializing_if = "is_default")]
    pub runs_vpp: bool,
    /// VTIs whose counters an operator of VyOS cleared, and their counters at that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleared: Vec<Cleared>,
    /// What was not read and is assumed, because texts seldom hold it: the detail says what is assumed. No finding is proven with it. A
    /// capture has none.
    #[serde(skip)]
    pub assumed: Vec<Missing>,
    /// Lists of a text that may have more than it shows: the command before them, or the prompt behind them, is not in it. No finding is proven
    /// with them, and that something is not in them is possible at most. A capture has none.
    #[serde(skip)]
    pub unbounded: Vec<Source>,
    /// Lists of a text that surely have more than it shows, but serve for what they show; of `DeviceConfiguration`, the kinds of links. A
    /// capture has none.
    #[serde(skip)]
    pub partial: Vec<Source>,
}

/// Whether an address is link-local: fe80::/10 or 169.254.0.0/16.
pub const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.is_unicast_link_local(),
    }
}

/// Whether packets of another host can be sent to an address: it is of more than one link, and not of this host alone.
pub const fn is_global(address: IpAddr) -> bool {
    !is_link_local(address) && !address.is_loopback()
}

/// An address as a sort key: the same order, but compared as a number. Long lists are sorted by it.
pub(crate) const fn rank(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(address) => (false, address.to_bits() as u128),
        IpAddr::V6(address) => (true, address.to_bits()),
    }
}

impl Snapshot {
    /// A snapshot in which nothing was read: each source is missing for the same reason. Readers fill in what they have read.
    pub fn unread(taken_at_ms: u64, host: Host, reason: Reason, detail: &str) -> Self {
        let missing = |source| Missing::new(source, reason, detail);
        Self {
            taken_at_ms,
            uptime_ms: Err(missing(Source::Uptime)),
            host,
            sysctls: Sysctls::unread(reason, detail),
            links: Err(missing(Source::Links)),
            addresses: Err(missing(Source::Addresses)),
            rules: Err(missing(Source::Rules)),
            routes: Err(missing(Source::Routes)),
            route_lookups: Err(missing(Source::RouteLookups)),
            neighbours: Err(missing(Source::Neighbours)),
            sas: Err(missing(Source::SecurityAssociations)),
            policies: Err(missing(Source::SecurityPolicies)),
            unsettled: Unsettled::default(),
            default_policies: Err(missing(Source::DefaultPolicies)),
            sad_info: Err(missing(Source::SadInfo)),
            spd_info: Err(missing(Source::SpdInfo)),
            xfrm_statistics: Err(missing(Source::XfrmStatistics)),
            proc_net_dev: Err(missing(Source::ProcNetDev)),
            ip_counters: Err(missing(Source::IpCounters)),
            queues: Err(missing(Source::Queues)),
            ike: Err(missing(Source::Charon)),
            configuration: Err(missing(Source::Configuration)),
            hook_state: Err(missing(Source::HookState)),
            charon_log: Err(missing(Source::CharonLog)),
            source_validation: Err(missing(Source::SourceValidation)),
            filter: Err(missing(Source::PacketFilter)),
            recorded: Err(missing(Source::Journal)),
            runs_vpp: false,
            cleared: Vec::new(),
            assumed: Vec::new(),
            unbounded: Vec::new(),
            partial: Vec::new(),
        }
    }

    /// Puts every list into its one stable order.
    pub fn sort(&mut self) {
        fn by<T, K: Ord>(list: &mut Observed<Vec<T>>, key: impl Fn(&T) -> K) {
            if let Ok(list) = list {
                // Entries are large: each is moved once.
                list.sort_by_cached_key(key);
            }
        }
        by(&mut self.links, |l| l.ifindex);
        by(&mut self.addresses, |a| (a.ifindex, rank(a.prefix.addr()), a.prefix.prefix_len()));
        by(&mut self.rules, |r| (r.family, r.priority, r.table));
        let to = |r: &Route| (rank(r.destination.addr()), r.destination.prefix_len());
        by(&mut self.routes, |r| (r.table, to(r), r.metric, r.oif));
        by(&mut self.route_lookups, |l| l.query.clone());
        by(&mut self.neighbours, |n| (n.ifindex, rank(n.address)));
        by(&mut self.sas, |a| (rank(a.source), rank(a.destination), a.protocol, a.spi));
        by(&mut self.policies, |p| (p.direction, p.priority, p.index));
        self.unsettled.changed.sort();
        by(&mut self.xfrm_statistics, |c| c.name.clone());
        by(&mut self.proc_net_dev, |d| d.name.clone());
        by(&mut self.ip_counters, |c| c.name.clone());
        by(&mut self.queues, |q| q.ifindex);
        by(&mut self.source_validation, SourceValidation::clone);
        self.cleared.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// The state of each source of a snapshot, in the order of [`Source::ALL`]. Cleared counters are listed only if reading them failed: few
    /// systems are VyOS, and few interfaces were cleared.
    pub fn sources(&self) -> Vec<(Source, Option<&Missing>)> {
        let mut sources = vec![
            (Source::Links, self.links.as_ref().err()),
            (Source::Addresses, self.addresses.as_ref().err()),
            (Source::Rules, self.rules.as_ref().err()),
            (Source::Routes, self.routes.as_ref().err()),
            (Source::RouteLookups, self.route_lookups.as_ref().err()),
            (Source::Neighbours, self.neighbours.as_ref().err()),
            (Source::SecurityAssociations, self.sas.as_ref().err()),
            (Source::SecurityPolicies, self.policies.as_ref().err()),
            (Source::DefaultPolicies, self.default_policies.as_ref().err()),
            (Source::SadInfo, self.sad_info.as_ref().err()),
            (Source::SpdInfo, self.spd_info.as_ref().err()),
            (Source::XfrmStatistics, self.xfrm_statistics.as_ref().err()),
            (Source::ProcNetDev, self.proc_net_dev.as_ref().err()),
            (Source::IpCounters, self.ip_counters.as_ref().err()),
            (Source::Queues, self.queues.as_ref().err()),
            (Source::LarvalDrop, self.sysctls.xfrm_larval_drop.as_ref().err()),
            (Source::AcqExpires, self.sysctls.xfrm_acq_expires.as_ref().err()),
            (Source::AllDisableXfrm, self.sysctls.all_disable_xfrm.as_ref().err()),
            (Source::AllDisablePolicy, self.sysctls.all_disable_policy.as_ref().err()),
            (Source::RpFilter, self.sysctls.all_rp_filter.as_ref().err()),
            (Source::Uptime, self.uptime_ms.as_ref().err()),
            (Source::Charon, self.ike.as_ref().err()),
            (Source::Configuration, self.configuration.as_ref().err()),
            (Source::HookState, self.hook_state.as_ref().err()),
            (Source::CharonLog, self.charon_log.as_ref().err()),
            (Source::SourceValidation, self.source_validation.as_ref().err()),
            (Source::PacketFilter, self.filter.as_ref().err()),
            (Source::Journal, self.recorded.as_ref().err()),
        ];
        let unread = self.cleared.iter().filter_map(|cleared| cleared.baseline.as_ref().err());
        sources.extend(unread.map(|missing| (Source::Cleared, Some(missing))));
        sources
    }

    /// Visits each source that is missing, to say more of why.
    pub fn each_missing(&mut self, mut visit: impl FnMut(&mut Missing)) {
        let Sysctls {
            xfrm_larval_drop,
            xfrm_acq_expires,
            all_disable_xfrm,
            all_disable_policy,
            all_rp_filter,
        } = &mut self.sysctls;
        let missing = [
            self.uptime_ms.as_mut().err(),
            xfrm_larval_drop.as_mut().err(),
            xfrm_acq_expires.as_mut().err(),
            all_disable_xfrm.as_mut().err(),
            all_disable_policy.as_mut().err(),
            all_rp_filter.as_mut().err(),
            self.links.as_mut().err(),
            self.addresses.as_mut().err(),
            self.rules.as_mut().err(),
            self.routes.as_mut().err(),
            self.route_lookups.as_mut().err(),
            self.neighbours.as_mut().err(),
            self.sas.as_mut().err(),
            self.policies.as_mut().err(),
            self.default_policies.as_mut().err(),
            self.sad_info.as_mut().err(),
            self.spd_info.as_mut().err(),
            self.xfrm_statistics.as_mut().err(),
            self.proc_net_dev.as_mut().err(),
            self.ip_counters.as_mut().err(),
            self.queues.as_mut().err(),
            self.ike.as_mut().err(),
            self.configuration.as_mut().err(),
            self.hook_state.as_mut().err(),
            self.charon_log.as_mut().err(),
            self.source_validation.as_mut().err(),
            self.filter.as_mut().err(),
            self.recorded.as_mut().err(),
        ];
        missing.into_iter().flatten().for_each(&mut visit);
        self.assumed.iter_mut().for_each(visit);
    }

    /// The value of a counter of IP, by `nstat`'s name; missing where the kernel has no such counter.
    pub fn ip_counter(&self, name: &str) -> Observed<u64> {
        let counters = self.ip_counters.as_ref().map_err(Clone::clone)?;
        let absent = || {
            let detail = format!("this kernel has no counter {name}");
            Missing::new(Source::IpCounters, Reason::Absent, detail)
        };
        counters.iter().find(|c| c.name == name).map(|c| c.value).ok_or_else(absent)
    }

    /// The value of a counter of `/proc/net/xfrm_stat`; missing where the kernel has no such counter.
    pub fn xfrm_counter(&self, name: &str) -> Observed<u64> {
        let counters = self.xfrm_statistics.as_ref().map_err(Clone::clone)?;
        let absent = || {
            Missing::new(
                Source::XfrmStatistics,
                Reason::Absent,
                format!("this kernel has no counter {name}"),
            )
        };
        counters.iter().find(|c| c.name == name).map(|c| c.value).ok_or_else(absent)
    }

    /// The time from `earlier` to this snapshot in milliseconds: by uptime where both have it, else by the wall clock.
    pub fn milliseconds_since(&self, earlier: &Snapshot) -> u64 {
        match (&self.uptime_ms, &earlier.uptime_ms) {
            (Ok(now), Ok(then)) => now.saturating_sub(*then),
            _ => self.taken_at_ms.saturating_sub(earlier.taken_at_ms),
        }
    }
}
