//! A ruleset made ready for many packets: chains and sets by their names, base chains by their hooks in the order in which the kernel asks them.
//! It decides nothing.

use crate::snapshot::Family;
use crate::snapshot::filter::{
    Chain, Field, Hook, Kind, Part, Rule, Ruleset, Set, Step, TableFamily, Verdict,
};
use std::collections::{BTreeMap, HashMap};

/// The name of a chain or of a set.
type Name<'r> = (TableFamily, &'r str, &'r str);

/// A ruleset by its names and hooks.
pub struct Filter<'r> {
    pub(super) ruleset: &'r Ruleset,
    chains: HashMap<Name<'r>, &'r Chain>,
    sets: HashMap<Name<'r>, &'r Set>,
    hooks: BTreeMap<Hook, Vec<Asked<'r>>>,
    tracks_v4: bool,
    tracks_v6: bool,
}

/// A base chain of a hook.
#[derive(Clone, Copy)]
pub(super) struct Asked<'r> {
    pub chain: &'r Chain,
    /// Its place among the functions of the hook: those of NAT are asked together, at one place (`nf_nat_inet_fn()`).
    pub place: i32,
    priority: i32,
    /// Whether it, or a chain of its table, has anything that drops.
    pub may_drop: bool,
}

/// NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC.
const NAT_DESTINATION: i32 = -100;
const NAT_SOURCE: i32 = 100;

impl<'r> Filter<'r> {
    /// The ruleset, made ready.
    pub fn new(ruleset: &'r Ruleset) -> Self {
        let chains = ruleset.chains.iter().map(|c| ((c.family, &*c.table, &*c.chain), c)).collect();
        let sets: HashMap<Name<'r>, &Set> =
            ruleset.sets.iter().map(|s| ((s.family, &*s.table, &*s.set), s)).collect();
        let mut dropping: BTreeMap<(TableFamily, &str), bool> = BTreeMap::new();
        for chain in &ruleset.chains {
            let drops = chain.rules.iter().any(|rule| may_drop(rule, chain, &sets));
            *dropping.entry((chain.family, &chain.table)).or_default() |= drops;
        }
        let mut hooks: BTreeMap<Hook, Vec<Asked<'r>>> = BTreeMap::new();
        // Of chains with the same priority the newest comes first (`nf_hook_entries_grow()`).
        for chain in ruleset.chains.iter().rev() {
            let Some(base) = &chain.base else { continue };
            let place = match (base.kind, base.hook) {
                (Kind::Nat, Hook::Prerouting | Hook::Output) => NAT_DESTINATION,
                (Kind::Nat, _) => NAT_SOURCE,
                _ => base.priority,
            };
            let of_table = dropping.get(&(chain.family, &*chain.table)).copied();
            let may_drop = base.drops || of_table.unwrap_or(false);
            let asked = Asked { chain, place, priority: base.priority, may_drop };
            hooks.entry(base.hook).or_default().push(asked);
        }
        hooks.values_mut().for_each(|all| all.sort_by_key(|asked| (asked.place, asked.priority)));
        let tracks_v4 = tracks(ruleset, Family::Inet);
        let tracks_v6 = tracks(ruleset, Family::Inet6);
        Self { ruleset, chains, sets, hooks, tracks_v4, tracks_v6 }
    }

    pub(super) fn chain(&self, beside: &Chain, name: &'r str) -> Option<&'r Chain> {
        self.chains.get(&(beside.family, &*beside.table, name)).copied()
    }

    pub(super) fn set(&self, beside: &Chain, name: &str) -> Option<&'r Set> {
        self.sets.get(&(beside.family, &*beside.table, name)).copied()
    }

    /// The base chains of a hook.
    pub(super) fn asked(&self, hook: Hook) -> &[Asked<'r>] {
        self.hooks.get(&hook).map_or(&[], Vec::as_slice)
    }

    /// Whether anything at a hook may drop a packet.
    pub fn may_drop(&self, hook: Hook) -> bool {
        !self.ruleset.legacy.is_empty() || self.asked(hook).iter().any(|asked| asked.may_drop)
    }

    /// Whether a chain in OUTPUT has packets routed again whose mark it changes.
    pub fn reroutes(&self) -> bool {
        let kind = |asked: &Asked<'_>| asked.chain.base.as_ref().map(|base| base.kind);
        self.asked(Hook::Output).iter().any(|asked| kind(asked) == Some(Kind::Route))
    }

    /// Whether the kernel tracks the connections of a family for certain.
    pub(super) const fn tracks(&self, family: Family) -> bool {
        match family {
            Family::Inet6 => self.tracks_v6,
            _ => self.tracks_v4,
        }
    }
}

/// Whether a rule has a verdict by which a packet may be dropped.
fn may_drop(rule: &Rule, chain: &Chain, sets: &HashMap<Name<'_>, &Set>) -> bool {
    let drops = |verdict: &Verdict| {
        matches!(verdict, Verdict::Drop | Verdict::Reject | Verdict::Queue | Verdict::Target(_))
    };
    rule.steps.iter().any(|step| match step {
        Step::Verdict(verdict) => drops(verdict),
        Step::VerdictMap(map) => {
            let set = sets.get(&(chain.family, &*chain.table, &*map.set));
            set.is_none_or(|set| {
                set.unread.is_some() || set.elements.iter().flat_map(|e| &e.verdict).any(drops)
            })
        }
        _ => false,
    })
}

/// Whether the kernel tracks the connections of a family for certain: it does where a rule needs that (`nf_ct_netns_get()`). A chain of NAT
/// alone does not make it so, and without a connection it is not asked.
fn tracks(ruleset: &Ruleset, family: Family) -> bool {
    let of_family = |chain: &&Chain| match chain.family {
        TableFamily::Ip => family == Family::Inet,
        TableFamily::Ip6 => family == Family::Inet6,
        TableFamily::Inet => true,
        TableFamily::Netdev | TableFamily::Bridge => false,
    };
    let is_of_ct = |part: &Part| {
        matches!(part.field, Field::CtState | Field::CtMark | Field::CtStatus | Field::CtDirection)
    };
    let mut steps =
        ruleset.chains.iter().filter(of_family).flat_map(|c| &c.rules).flat_map(|r| &r.steps);
    steps.any(|step| match step {
        Step::Nat(_) => true,
        Step::Match(condition) => condition.of.iter().any(is_of_ct),
        Step::VerdictMap(map) => map.of.iter().any(is_of_ct),
        Step::Undecided(expression) => matches!(
            expression.as_str(),
            "ct" | "connlimit" | "synproxy" | "match conntrack" | "match state"
        ),
        _ => false,
    })
}
