//! The rules of the packet filter that can have dropped a packet of which it is known that the filter did it. Where only one can be it, it was
//! that one, also where the packet's connection or mark is not known.

use super::filter::{By, Fate, Filter, How, Met, Packet, Tracking, hook};
use super::stations::{Stretch, stations};
use crate::snapshot::Family;
use crate::snapshot::filter::{FibQuery, Hook, Ruleset, Step, Verdict};
use crate::tunnel::Tunnel;

/// The rules and policies that can have dropped a packet, each with its hook.
#[derive(Clone, Debug, Default)]
pub struct Suspects<'r> {
    /// They.
    pub list: Vec<(Hook, By<'r>)>,
    /// Whether something else may have dropped it, whose rules are not read.
    pub is_open: bool,
}

impl<'r> Suspects<'r> {
    /// The only one that can be it.
    pub fn only(&self) -> Option<(Hook, By<'r>)> {
        match self.list.as_slice() {
            [one] if !self.is_open => Some(*one),
            _ => None,
        }
    }

    /// Whether nothing that was read can have dropped it.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.is_open
    }

    fn add(&mut self, at: Hook, by: By<'r>) {
        let is_same = |other: &By<'_>| {
            let rules = (other.rule.map(std::ptr::from_ref), by.rule.map(std::ptr::from_ref));
            std::ptr::eq(other.chain, by.chain) && rules.0 == rules.1
        };
        if !self.list.iter().any(|(_, other)| is_same(other)) {
            self.list.push((at, by));
        }
    }
}

/// What can have dropped a packet on a stretch of its way.
pub fn suspects<'r>(
    filter: &Filter<'r>,
    ruleset: &'r Ruleset,
    tunnel: &Tunnel<'_>,
    packet: &Packet,
    stretch: Stretch<'_>,
) -> Suspects<'r> {
    let stations = stations(tunnel, stretch);
    let mut found = Suspects::default();
    for tracking in trackings(packet, stretch) {
        let mut packet = Packet { tracking: *tracking, ..packet.clone() };
        for station in &stations {
            packet.input.clone_from(&station.input);
            packet.slave.clone_from(&station.slave);
            packet.output.clone_from(&station.output);
            let mut met = Vec::new();
            match hook(filter, station.hook, &mut packet, &mut met) {
                Fate::Passes => {}
                Fate::Dropped(by) => {
                    dropping(ruleset, &met, station.hook, &mut found);
                    found.add(station.hook, by);
                    break;
                }
                Fate::Unknown(by, _) => {
                    dropping(ruleset, &met, station.hook, &mut found);
                    policies(ruleset, packet.family, station.hook, &mut found);
                    found.is_open |= by.is_none();
                    by.into_iter().for_each(|by| found.add(station.hook, by));
                }
            }
        }
    }
    found
}

/// What connection tracking may know a packet as: one of UDP and the first messages of ICMP always belong to a connection.
fn trackings(packet: &Packet, stretch: Stretch<'_>) -> &'static [Tracking] {
    const TCP: u8 = 6;
    const ICMP: u8 = 1;
    const ICMPV6: u8 = 58;
    match (stretch, packet.protocol) {
        (Stretch::InnerLeaves(_), _) => &[Tracking::Invalid],
        (_, Some(TCP | ICMP | ICMPV6)) => {
            &[Tracking::New, Tracking::Established, Tracking::Invalid]
        }
        _ => &[Tracking::New, Tracking::Established],
    }
}

/// The rules among those that the packet may have met which drop.
fn dropping<'r>(ruleset: &'r Ruleset, met: &[Met<'r>], at: Hook, found: &mut Suspects<'r>) {
    for Met { chain, rule, .. } in met {
        let how = rule.steps.iter().find_map(|step| match step {
            Step::Verdict(verdict) => how(verdict),
            Step::VerdictMap(map) => {
                let is_it = |set: &&crate::snapshot::filter::Set| {
                    set.family == chain.family && set.table == chain.table && set.set == map.set
                };
                let elements = ruleset.sets.iter().find(is_it).map(|set| &set.elements);
                elements.into_iter().flatten().filter_map(|e| e.verdict.as_ref()).find_map(how)
            }
            _ => None,
        });
        if let Some(how) = how {
            found.add(at, By { chain, rule: Some(rule), how });
        }
    }
}

const fn how(verdict: &Verdict) -> Option<How> {
    match verdict {
        Verdict::Drop => Some(How::Drop),
        Verdict::Reject => Some(How::Reject),
        Verdict::Queue => Some(How::Queue),
        Verdict::Target(_) => Some(How::Target),
        _ => None,
    }
}

/// The policies that drop what no rule decided: where one rule cannot be decided, a packet may have come to any of them.
fn policies<'r>(ruleset: &'r Ruleset, family: Family, at: Hook, found: &mut Suspects<'r>) {
    use crate::snapshot::filter::TableFamily;
    for chain in &ruleset.chains {
        let is_asked = match chain.family {
            TableFamily::Ip => family == Family::Inet,
            TableFamily::Ip6 => family == Family::Inet6,
            TableFamily::Inet | TableFamily::Netdev => true,
            TableFamily::Bridge => false,
        };
        if is_asked && chain.base.as_ref().is_some_and(|base| base.hook == at && base.drops) {
            found.add(at, By { chain, rule: None, how: How::Drop });
        }
    }
}

/// What the questions of a ruleset for a route back to a packet's source are answered (`nft_fib4_eval()`), where that route leads into this
/// interface; none where there is no such route.
pub fn reverse_path(ruleset: &Ruleset, ifindex: Option<u32>) -> Vec<(FibQuery, u64)> {
    let of_source = ruleset.fib_queries().into_iter().filter(FibQuery::is_for_the_source);
    let answer = |query: FibQuery| match query.is_only_present() {
        false => ifindex.unwrap_or(0).into(),
        true => u64::from(ifindex.is_some()),
    };
    of_source.map(|query| (query, answer(query))).collect()
}
