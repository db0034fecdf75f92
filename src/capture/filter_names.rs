//! What stands for the names of tables, chains and sets of nftables in a redacted capture, and for comments: those that VyOS and others give stay,
//! those that an operator gave become numbers. VyOS makes names of names (`NAME_X`, `VZONE_X`, `A_X`): equal parts stay equal.

use super::known;
use crate::snapshot::filter::{Match, Ruleset, Step, Value};
use crate::snapshot::vyos_rule::VyosRule;
use std::collections::BTreeMap;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Table,
    Chain,
    Set,
}

/// The names so far, each with its number.
#[derive(Default)]
pub(super) struct FilterNames(BTreeMap<String, usize>);

/// What VyOS puts before a name that the operator chose: chains of the firewall, of zones and of policy routes, and the sets of groups.
const PREFIXES: [&str; 19] = [
    "NAME_",
    "NAME6_",
    "VZONE_",
    "VYOS_PBR_UD_",
    "VYOS_PBR6_UD_",
    "A_",
    "A6_",
    "N_",
    "N6_",
    "P_",
    "I_",
    "M_",
    "D_",
    "D6_",
    "DA_",
    "DA6_",
    "RECENT_",
    "FQDN_",
    "GEOIP_",
];
/// What VyOS puts behind the name of a zone.
const SUFFIXES: [&str; 2] = ["_IN", "_OUT"];

impl FilterNames {
    /// What stands for a name.
    pub fn name(&mut self, of: Of, name: &str) -> String {
        if known::FILTER_NAMES.contains(&name) || is_anonymous(name) {
            return name.to_owned();
        }
        if of == Of::Table {
            return format!("table{}", self.number(name));
        }
        if let Some(prefix) = PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
            let rest = name.strip_prefix(prefix).unwrap_or_default();
            let zone = *prefix == "VZONE_";
            let suffix = SUFFIXES.iter().find(|suffix| zone && rest.ends_with(**suffix));
            let rest = suffix.and_then(|suffix| rest.strip_suffix(suffix)).unwrap_or(rest);
            return format!("{prefix}{}{}", self.chosen(rest), suffix.unwrap_or(&""));
        }
        let what = if of == Of::Chain { "chain" } else { "set" };
        format!("{what}{}", self.number(name))
    }

    /// What stands for a comment that VyOS did not write.
    const LEFT_OUT: &str = "left out";

    /// What stands for a comment.
    pub fn comment(&mut self, comment: &str) -> String {
        let rule = VyosRule::of(comment);
        let renamed = rule.map(|rule| rule.renamed(|name| self.chosen(name)));
        renamed.unwrap_or_else(|| Self::LEFT_OUT.to_owned())
    }

    fn chosen(&mut self, name: &str) -> String {
        format!("name{}", self.number(name))
    }

    fn number(&mut self, name: &str) -> usize {
        let next = self.0.len().saturating_add(1);
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// The names that the kernel gives to sets without one (`nf_tables_set_alloc_name()`).
fn is_anonymous(name: &str) -> bool {
    let number = ["__set", "__map"].iter().find_map(|start| name.strip_prefix(start));
    number.is_some_and(|number| number.len() <= 6 && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The names of interfaces in a ruleset; beginnings of names not.
pub(super) fn interfaces(ruleset: &Ruleset) -> Vec<&str> {
    let steps = ruleset.chains.iter().flat_map(|c| &c.rules).flat_map(|rule| &rule.steps);
    let of_rules = steps.flat_map(|step| match step {
        Step::Match(Match { values, .. }) => values.as_slice(),
        _ => &[],
    });
    let of_sets = ruleset.sets.iter().flat_map(|set| &set.elements).flat_map(|e| &e.values);
    let names = of_rules.chain(of_sets).flat_map(|value| match value {
        Value::Names(names) => names.as_slice(),
        _ => &[],
    });
    let devices = ruleset.chains.iter().flat_map(|chain| &chain.base).flat_map(|b| &b.devices);
    let is_name = |name: &&String| !name.ends_with('*') && !name.is_empty();
    names.filter(is_name).chain(devices).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_named_becomes_a_number_the_same_everywhere() {
        let mut names = FilterNames::default();
        assert_eq!(names.name(Of::Chain, "NAME_customer"), "NAME_name1");
        assert_eq!(names.comment("ipv4-NAM-customer-10"), "ipv4-NAM-name1-10");
        assert_eq!(names.name(Of::Chain, "VZONE_branch_IN"), "VZONE_name2_IN");
        assert_eq!(
            names.comment("zone_branch default-action drop"),
            "zone_name2 default-action drop"
        );
        assert_eq!(names.name(Of::Set, "A_servers"), "A_name3");
        assert_eq!(names.name(Of::Table, "corp"), "table4");
        assert_eq!(names.name(Of::Chain, "corp-in"), "chain5");
        assert_eq!(names.comment("let Alice in"), "left out");
    }

    #[test]
    fn names_that_every_system_has_stay() {
        let mut names = FilterNames::default();
        for name in ["vyos_filter", "VYOS_FORWARD_filter", "FORWARD", "__set12", "rpfilter_strict"]
        {
            assert_eq!(names.name(Of::Chain, name), name);
        }
        assert_ne!(names.name(Of::Set, "__set_of_alice"), "__set_of_alice");
    }
}
