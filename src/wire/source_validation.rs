//! What the rules of one of VyOS's chains come to: which of them drop packets by the reverse path of their source, for which interfaces. A rule
//! that may drop and is of no known form is said to be one; it is not passed over.
//!
//! Known are the form of VyOS 1.4 to mid-2026 (vyos-1x, python/vyos/ifconfig/interface.py `set_ipv4_source_validation()`, and
//! data/templates/firewall/nftables.j2) and the coming one (T9152, PR 5366, opened 2026-08):
//!
//! ```text
//! iifname "vti1" fib saddr . iif oif 0 counter drop        iifname @rpfilter_strict_ifaces fib saddr . iif oif vmap @rpfilter_strict
//! iifname "vti1" counter return                            iifname @rpfilter_strict_ifaces counter drop
//!                                                          iifname @rpfilter_loose_ifaces fib saddr oif != 0 counter accept
//!                                                          iifname @rpfilter_loose_ifaces counter drop
//! ```

use crate::snapshot::filter::{
    Chain, FibQuery, Field, Match, Part, Range, Rule, Ruleset, Set, Step, TableFamily, Value,
    Verdict,
};
use crate::snapshot::validation::{InterfaceSet, UnknownRule};
use crate::snapshot::{Family, SourceValidation};

/// The table and the chains of VyOS 1.4 and later: vyos.ifconfig.interface (`set interfaces … source-validation`), and
/// data/templates/firewall/nftables.j2 (`set firewall global-options source-validation`).
const TABLE: &str = "raw";
/// The chain of the interfaces.
const CHAIN: &str = "vyos_rpfilter";
/// The chain that that of the interfaces leads to: what is for all of them.
const GLOBAL_CHAIN: &str = "vyos_global_rpfilter";
/// NFT_FIB_RESULT_OIF; NFTA_FIB_F_SADDR, NFTA_FIB_F_IIF, NFTA_FIB_F_PRESENT.
const RESULT_OIF: u32 = 1;
const OF_SOURCE: u32 = 1;
const OF_INPUT: u32 = 8;
const PRESENT: u32 = 32;

/// What VyOS's chains drop by the reverse path.
pub fn source_validation(ruleset: &Ruleset) -> Vec<SourceValidation> {
    let mut found = Vec::new();
    for family in [TableFamily::Ip, TableFamily::Ip6] {
        for name in [CHAIN, GLOBAL_CHAIN] {
            let chain = ruleset.chain(family, TABLE, name);
            found.extend(chain.into_iter().flat_map(|chain| validations(chain, &ruleset.sets)));
        }
    }
    found
}

/// The packets that a rule is for, by the interface that they come in by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Incoming {
    /// All.
    #[default]
    Any,
    /// `iifname NAME`.
    Interface(String),
    /// `iifname @SET`.
    Set(String),
}

/// What a rule asks of the reverse path (`fib saddr [. iif] oif`).
#[derive(Clone, Debug, PartialEq, Eq)]
enum WayBack {
    /// There is none: `oif 0`.
    Missing,
    /// There is one: `oif != 0`.
    Exists,
    /// The interface of it has a verdict in a map: `oif vmap @MAP`.
    Map(String),
}

/// A rule, as far as rules that validate sources need it.
#[derive(Default)]
struct Form {
    incoming: Incoming,
    /// What it asks of the reverse path, where it asks for that; and whether that must lead out of the interface that the packet came in by.
    way_back: Option<(WayBack, bool)>,
    packets: u64,
    bytes: u64,
    verdict: Option<Verdict>,
    /// The first expression that is not as one of these fields has it: then the rule is for fewer packets, or for other ones.
    unknown: Option<&'static str>,
}

impl Form {
    fn of(rule: &Rule) -> Self {
        let mut form = Self::default();
        for step in &rule.steps {
            form.take(step);
        }
        form
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Match(condition) => self.condition(condition),
            Step::VerdictMap(map) => match way_back(&map.of) {
                Some(strict) => self.asks(WayBack::Map(map.set.clone()), strict),
                None => self.is_other("lookup"),
            },
            Step::Counter(counter) => (self.packets, self.bytes) = (counter.packets, counter.bytes),
            Step::Verdict(Verdict::Reject) => self.is_other("reject"),
            Step::Verdict(Verdict::Queue) => self.is_other("queue"),
            Step::Verdict(Verdict::Target(_)) => self.is_other("target"),
            Step::Verdict(verdict) => self.verdict = Some(verdict.clone()),
            Step::SetMark(_) | Step::SetUnknownMark => self.is_other("meta"),
            Step::Untracked => self.is_other("notrack"),
            Step::Nat(_) => self.is_other("nat"),
            Step::Rewrite(_) => self.is_other("payload"),
            Step::Undecided(name) => {
                let name = name.split(' ').next().unwrap_or_default();
                let known = UnknownRule::EXPRESSIONS.iter().copied().find(|known| *known == name);
                self.is_other(known.unwrap_or("other"));
            }
        }
    }

    fn condition(&mut self, condition: &Match) {
        let Match { of, not, values, set } = condition;
        let is_input = matches!(of.as_slice(), [Part { field: Field::InputInterface, mask: None }]);
        match (is_input, set, values.as_slice()) {
            (true, Some(set), _) if !not => self.is_for(Incoming::Set(set.clone()), "lookup"),
            (true, None, [Value::Names(names)]) if !not => match names.as_slice() {
                // Without its end it is the beginning of many names.
                [name] if !name.ends_with('*') => {
                    self.is_for(Incoming::Interface(name.clone()), "cmp");
                }
                _ => self.is_other("cmp"),
            },
            (false, None, [Value::Numbers(numbers)]) => match (way_back(of), numbers.as_slice()) {
                (Some(strict), [Range { first: 0, last: 0 }]) => {
                    let way_back = if *not { WayBack::Exists } else { WayBack::Missing };
                    self.asks(way_back, strict);
                }
                _ => self.is_other(expression(condition)),
            },
            _ => self.is_other(expression(condition)),
        }
    }

    /// The first that is not known counts.
    fn is_other(&mut self, expression: &'static str) {
        self.unknown.get_or_insert(expression);
    }

    fn is_for(&mut self, incoming: Incoming, expression: &'static str) {
        if self.incoming == Incoming::Any {
            self.incoming = incoming;
        } else {
            self.is_other(expression);
        }
    }

    fn asks(&mut self, way_back: WayBack, strict: bool) {
        if self.way_back.is_none() {
            self.way_back = Some((way_back, strict));
        } else {
            self.is_other("fib");
        }
    }
}

/// Whether this is the reverse path of the source, and whether that is a strict question.
fn way_back(of: &[Part]) -> Option<bool> {
    match of {
        [Part { field: Field::Fib(FibQuery { result: RESULT_OIF, flags }), mask: None }]
            if flags & !PRESENT & !OF_INPUT == OF_SOURCE =>
        {
            Some(flags & OF_INPUT != 0)
        }
        _ => None,
    }
}

/// The kernel's expression that such a condition is known by.
fn expression(condition: &Match) -> &'static str {
    let field = condition.of.first().map(|part| &part.field);
    match field {
        Some(Field::Fib(_)) if way_back(&condition.of).is_none() => "fib",
        Some(Field::Fib(_) | Field::InputInterface) if condition.set.is_some() => "lookup",
        Some(Field::Fib(_) | Field::InputInterface) => "cmp",
        Some(Field::CtState | Field::CtMark | Field::CtStatus | Field::CtDirection) => "ct",
        Some(Field::GoesByIpsec) => "rt",
        Some(Field::IpsecInReqid | Field::IpsecInSpi) => "xfrm",
        Some(
            Field::OutputInterface
            | Field::InputIndex
            | Field::OutputIndex
            | Field::InputGroup
            | Field::OutputGroup
            | Field::SlaveInterface
            | Field::Mark
            | Field::Family
            | Field::Ethertype
            | Field::Protocol
            | Field::Length
            | Field::PacketType
            | Field::CameByIpsec,
        ) => "meta",
        _ => "payload",
    }
}

/// What the rules of a chain, in their order, drop by the reverse path.
fn validations(chain: &Chain, sets: &[Set]) -> Vec<SourceValidation> {
    let mut found = Vec::new();
    let family = family(chain);
    let sets: Vec<&Set> =
        sets.iter().filter(|s| s.family == chain.family && s.table == chain.table).collect();
    // What rules before let through because it has a reverse path, strict or not.
    let mut passed: Vec<(Incoming, bool)> = Vec::new();
    for rule in &chain.rules {
        let form = Form::of(rule);
        match kind(&form, &sets, &passed) {
            Kind::Drops(strict) => found.push(validation(family, &form, &sets, strict)),
            Kind::Passes(strict) => passed.push((form.incoming, strict)),
            Kind::Harmless => {}
            Kind::Unknown(expression) => {
                let (name, expression) = (chain.chain.clone(), expression.to_owned());
                let unknown = Some(UnknownRule { chain: name, handle: rule.handle, expression });
                let interface = match form.incoming {
                    Incoming::Interface(name) => Some(name),
                    Incoming::Any | Incoming::Set(_) => None,
                };
                found.push(SourceValidation { unknown, interface, ..nothing(family) });
            }
        }
    }
    found
}

const fn family(chain: &Chain) -> Family {
    match chain.family {
        TableFamily::Ip6 => Family::Inet6,
        _ => Family::Inet,
    }
}

/// What a rule is.
enum Kind {
    /// It drops what has no reverse path, strict or not.
    Drops(bool),
    /// It lets through what has a reverse path, strict or not.
    Passes(bool),
    /// It drops nothing.
    Harmless,
    /// It may drop something, and has this expression.
    Unknown(&'static str),
}

fn kind(form: &Form, sets: &[&Set], passed: &[(Incoming, bool)]) -> Kind {
    let passes = matches!(form.verdict, Some(Verdict::Accept | Verdict::Return));
    if let Some(expression) = form.unknown {
        // Fewer packets pass by it, or other ones; none is dropped.
        return if passes { Kind::Harmless } else { Kind::Unknown(expression) };
    }
    if let Incoming::Set(name) = &form.incoming {
        if members(sets, name).is_none() {
            return Kind::Unknown("lookup");
        }
    }
    match (&form.way_back, &form.verdict) {
        (Some((WayBack::Missing, strict)), Some(Verdict::Drop)) => Kind::Drops(*strict),
        (Some((WayBack::Exists, strict)), _) if passes => Kind::Passes(*strict),
        (Some((WayBack::Map(name), strict)), None) => {
            if find(sets, name).is_some_and(lets_all_pass) {
                Kind::Passes(*strict)
            } else {
                Kind::Unknown("lookup")
            }
        }
        (_, None | Some(Verdict::Continue | Verdict::Accept | Verdict::Return)) => Kind::Harmless,
        // What is left of those that have a reverse path, and were let through.
        (None, Some(Verdict::Drop)) => {
            let before = passed.iter().find(|(incoming, _)| *incoming == form.incoming);
            before.map_or(Kind::Unknown("immediate"), |(_, strict)| Kind::Drops(*strict))
        }
        (None, Some(Verdict::Jump(chain) | Verdict::Goto(chain))) if chain == GLOBAL_CHAIN => {
            Kind::Harmless
        }
        (Some(_), _) => Kind::Unknown("fib"),
        (None, _) => Kind::Unknown("immediate"),
    }
}

fn find<'a>(sets: &[&'a Set], name: &str) -> Option<&'a Set> {
    sets.iter().copied().find(|set| set.set == name && set.unread.is_none())
}

/// The interfaces of a set that has nothing but whole names.
fn members(sets: &[&Set], name: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for element in &find(sets, name)?.elements {
        match element.values.as_slice() {
            [Value::Names(names)] if !names.iter().any(|name| name.ends_with('*')) => {
                all.extend(names.iter().cloned());
            }
            _ => return None,
        }
    }
    all.sort();
    Some(all)
}

/// Whether a map lets pass whatever is in it.
fn lets_all_pass(map: &Set) -> bool {
    map.elements.iter().all(|element| {
        let is_one = matches!(element.values.as_slice(), [Value::Numbers(numbers)]
            if numbers.iter().all(|range| range.first == range.last));
        is_one && matches!(element.verdict, Some(Verdict::Accept | Verdict::Return))
    })
}

fn validation(family: Family, form: &Form, sets: &[&Set], strict: bool) -> SourceValidation {
    let (interface, set) = match &form.incoming {
        Incoming::Any => (None, None),
        Incoming::Interface(name) => (Some(name.clone()), None),
        Incoming::Set(name) => {
            let interfaces = members(sets, name).unwrap_or_default();
            (None, Some(InterfaceSet { name: name.clone(), interfaces }))
        }
    };
    let (packets, bytes) = (form.packets, form.bytes);
    SourceValidation { interface, set, strict, packets, bytes, ..nothing(family) }
}

const fn nothing(family: Family) -> SourceValidation {
    let (packets, bytes, strict) = (0, 0, false);
    SourceValidation { family, interface: None, set: None, strict, packets, bytes, unknown: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::filter::{Counter, Element, VerdictMap};
    use crate::wire::nft::{NEWRULE, Sets, decode_rule};
    use crate::wire::samples::payloads;

    const RECORDINGS: [&str; 2] = [
        include_str!("../../tests/wire/6.1-nft.hex"),
        include_str!("../../tests/wire/6.12-nft.hex"),
    ];

    fn of(
        family: Family,
        interface: Option<&str>,
        strict: bool,
        packets: u64,
        bytes: u64,
    ) -> SourceValidation {
        let interface = interface.map(str::to_owned);
        SourceValidation { interface, strict, packets, bytes, ..nothing(family) }
    }

    fn chain(family: TableFamily, name: &str, rules: Vec<Rule>) -> Chain {
        Chain { family, table: TABLE.into(), chain: name.into(), base: None, rules }
    }

    /// The rules of tests/wire/record.sh: three of VyOS, and others beside them.
    #[test]
    fn the_rules_of_vyos_are_read_and_those_of_other_forms_are_named() {
        for recording in RECORDINGS {
            let mut ruleset = Ruleset::default();
            for payload in payloads(recording, NEWRULE) {
                let new = decode_rule(&payload, &Sets::default()).unwrap().unwrap();
                if new.table != TABLE {
                    continue;
                }
                match ruleset
                    .chains
                    .iter_mut()
                    .find(|c| c.family == new.family && c.chain == new.chain)
                {
                    Some(chain) => chain.rules.push(new.rule),
                    None => ruleset.chains.push(chain(new.family, &new.chain, vec![new.rule])),
                }
            }
            assert_eq!(ruleset.chains.iter().map(|c| c.rules.len()).sum::<usize>(), 14);
            let found = source_validation(&ruleset);
            let (unknown, mut known): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|rule| rule.unknown.is_some());
            known.sort();
            let expected = [
                of(Family::Inet, None, true, 0, 0),
                of(Family::Inet, Some("vti0"), true, 5, 420),
                of(Family::Inet6, Some("vti8"), false, 7, 700),
            ];
            assert_eq!(known, expected);
            let named: Vec<String> =
                unknown.into_iter().filter_map(|rule| rule.unknown).map(|u| u.expression).collect();
            // fib saddr . mark; fib daddr; ip saddr; iifname !=; oif "wan"; oif exists; iifname "vti*".
            let expected = ["fib", "fib", "payload", "cmp", "cmp", "cmp", "cmp"];
            assert_eq!(named, expected);
        }
    }

    fn rule(steps: impl IntoIterator<Item = Step>) -> Rule {
        let counter = Step::Counter(Counter { packets: 7, bytes: 588 });
        let steps = [counter].into_iter().chain(steps).collect();
        Rule { handle: 4, comment: String::new(), steps }
    }

    fn part(field: Field) -> Vec<Part> {
        vec![Part { field, mask: None }]
    }

    fn set(name: &str, elements: Vec<Element>) -> Set {
        let (family, table) = (TableFamily::Ip, TABLE.to_owned());
        Set { family, table, set: name.to_owned(), unread: None, elements }
    }

    #[test]
    fn a_map_that_drops_and_a_set_of_intervals_are_of_no_known_form() {
        let of_set = || {
            let of = part(Field::InputInterface);
            let (not, values, set) = (false, Vec::new(), Some("strict_ifaces".to_owned()));
            Step::Match(Match { of, not, values, set })
        };
        let query = FibQuery { result: RESULT_OIF, flags: OF_SOURCE | OF_INPUT };
        let of = part(Field::Fib(query));
        let by_map = Step::VerdictMap(VerdictMap { of, set: "strict".into() });
        let rules = vec![rule([of_set(), by_map]), rule([of_set(), Step::Verdict(Verdict::Drop)])];
        let names = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            vec![Element { values: vec![Value::Names(names)], verdict: None }]
        };
        let map = |verdict| {
            let values = vec![Value::Numbers(vec![Range::of(5)])];
            vec![Element { values, verdict: Some(verdict) }]
        };
        let unknown = |sets: Vec<Set>| {
            let chains = vec![chain(TableFamily::Ip, CHAIN, rules.clone())];
            let found = source_validation(&Ruleset { chains, sets, legacy: Vec::new() });
            found.into_iter().filter_map(|of| of.unknown).map(|u| u.expression).collect::<Vec<_>>()
        };
        let plain = set("strict_ifaces", names(&["vti1"]));
        let passes = set("strict", map(Verdict::Return));
        assert!(unknown(vec![plain.clone(), passes.clone()]).is_empty());
        let drops = set("strict", map(Verdict::Drop));
        assert_eq!(unknown(vec![plain.clone(), drops]), ["lookup", "immediate"]);
        let interval = set("strict_ifaces", names(&["vti*"]));
        assert_eq!(unknown(vec![interval, passes.clone()]), ["lookup", "lookup"]);
        let unread = Set { unread: Some(crate::snapshot::filter::Unread::Failed), ..plain.clone() };
        assert_eq!(unknown(vec![unread, passes]), ["lookup", "lookup"]);
        assert_eq!(unknown(vec![plain]), ["lookup", "immediate"], "no such map");
    }
}
