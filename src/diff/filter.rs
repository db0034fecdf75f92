//! The rules of nftables: which came, which went, and which of those that drop have counted. Which packets a rule is for is not said here.

use super::changes::{Changes, was};
use crate::snapshot::filter::{Chain, Rule, Ruleset, Set, Step, Translation, Verdict, rule_name};
use crate::snapshot::{Observed, Reason, Snapshot, Source};
use crate::units::{MORE_RULE, PACKET};

/// Most rules that are named one by one: a firewall that was loaded anew has hundreds.
const MOST_NAMED: usize = 20;

pub(super) fn compare(a: &Snapshot, b: &Snapshot, changes: &mut Changes) {
    let (before, now) = (present(&a.filter), present(&b.filter));
    let Some((before, now)) = changes.both(&before, &now) else { return };
    let mut found = Found::default();
    for chain in &now.chains {
        let old = before.chain(chain.family, &chain.table, &chain.chain);
        found.policy(old, chain);
        found.rules(before, old, now, chain);
    }
    for old in &before.chains {
        if now.chain(old.family, &old.table, &old.chain).is_none() {
            let rules = old.rules.iter().map(|rule| (old, rule));
            found.gone.extend(rules.map(|(chain, rule)| gone(chain, rule)));
        }
    }
    let named = |set: &&Set| !set.set.starts_with("__");
    for set in now.sets.iter().filter(named) {
        let old = before.set(set.family, &set.table, &set.set);
        if old.is_some_and(|old| old.unread.is_none() && old.elements != set.elements) {
            found.other.push(format!(
                "set {} in table {} {} has other elements",
                set.set,
                set.family.name(),
                set.table
            ));
        }
    }
    found.say(changes);
}

/// The rules; where nf_tables is not in the kernel there are none.
fn present(filter: &Observed<Ruleset>) -> Observed<Ruleset> {
    match filter {
        Err(missing) if missing.reason == Reason::Absent => Ok(Ruleset::default()),
        other => other.clone(),
    }
}

/// Changes in the order in which they are said.
#[derive(Default)]
struct Found {
    /// Rules and policies that drop or translate, and were not there.
    stops: Vec<String>,
    /// Rules that drop, and have counted more.
    counted: Vec<String>,
    /// Other rules that were not there.
    new: Vec<String>,
    gone: Vec<String>,
    other: Vec<String>,
}

impl Found {
    fn policy(&mut self, old: Option<&Chain>, chain: &Chain) {
        let drops = |chain: &Chain| chain.base.as_ref().is_some_and(|base| base.drops);
        let name = rule_name(chain, None);
        match (old.is_some_and(drops), drops(chain)) {
            (false, true) if old.is_some() => {
                self.stops.push(format!("{name} accepted before and now drops"));
            }
            (false, true) => self.stops.push(format!("{name} is new: it drops")),
            (true, false) => self.other.push(format!("{name} accepts, dropped before")),
            _ => {}
        }
    }

    fn rules(&mut self, before: &Ruleset, old: Option<&Chain>, now: &Ruleset, chain: &Chain) {
        let of = |ruleset: &Ruleset, chain: &Chain| -> Vec<String> {
            chain.rules.iter().map(|rule| form(ruleset, chain, rule)).collect()
        };
        let (old_forms, forms) = (old.map_or_else(Vec::new, |old| of(before, old)), of(now, chain));
        let mut left: Vec<(&String, &Rule)> =
            old_forms.iter().zip(old.into_iter().flat_map(|old| &old.rules)).collect();
        for (form, rule) in forms.iter().zip(&chain.rules) {
            let same = left.iter().position(|(old, _)| *old == form);
            let same = same.map(|at| left.remove(at).1);
            let Some(same) = same else {
                let line = format!("{} is new{}", rule_name(chain, Some(rule)), does(rule));
                match stops(rule) {
                    true => self.stops.push(line),
                    false => self.new.push(line),
                }
                continue;
            };
            let packets = |rule: &Rule| rule.counter().map(|counter| counter.packets);
            if let (Some(before), Some(now)) = (packets(same), packets(rule)) {
                if stops(rule) && now > before {
                    let counted = was(PACKET.of(now), before);
                    self.counted.push(format!(
                        "{}{}: {counted}",
                        rule_name(chain, Some(rule)),
                        does(rule)
                    ));
                }
            }
        }
        if let Some(old) = old {
            let rules: Vec<&Rule> = left.iter().map(|(_, rule)| *rule).collect();
            self.gone.extend(rules.into_iter().map(|rule| gone(old, rule)));
        }
    }

    fn say(self, changes: &mut Changes) {
        let Self { stops, counted, new, gone, other } = self;
        let all: Vec<String> = [stops, counted, new, gone, other].into_iter().flatten().collect();
        let more = all.len().saturating_sub(MOST_NAMED);
        for line in all.into_iter().take(MOST_NAMED) {
            changes.say(Source::PacketFilter, None, line);
        }
        if more > 0 {
            changes.say(Source::PacketFilter, None, format!("{} changed", MORE_RULE.of(more)));
        }
    }
}

fn gone(chain: &Chain, rule: &Rule) -> String {
    format!("{} is gone{}", rule_name(chain, Some(rule)), does(rule))
}

/// What a rule is, whatever number it has and whatever it counted: with the elements of sets that have no name in their place.
fn form(ruleset: &Ruleset, chain: &Chain, rule: &Rule) -> String {
    let elements = |name: &str| -> String {
        match ruleset.set(chain.family, &chain.table, name) {
            Some(set) if name.starts_with("__") => format!("{:?}", set.elements),
            _ => name.to_owned(),
        }
    };
    let step = |step: &Step| match step {
        Step::Match(condition) => {
            let set = condition.set.as_deref().map(&elements);
            format!("{:?} {} {:?} {set:?}", condition.of, condition.not, condition.values)
        }
        Step::VerdictMap(map) => format!("{:?} {}", map.of, elements(&map.set)),
        other => format!("{other:?}"),
    };
    let steps: Vec<String> = rule.without_counts().map(step).collect();
    format!("{} {}", rule.comment, steps.join(";"))
}

/// Whether packets that a rule is for are dropped, or become others.
fn stops(rule: &Rule) -> bool {
    rule.steps.iter().any(|step| {
        matches!(
            step,
            Step::Verdict(Verdict::Drop | Verdict::Reject | Verdict::Queue | Verdict::Target(_))
                | Step::Nat(_)
        )
    })
}

/// `: it drops`; nothing where a rule only counts or asks.
fn does(rule: &Rule) -> String {
    let words = rule.steps.iter().rev().find_map(|step| match step {
        Step::Verdict(Verdict::Accept) => Some("accepts".to_owned()),
        Step::Verdict(Verdict::Drop) => Some("drops".to_owned()),
        Step::Verdict(Verdict::Reject) => Some("rejects".to_owned()),
        Step::Verdict(Verdict::Queue) => Some("queues to a program".to_owned()),
        Step::Verdict(Verdict::Return) => Some("returns".to_owned()),
        Step::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain)) => {
            Some(format!("asks chain {chain}"))
        }
        Step::Verdict(Verdict::Target(target)) => Some(format!("has the target {target}")),
        Step::Verdict(Verdict::Continue) => None,
        Step::VerdictMap(map) => Some(format!("decides by the map {}", map.set)),
        Step::SetMark(_) | Step::SetUnknownMark => Some("sets the mark".to_owned()),
        Step::Untracked => Some("stops connection tracking".to_owned()),
        Step::Nat(nat) => Some(match nat.what {
            Translation::Source | Translation::Masquerade => "translates the source".to_owned(),
            Translation::Destination | Translation::Redirect => {
                "translates the destination".to_owned()
            }
        }),
        Step::Rewrite(_) => Some("changes the packet".to_owned()),
        Step::Match(_) | Step::Counter(_) | Step::Undecided(_) => None,
    });
    words.map(|words| format!(": it {words}")).unwrap_or_default()
}
