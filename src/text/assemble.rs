//! From the parts of all texts to one or two snapshots: names of interfaces become numbers, and what the texts do not hold is missing. What
//! every kernel has until somebody changes it, and what texts seldom show, is assumed, and listed as assumed.

use super::entry::Entry;
use super::filter::Filter;
use super::ike::Daemon;
use super::interfaces::Interfaces;
use super::lists::{counters_of, cut, ip_counters_of, queues_of, rows_of};
use super::moments::{Entries, Moments};
use super::settings::Settings;
use super::split::Table;
use super::vyos_tables::{COUNTERS, INTERFACES};
use super::{
    configuration, defaults, extent, ike, libreswan, lists, lookups, nft, qdisc, routes, rules,
    samples, tunnel, typed,
};
use crate::snapshot::{Host, Link, Missing, Policy, Reason, Sa, Snapshot, Source};
use std::collections::BTreeSet;

/// All formats of all texts, by moment.
pub(super) struct Everything<'a> {
    tables: Vec<&'a Table<'a>>,
    dates: Moments<'a>,
    unames: Moments<'a>,
    versions: Moments<'a>,
    interfaces: Interfaces<'a>,
    /// Formats of which a text has lines that are cut or changed.
    torn: BTreeSet<&'static str>,
    routes: Moments<'a>,
    /// What the kernel answered to `ip route get`.
    answers: Moments<'a>,
    rules: Moments<'a>,
    neighbours: Moments<'a>,
    queues: Moments<'a>,
    sas: Moments<'a>,
    policies: Moments<'a>,
    defaults: Moments<'a>,
    counts: Moments<'a>,
    rows: Moments<'a>,
    ifconfig: Moments<'a>,
    /// VyOS's own table of counters.
    counted: Moments<'a>,
    counters: Moments<'a>,
    sysctls: Moments<'a>,
    filter: Filter<'a>,
    ike: Daemon<'a>,
    configuration: Moments<'a>,
}

/// Which of two moments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    Before,
}

impl<'a> Everything<'a> {
    /// The tables of all texts, in the order in which they were given.
    pub(super) fn of(tables: Vec<&'a Table<'a>>, torn: BTreeSet<&'static str>) -> Self {
        let moments = |format: &str, key: fn(&Entry) -> Option<String>| {
            Moments::of(tables.iter().copied(), format, key)
        };
        let none = |_: &Entry| None;
        let sas = samples::of(&tables, "xfrm state", |entry| match entry {
            Entry::Sa(named) if !named.sa.is_larval() => Some(!named.sa.uncounted),
            _ => None,
        });
        let policies = samples::of(&tables, "xfrm policy", |entry| match entry {
            Entry::Policy(named) => Some(named.has_index),
            _ => None,
        });
        // Of the lists of charon, those that are whole, where there is one.
        let daemon = |format: &str, key: fn(&Entry) -> Option<String>| {
            Moments::of(samples::of(&tables, format, |_| None).into_iter(), format, key)
        };
        Self {
            dates: moments("date", |_| Some(String::new())),
            unames: moments("uname", none),
            versions: moments("show version", none),
            interfaces: Interfaces::of(
                moments(INTERFACES, none),
                moments(tunnel::FORMAT, |entry| match entry {
                    Entry::Tunnel(named) if named.row.is_some() => Some(named.name.clone()),
                    _ => None,
                }),
                &tables,
                torn.contains("ip link"),
            ),
            routes: moments("ip route", none),
            answers: moments(typed::ROUTE_GET, none),
            rules: Moments::of(rules::whole(&tables).into_iter(), "ip rule", none),
            neighbours: moments("ip neighbour", none),
            queues: moments(qdisc::FORMAT, |entry| match entry {
                Entry::Queue(device, _) => Some(device.clone()),
                _ => None,
            }),
            sas: Moments::of(sas.into_iter(), "xfrm state", |entry| match entry {
                Entry::Sa(named) if named.sa.spi.0 != 0 => {
                    let Sa { destination, protocol, spi, mark, .. } = &named.sa;
                    Some(format!("{destination} {protocol} {spi} {mark}"))
                }
                _ => None,
            }),
            policies: Moments::of(policies.into_iter(), "xfrm policy", |entry| match entry {
                // Each socket of a key daemon has the same ones, which without their index cannot be told apart.
                Entry::Policy(named) if named.policy.direction.is_of_socket() => None,
                Entry::Policy(named) => {
                    let Policy {
                        direction, priority, selector, mark, if_id, templates, index, ..
                    } = &named.policy;
                    Some(format!(
                        "{direction:?} {priority} {selector:?} {mark} {if_id} {templates:?} {index} {:?}",
                        named.device
                    ))
                }
                _ => None,
            }),
            defaults: moments("xfrm policy getdefault", none),
            counts: moments("xfrm count", none),
            rows: moments("/proc/net/dev", |entry| match entry {
                Entry::Row(row) => Some(row.name.clone()),
                _ => None,
            }),
            ifconfig: moments("ifconfig", |entry| match entry {
                Entry::Row(row) => Some(row.name.clone()),
                _ => None,
            }),
            counted: moments(COUNTERS, |entry| match entry {
                Entry::Row(row) => Some(row.name.clone()),
                _ => None,
            }),
            counters: moments("XFRM counters", |entry| match entry {
                Entry::Counter(counter) => Some(counter.name.clone()),
                _ => None,
            }),
            sysctls: moments("sysctl", none),
            filter: Filter::of(&tables),
            ike: Daemon::of(
                &daemon,
                ike::FORMATS.iter().any(|format| torn.contains(format)),
                &tables,
            ),
            configuration: moments("VyOS configuration", none),
            torn,
            tables,
        }
    }

    /// One snapshot, or two where something that counts is there twice; the oldest first.
    pub(super) fn snapshots(&self) -> Vec<Snapshot> {
        let counts = [
            &self.interfaces.moments,
            &self.sas,
            &self.rows,
            &self.counters,
            &self.policies,
            &self.filter.moments,
            &self.counted,
            &self.queues,
            self.interfaces.tunnels(),
        ];
        let is_twice = |moments: &&Moments<'_>| moments.all.len() > 1;
        let now = self.snapshot(When::Now);
        let before = counts.iter().any(is_twice).then(|| self.snapshot(When::Before));
        before.into_iter().chain([now]).collect()
    }

    /// The entries of a format at a moment. What counts and is there once is of now; everything else is of both.
    fn at<'b>(
        &self,
        moments: &'b Moments<'a>,
        when: When,
        counts: bool,
    ) -> Option<&'b Entries<'a>> {
        match (when, moments.before()) {
            (When::Now, _) => moments.now(),
            (When::Before, Some(before)) => Some(before),
            (When::Before, None) if counts => None,
            (When::Before, None) => moments.now(),
        }
    }

    fn snapshot(&self, when: When) -> Snapshot {
        let mut now = Snapshot::unread(0, self.host(), Reason::NotInText, "");
        let index = |name: &str| self.interfaces.index(name);
        let settings = Settings::of(self.at(&self.sysctls, when, false));
        let links = &self.interfaces.moments;
        if let Some(entries) = self.at(links, when, false) {
            // Counters that are there once are of now.
            let counts = when == When::Now || links.all.len() > 1;
            self.interfaces.fill(&mut now, entries, (counts, when == When::Now), &settings);
        }
        // ifconfig prints the numbers of `/proc/net/dev`.
        let rows = [&self.rows, &self.ifconfig].into_iter().find(|rows| !rows.all.is_empty());
        if let Some(rows) = rows.and_then(|rows| self.at(rows, when, true)) {
            now.proc_net_dev = Ok(rows_of(rows));
        }
        if let Some(counters) = self.at(&self.counters, when, true) {
            now.xfrm_statistics = counters_of(counters)
                .ok_or_else(|| Missing::new(Source::XfrmStatistics, Reason::NotInText, ""));
            now.ip_counters = ip_counters_of(counters)
                .ok_or_else(|| Missing::new(Source::IpCounters, Reason::NotInText, ""));
        }
        self.read_table(&mut now, when);
        now.addresses = self.interfaces.addresses();
        let rules = self.at(&self.rules, when, false);
        if let Some(rules) = rules::of(rules, &self.tables, self.torn.contains("ip rule")) {
            now.rules = rules;
        }
        if let Some(entries) = self.at(&self.queues, when, true) {
            now.queues = queues_of(entries, index, self.torn.contains(qdisc::FORMAT));
        }
        self.read_xfrm(&mut now, when, &index);
        now.taken_at_ms = self.time(when, &now);
        if let Some(entries) = self.at(&self.defaults, when, false) {
            let found = entries.iter().find_map(|entry| match entry {
                Entry::DefaultPolicies(found) => Some(*found),
                _ => None,
            });
            // An `ip` that does not know them has not changed them, though another one may have.
            let reason = match entries.contains(&&Entry::NoSetDefault) {
                true => Reason::Absent,
                false => Reason::NotInText,
            };
            now.default_policies =
                found.ok_or_else(|| Missing::new(Source::DefaultPolicies, reason, ""));
        }
        for entry in self.at(&self.counts, when, false).into_iter().flatten() {
            match entry {
                Entry::SadInfo(info) => now.sad_info = Ok(*info),
                Entry::SpdInfo(info) => now.spd_info = Ok(*info),
                _ => {}
            }
        }
        if when == When::Now || self.counts.all.len() > 1 {
            lists::hold_against_counts(&mut now);
        }
        let is_torn = self.torn.contains(nft::FORMAT);
        self.filter.fill(&mut now, self.at(&self.filter.moments, when, true), is_torn);
        self.ike.fill(&mut now, when == When::Now);
        let is_part = |table: &&&Table<'_>| configuration::is_part(table.typed);
        let of = self.tables.iter().filter(|table| table.format == "VyOS configuration");
        if of.clone().count() > of.filter(is_part).count() {
            let lines = self.at(&self.configuration, when, false).into_iter().flatten();
            now.configuration = Ok(configuration::of(lines.copied()));
        }
        settings.fill(&mut now);
        defaults::assume(&mut now);
        self.read_routes(&mut now, when, &index);
        now.unbounded = extent::unbounded(&self.tables);
        now.sort();
        now.assumed.sort();
        now.assumed.dedup();
        now
    }

    /// The counters of `ip tunnel`, or VyOS's table of counters, where nothing says them exactly.
    fn read_table(&self, now: &mut Snapshot, when: When) {
        let of = |moments| self.at(moments, when, true).map(rows_of).unwrap_or_default();
        let rows = of(&self.counted);
        if self.interfaces.has_table() {
            let detail =
                "`show interfaces` leaves out link-local addresses: `ip address show` shows them";
            now.assumed.push(Missing::new(Source::Addresses, Reason::NotInText, detail));
        }
        let tunnels = of(self.interfaces.tunnels());
        let is_counted = |links: &Vec<Link>| links.iter().any(|link| link.statistics.is_some());
        if !tunnels.is_empty()
            && now.proc_net_dev.is_err()
            && !now.links.as_ref().is_ok_and(is_counted)
        {
            now.proc_net_dev = Ok(tunnels);
            let detail = "drops of received packets and aborted errors are taken to be 0: `ip -s -s link show` shows them";
            now.assumed.push(Missing::new(Source::ProcNetDev, Reason::NotInText, detail));
        } else if !rows.is_empty() && now.proc_net_dev.is_err() {
            now.proc_net_dev = Ok(rows);
            let detail = "errors that `show interfaces counters` does not count are taken to be 0: `ip -s -s link show` shows them";
            now.assumed.push(Missing::new(Source::ProcNetDev, Reason::NotInText, detail));
        }
    }

    fn host(&self) -> Host {
        let mut host = Host {
            hostname: String::new(),
            kernel_release: String::new(),
            vyos_version: None,
            pluto: self.tables.iter().any(|table| table.format == libreswan::FORMAT),
        };
        for entry in self.unames.all.iter().chain(&self.versions.all).flatten() {
            match entry {
                Entry::Uname { host: name, release } => {
                    host.hostname = name.clone().unwrap_or(host.hostname);
                    host.kernel_release.clone_from(release);
                }
                Entry::VyosVersion(version) => host.vyos_version = Some(version.clone()),
                _ => {}
            }
        }
        host
    }

    fn read_xfrm(&self, now: &mut Snapshot, when: When, index: &dyn Fn(&str) -> Option<u32>) {
        let is_part = |format: &str| {
            let of = self.tables.iter().filter(|table| table.format == format);
            of.clone().count() > 0 && of.clone().all(|table| table.is_filtered())
        };
        let part = |source, command: &str| {
            Missing::new(
                source,
                Reason::NotInText,
                format!("only some are in the text: `{command}` shows all"),
            )
        };
        if let Some(entries) = self.at(&self.sas, when, true) {
            let mut has_counters = true;
            let sas = entries.iter().filter_map(|entry| {
                let Entry::Sa(named) = entry else { return None };
                has_counters &= !named.sa.uncounted || named.sa.is_larval();
                let mut sa = named.sa.clone();
                sa.selector.ifindex = named.device.as_deref().and_then(index).unwrap_or(0);
                if let (Some(offload), Some(name)) = (&mut sa.offload, &named.offload) {
                    offload.ifindex = index(name).unwrap_or(0);
                }
                Some(sa)
            });
            now.sas = Ok(sas.collect());
            if !has_counters {
                let detail = "counters and limits of the SAs are not in the text: `ip -s xfrm state list nokeys` shows them";
                now.assumed.push(Missing::new(
                    Source::SecurityAssociations,
                    Reason::NotInText,
                    detail,
                ));
            }
            if self.torn.contains("xfrm state") {
                now.sas = Err(cut(Source::SecurityAssociations));
            } else if is_part("xfrm state") {
                now.sas = Err(part(Source::SecurityAssociations, "ip -s xfrm state list nokeys"));
            }
        }
        if let Some(entries) = self.at(&self.policies, when, false) {
            let count = entries.len();
            let policies = entries.iter().enumerate().filter_map(|(n, entry)| {
                let Entry::Policy(named) = entry else { return None };
                let mut policy = named.policy.clone();
                policy.selector.ifindex = named.device.as_deref().and_then(index).unwrap_or(0);
                if !named.has_index {
                    // The kernel shows the newest first, and a policy that is older wins at the same priority.
                    policy.index = u32::try_from((count - n) * 8).unwrap_or(u32::MAX);
                }
                Some(policy)
            });
            now.policies = Ok(policies.collect());
            if self.torn.contains("xfrm policy") {
                now.policies = Err(cut(Source::SecurityPolicies));
            } else if is_part("xfrm policy") {
                now.policies = Err(part(Source::SecurityPolicies, "ip -s xfrm policy list"));
            }
        }
    }

    fn read_routes(&self, now: &mut Snapshot, when: When, index: &dyn Fn(&str) -> Option<u32>) {
        if let Some(entries) = self.at(&self.neighbours, when, false) {
            now.neighbours = Ok(routes::neighbours(entries, index));
        }
        let answers = self.at(&self.answers, when, false).into_iter().flatten();
        let answers = answers.filter_map(|entry| lookups::answered(entry, index)).collect();
        let entries = self.at(&self.routes, when, false);
        let texts = routes::Texts {
            entries,
            answers,
            tables: &self.tables,
            is_torn: self.torn.contains("ip route"),
        };
        texts.fill(now, index);
    }

    /// The time of a moment: what `date` said, or else the newest time that the SAs and policies have, before which it cannot have been.
    fn time(&self, when: When, now: &Snapshot) -> u64 {
        let date = self.at(&self.dates, when, true).and_then(|entries| {
            entries.iter().find_map(|entry| match entry {
                Entry::Date(time) => Some(*time),
                _ => None,
            })
        });
        let sas =
            now.sas.iter().flatten().flat_map(|sa| {
                [sa.current.add_time, sa.current.use_time, sa.last_used.unwrap_or(0)]
            });
        let policies = now
            .policies
            .iter()
            .flatten()
            .flat_map(|policy| [policy.current.add_time, policy.current.use_time]);
        date.unwrap_or_else(|| sas.chain(policies).max().unwrap_or(0).saturating_mul(1000))
    }
}
