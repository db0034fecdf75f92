//! The interfaces of a snapshot and their addresses, from all that the texts say of each: which commands printed it does not matter.

use super::entry::{Entry, NamedLink};
use super::format::Context;
use super::known_tables::family;
use super::lists::cut;
use super::moments::{Entries, Moments};
use super::samples;
use super::settings::Settings;
use super::split::Table;
use super::{vtis, words};
use crate::snapshot::{
    Address, Family, Link, Missing, Observed, PART_OF_LINKS, Reason, Snapshot, Source,
};
use std::collections::{BTreeMap, HashMap};

/// The format of the texts that have links.
const FORMAT: &str = "ip link";

/// VyOS's `show interfaces NAME` prints no number of an interface: then it has one of these, which the kernel gives to none.
const UNNUMBERED: u32 = 1 << 30;

/// What the texts have of interfaces.
pub(super) struct Interfaces<'a> {
    /// Links and addresses, by moment.
    pub moments: Moments<'a>,
    /// The entries of all tables, and of those that are no samples: they tell of which kind a link is, and which others there are.
    all: Entries<'a>,
    beside: Entries<'a>,
    /// The numbers of all interfaces that a text names with their numbers.
    numbers: HashMap<&'a str, u32>,
    /// No command showed all interfaces, or lines of it are lacking.
    is_part: bool,
    is_torn: bool,
    /// VyOS's own table of interfaces.
    vyos: Moments<'a>,
    /// `ip tunnel`.
    tunnels: Moments<'a>,
    /// Addresses are of commands that showed some of the interfaces only.
    some_addresses: bool,
}

impl<'a> Interfaces<'a> {
    /// Of all texts: their links, VyOS's table of addresses, the tunnels, and the tables that these are from.
    pub(super) fn of(
        vyos: Moments<'a>,
        tunnels: Moments<'a>,
        tables: &[&'a Table<'a>],
        is_torn: bool,
    ) -> Self {
        let (sampled, beside) = samples::of_links(tables);
        let moments = Moments::of(sampled.into_iter(), FORMAT, |entry| match entry {
            Entry::Link(named) if named.statistics.is_some() => Some(named.link.name.clone()),
            _ => None,
        });
        let own = || tables.iter().copied().filter(|table| table.format == FORMAT);
        let all: Entries<'a> = own().flat_map(|table| &table.entries).collect();
        let beside = beside.into_iter().flat_map(|table| &table.entries).collect();
        let of = |table: &Table<'_>| family(&Context { typed: table.typed });
        let is_part = is_torn || !own().any(|table| !table.is_filtered() && of(table).is_none());
        let has_addresses = |table: &&Table<'_>| {
            !table.is_filtered() && table.entries.iter().any(|e| matches!(e, Entry::Address(..)))
        };
        let families: Vec<_> = own().filter(has_addresses).map(of).collect();
        let has = |family| families.contains(&None) || families.contains(&Some(family));
        let some_addresses = !(has(Family::Inet) && has(Family::Inet6));
        let links = links_of(&all);
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        for (n, named) in (UNNUMBERED..).zip(links) {
            // A number that the text has counts before one that is made up.
            let number = if named.link.ifindex == 0 { n } else { named.link.ifindex };
            let known = numbers.entry(named.link.name.as_str()).or_insert(number);
            if *known >= UNNUMBERED {
                *known = number;
            }
        }
        for (n, entry) in (UNNUMBERED / 2..).zip(vyos.all.iter().flatten()) {
            if let Entry::Address(name, _) = entry {
                numbers.entry(name.as_str()).or_insert(n);
            }
        }
        Self { moments, all, beside, vyos, tunnels, numbers, is_part, is_torn, some_addresses }
    }

    /// The number of an interface; the kernel calls one of another namespace `if5`.
    pub(super) fn index(&self, name: &str) -> Option<u32> {
        let known = self.numbers.get(name).copied();
        known.or_else(|| name.strip_prefix("if").and_then(words::number))
    }

    /// The addresses of all moments, and those of VyOS's table, which names no others.
    pub(super) fn addresses(&self) -> Observed<Vec<Address>> {
        let mut found: Vec<Address> = Vec::new();
        for entry in self.all.iter().chain(self.vyos.all.iter().flatten()) {
            let Entry::Address(name, address) = entry else { continue };
            let Some(ifindex) = self.index(name) else { continue };
            let address = Address { ifindex, ..address.clone() };
            if !found.contains(&address) {
                found.push(address);
            }
        }
        let some = "only those of some interfaces are in the text: `ip address show` shows all";
        if self.is_torn && !found.is_empty() {
            return Err(cut(Source::Addresses));
        }
        match (found.is_empty(), self.some_addresses && !self.has_table()) {
            (true, _) => Err(Missing::new(Source::Addresses, Reason::NotInText, "")),
            (false, true) => Err(Missing::new(Source::Addresses, Reason::NotInText, some)),
            (false, false) => Ok(found),
        }
    }

    /// Whether VyOS's table is in the text, with all interfaces.
    pub(super) fn has_table(&self) -> bool {
        self.vyos.all.iter().flatten().next().is_some()
    }

    /// Fills in the links of a moment; `counts` tells whether counters that are in the text are of that moment, and `is_now` whether it is the
    /// last one.
    pub(super) fn fill(
        &self,
        now: &mut Snapshot,
        entries: &Entries<'a>,
        (counts, is_now): (bool, bool),
        settings: &Settings,
    ) {
        if self.is_part {
            now.partial.push(Source::Links);
        }
        let mut assume =
            |detail: &str| now.assumed.push(Missing::new(Source::Links, Reason::NotInText, detail));
        let mut merged = self.merged(entries, is_now);
        // Without `-d`, of no device its kind is in the text.
        if merged.values().any(|named| !named.has_kind) {
            now.partial.push(Source::DeviceConfiguration);
        }
        let mut is_taken = false;
        if self.name_tunnels(&mut merged) {
            assume("VTIs are taken to have no fwmark: `ip -d link show` shows it");
        }
        for named in merged.values_mut().filter(|named| !named.has_kind) {
            if let Some(kind) = vtis::of_vyos(named) {
                (named.link.kind, named.has_kind, is_taken) = (kind, true, true);
            }
        }
        if is_taken {
            assume(
                "interfaces vtiN are taken to be xfrm interfaces with the if_id N + 1, as VyOS makes them: `ip -d link show` shows it",
            );
        }
        if merged.values().any(|named| !named.has_kind && vtis::may_be(&named.link)) {
            let which =
                "the text does not say which interface is a VTI: `ip -d -s -s link show` does";
            now.links = Err(Missing::new(Source::Links, Reason::NotInText, which));
            let rows = merged.values().filter(|_| counts).filter_map(vtis::row);
            now.proc_net_dev = Ok(rows.collect());
            return;
        }
        let mut has_errors = true;
        let index = |name: &Option<String>| name.as_deref().and_then(|name| self.index(name));
        let links = merged.into_values().map(|named| {
            let mut link = named.link;
            link.ifindex = self.index(&link.name).unwrap_or(link.ifindex);
            link.master = index(&named.master);
            vtis::bind(&mut link.kind, index(&named.lower));
            let is_counted = link.driver().is_some() || link.ip_tunnel().is_some();
            link.statistics = named.statistics.filter(|_| counts && is_counted);
            has_errors &= link.statistics.is_none() || named.has_errors;
            settings.device(&mut link);
            link
        });
        now.links = Ok(links.collect::<Vec<Link>>());
        if !has_errors {
            assume("counters of single errors are taken to be 0: `ip -s -s link show` shows them");
        }
        if self.is_part {
            assume(PART_OF_LINKS);
        }
    }

    /// Gives links that are of no kind yet that of their tunnel; whether there was one that is no fallback device.
    fn name_tunnels(&self, links: &mut BTreeMap<&'a str, NamedLink>) -> bool {
        let mut is_named = false;
        for entry in self.tunnels.all.iter().flatten() {
            let Entry::Tunnel(tunnel) = entry else { continue };
            let (Some(kind), Some(named)) = (&tunnel.kind, links.get_mut(tunnel.name.as_str()))
            else {
                continue;
            };
            if !named.has_kind {
                (named.link.kind, named.has_kind) = (kind.clone(), true);
                named.lower.clone_from(&tunnel.lower);
                is_named |= !named.link.is_fallback_device();
            }
        }
        is_named
    }

    /// What `ip tunnel` printed.
    pub(super) fn tunnels(&self) -> &Moments<'a> {
        &self.tunnels
    }

    /// The links of a moment, each with all that is said of it; of which kind it is, any moment says. Counters that are no samples are of now.
    fn merged(&self, entries: &Entries<'a>, is_now: bool) -> BTreeMap<&'a str, NamedLink> {
        let all = links_of(&self.all).filter(|named| named.has_kind);
        let with_kind: HashMap<&str, &NamedLink> =
            all.map(|named| (named.link.name.as_str(), named)).collect();
        let mut merged: BTreeMap<&str, NamedLink> = BTreeMap::new();
        for named in links_of(entries) {
            let one = merged.entry(&named.link.name).or_insert_with(|| named.clone());
            one.has_errors |= named.has_errors;
            one.statistics = named.statistics.or(one.statistics);
        }
        for named in links_of(&self.beside) {
            let statistics = named.statistics.filter(|_| is_now);
            let new = || NamedLink { statistics, ..named.clone() };
            let one = merged.entry(&named.link.name).or_insert_with(new);
            if one.statistics.is_none() {
                (one.statistics, one.has_errors) = (statistics, named.has_errors);
            }
        }
        for (name, one) in &mut merged {
            if let Some(kind) = with_kind.get(name) {
                one.link.kind = kind.link.kind.clone();
                one.link.link_netnsid = kind.link.link_netnsid;
                one.lower.clone_from(&kind.lower);
                one.has_kind = true;
            }
        }
        merged
    }
}

fn links_of<'a>(entries: &Entries<'a>) -> impl Iterator<Item = &'a NamedLink> + use<'a> {
    let links: Vec<&NamedLink> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Link(named) => Some(named.as_ref()),
            _ => None,
        })
        .collect();
    links.into_iter()
}
