//! What the rules of one of VyOS's chains come to: which of them drop packets by the way back of their source, for which interfaces. A rule
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

use super::nft::{Element, Incoming, Rule, Verdict, WayBack};
use crate::snapshot::validation::{InterfaceSet, UnknownRule};
use crate::snapshot::{Family, SourceValidation};

/// The elements of a set or a map of one table.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Its elements.
    pub elements: Vec<Element>,
}

/// The chain that that of the interfaces leads to: what is for all of them.
pub const GLOBAL_CHAIN: &str = "vyos_global_rpfilter";

/// The names of the sets and maps that a rule looks something up in.
pub fn sets_of(rule: &Rule) -> impl Iterator<Item = &str> {
    let set = match &rule.incoming {
        Incoming::Set(name) => Some(name.as_str()),
        Incoming::Any | Incoming::Interface(_) => None,
    };
    let map = match &rule.way_back {
        Some((WayBack::Map(name), _)) => Some(name.as_str()),
        _ => None,
    };
    set.into_iter().chain(map)
}

/// What the rules of `chain`, in their order, drop by the way back.
pub fn validations(chain: &str, rules: &[Rule], sets: &[Set]) -> Vec<SourceValidation> {
    let mut found = Vec::new();
    // What rules before let through because it has a way back, strict or not.
    let mut passed: Vec<(&Incoming, bool)> = Vec::new();
    for rule in rules {
        match kind(rule, sets, &passed) {
            Kind::Drops(strict) => found.push(validation(rule, sets, strict)),
            Kind::Passes(strict) => passed.push((&rule.incoming, strict)),
            Kind::Harmless => {}
            Kind::Unknown(expression) => {
                let (chain, expression) = (chain.to_owned(), expression.to_owned());
                let unknown = Some(UnknownRule { chain, handle: rule.handle, expression });
                let interface = match &rule.incoming {
                    Incoming::Interface(name) => Some(name.clone()),
                    Incoming::Any | Incoming::Set(_) => None,
                };
                found.push(SourceValidation { unknown, interface, ..nothing(rule.family) });
            }
        }
    }
    found
}

/// What a rule is.
enum Kind {
    /// It drops what has no way back, strict or not.
    Drops(bool),
    /// It lets through what has a way back, strict or not.
    Passes(bool),
    /// It drops nothing.
    Harmless,
    /// It may drop something, and has this expression.
    Unknown(&'static str),
}

fn kind(rule: &Rule, sets: &[Set], passed: &[(&Incoming, bool)]) -> Kind {
    if let Some(expression) = rule.unknown {
        // Fewer packets pass by it, or other ones; none is dropped.
        return match rule.verdict {
            Verdict::Pass => Kind::Harmless,
            _ => Kind::Unknown(expression),
        };
    }
    if let Incoming::Set(name) = &rule.incoming {
        if !find(sets, rule.family, name).is_some_and(|set| set.elements.iter().all(|e| e.is_plain))
        {
            return Kind::Unknown("lookup");
        }
    }
    match (&rule.way_back, &rule.verdict) {
        (Some((WayBack::Missing, strict)), Verdict::Drop) => Kind::Drops(*strict),
        (Some((WayBack::Exists, strict)), Verdict::Pass) => Kind::Passes(*strict),
        (Some((WayBack::Map(name), strict)), Verdict::Continue) => {
            let passes = |e: &Element| e.is_plain && e.verdict == Some(Verdict::Pass);
            match find(sets, rule.family, name) {
                Some(map) if map.elements.iter().all(passes) => Kind::Passes(*strict),
                _ => Kind::Unknown("lookup"),
            }
        }
        (_, Verdict::Continue | Verdict::Pass) => Kind::Harmless,
        // What is left of those that have a way back, and were let through.
        (None, Verdict::Drop) => {
            let before = passed.iter().find(|(incoming, _)| **incoming == rule.incoming);
            before.map_or(Kind::Unknown("immediate"), |(_, strict)| Kind::Drops(*strict))
        }
        (None, Verdict::Jump(chain)) if chain == GLOBAL_CHAIN => Kind::Harmless,
        (Some(_), _) => Kind::Unknown("fib"),
        (None, _) => Kind::Unknown("immediate"),
    }
}

fn find<'a>(sets: &'a [Set], family: Family, name: &str) -> Option<&'a Set> {
    sets.iter().find(|set| set.family == family && set.name == name)
}

fn validation(rule: &Rule, sets: &[Set], strict: bool) -> SourceValidation {
    let (interface, set) = match &rule.incoming {
        Incoming::Any => (None, None),
        Incoming::Interface(name) => (Some(name.clone()), None),
        Incoming::Set(name) => {
            let elements = find(sets, rule.family, name).map_or(&[][..], |set| &set.elements);
            let mut interfaces: Vec<String> = elements.iter().map(Element::name).collect();
            interfaces.sort();
            (None, Some(InterfaceSet { name: name.clone(), interfaces }))
        }
    };
    let (packets, bytes) = (rule.packets, rule.bytes);
    SourceValidation { interface, set, strict, packets, bytes, ..nothing(rule.family) }
}

const fn nothing(family: Family) -> SourceValidation {
    let (packets, bytes, strict) = (0, 0, false);
    SourceValidation { family, interface: None, set: None, strict, packets, bytes, unknown: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::nft::{NEWRULE, decode};
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

    /// The rules of tests/wire/record.sh: three of VyOS, and others beside them.
    #[test]
    fn the_rules_of_vyos_are_read_and_those_of_other_forms_are_named() {
        for recording in RECORDINGS {
            let all: Vec<Rule> = payloads(recording, NEWRULE)
                .iter()
                .filter_map(|rule| decode(rule).unwrap())
                .collect();
            assert_eq!(all.len(), 14);
            let found = validations("vyos_rpfilter", &all, &[]);
            let (unknown, known): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|rule| rule.unknown.is_some());
            let expected = [
                of(Family::Inet, Some("vti0"), true, 5, 420),
                of(Family::Inet, None, true, 0, 0),
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

    fn rule(incoming: Incoming, way_back: Option<(WayBack, bool)>, verdict: Verdict) -> Rule {
        let family = Family::Inet;
        let (packets, bytes, handle) = (7, 588, 4);
        Rule { family, handle, incoming, way_back, packets, bytes, verdict, unknown: None }
    }

    fn element(key: &[u8], verdict: Option<Verdict>) -> Element {
        Element { key: key.to_vec(), verdict, is_plain: true }
    }

    fn set(name: &str, elements: &[Element]) -> Set {
        Set { family: Family::Inet, name: name.to_owned(), elements: elements.to_vec() }
    }

    #[test]
    fn a_map_that_drops_and_a_set_of_intervals_are_of_no_known_form() {
        let ifaces = || Incoming::Set("strict_ifaces".into());
        let by_map = rule(ifaces(), Some((WayBack::Map("strict".into()), true)), Verdict::Continue);
        let rules = [by_map, rule(ifaces(), None, Verdict::Drop)];
        let vti1 = element(b"vti1\0\0\0\0", None);
        let pass = element(&[5, 0, 0, 0], Some(Verdict::Pass));
        let unknown = |sets: &[Set]| {
            let found = validations("vyos_rpfilter", &rules, sets);
            found.into_iter().filter_map(|of| of.unknown).map(|u| u.expression).collect::<Vec<_>>()
        };
        let plain = set("strict_ifaces", std::slice::from_ref(&vti1));
        let map = |element: &Element| set("strict", std::slice::from_ref(element));
        assert!(unknown(&[plain.clone(), map(&pass)]).is_empty());
        let drops = Element { verdict: Some(Verdict::Drop), ..pass.clone() };
        assert_eq!(unknown(&[plain.clone(), map(&drops)]), ["lookup", "immediate"]);
        let interval = Element { is_plain: false, ..vti1 };
        assert_eq!(unknown(&[set("strict_ifaces", &[interval]), map(&pass)]), ["lookup", "lookup"]);
        assert_eq!(unknown(&[plain]), ["lookup", "immediate"], "no such map");
    }
}
