//! What the counters of VyOS's nftables rules for source validation prove. The rule of an interface counts packets of that interface only,
//! the rule of a set those of all its interfaces, the rule of the host those of all interfaces. A rule of an unknown form may drop any packet.

use super::case::Case;
use super::commands::Command;
use super::counted;
use super::diagnosis::{Outcome, Unconfirmed};
use super::found::Found;
use super::words::Word;
use crate::code::Severity;
use crate::report::Confidence;
use crate::snapshot::validation::UnknownRule;
use crate::snapshot::{Family, Missing, Observed, Reason, Snapshot, Source, SourceValidation};
use crate::units::{MORE_INTERFACE, MORE_RULE, PACKET};

/// VTI-406 by these rules.
pub(super) fn check(case: &Case<'_>) -> Outcome {
    case.tunnel()?;
    let rules = match &case.now.source_validation {
        Ok(rules) => rules,
        // Without nf_tables no rule drops packets.
        Err(missing) if missing.reason == Reason::Absent => return Err(Unconfirmed::RuledOut),
        Err(missing) => return Err(missing.clone().into()),
    };
    let own = |rule: &&SourceValidation| rule.is_of(case.name);
    if let Some(found) = by_own_rule(case, rules.iter().filter(own))? {
        return Ok(found);
    }
    // Packets that pass the rules of an interface reach a return or an accept, so the host's rule sees none of them.
    let covers = |rule: &SourceValidation| rule.is_of(case.name) || rule.is_shared_by(case.name);
    let is_covered =
        |family: Family| rules.iter().any(|rule| rule.family == family && covers(rule));
    let of_several = |rule: &&SourceValidation| {
        rule.is_shared_by(case.name) || rule.is_of_host() && !is_covered(rule.family)
    };
    if let Some(found) = by_rule_of_several(case, rules.iter().filter(of_several))? {
        return Ok(found);
    }
    let concerns = |rule: &&SourceValidation| {
        rule.interface.as_deref().is_none_or(|interface| interface == case.name)
    };
    match unknown(rules.iter().filter(concerns)).next() {
        Some(what) => Err(Missing::new(Source::SourceValidation, Reason::Undecidable, what).into()),
        None => Err(Unconfirmed::RuledOut),
    }
}

/// One sentence for each rule of an unknown form.
fn unknown<'a>(rules: impl Iterator<Item = &'a SourceValidation>) -> impl Iterator<Item = String> {
    rules.filter_map(|rule| {
        let UnknownRule { chain, handle, expression } = rule.unknown.as_ref()?;
        let table = table(rule.family);
        Some(format!(
            "this version cannot read rule {handle} of chain {chain} in table {table} raw ({expression})"
        ))
    })
}

/// The note on the whole report about rules of an unknown form; none where there are none.
pub(super) fn reservation(now: &Snapshot) -> Option<String> {
    let all: Vec<String> = unknown(now.source_validation.iter().flatten()).collect();
    let first = all.first()?;
    let more = all.len().saturating_sub(1);
    let more = if more > 0 { format!(" (and {})", MORE_RULE.of(more)) } else { String::new() };
    Some(format!("Whether source validation drops packets is unknown: {first}{more}."))
}

/// The table that a rule's chain is in.
const fn table(family: Family) -> &'static str {
    match family {
        Family::Inet6 => "ip6",
        _ => "ip",
    }
}

/// The rule of this interface.
fn by_own_rule<'a>(
    case: &Case<'_>,
    rules: impl Iterator<Item = &'a SourceValidation>,
) -> Observed<Option<Found>> {
    for rule in rules.filter(|rule| rule.packets > 0) {
        let name = case.name;
        let (severity, confidence, summary) = match case.earlier {
            Some(earlier) => match risen(rule, earlier)? {
                0 => continue,
                risen => (
                    Severity::Warning,
                    Confidence::Proven,
                    format!(
                        "source validation of {name} dropped {} {}",
                        PACKET.of(risen),
                        case.during()
                    ),
                ),
            },
            None => (
                Severity::Notice,
                Confidence::Consistent,
                format!(
                    "source validation of {name} has dropped {} since it was set",
                    PACKET.of(rule.packets)
                ),
            ),
        };
        return Ok(Some(found(case, rule, confidence, summary).severity(severity)));
    }
    Ok(None)
}

/// A rule for all or several interfaces: a possible cause if this interface receives packets and sends none while the rule drops some.
fn by_rule_of_several<'a>(
    case: &Case<'_>,
    rules: impl Iterator<Item = &'a SourceValidation>,
) -> Observed<Option<Found>> {
    for rule in rules.filter(|rule| rule.packets > 0) {
        let earlier = case.earlier.ok_or_else(counted::no_interval)?;
        let dropped = risen(rule, earlier)?;
        let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
        if dropped > 0 && interval.rx_packets > 0 && interval.tx_packets == 0 {
            let others = rule.set.as_ref().map(|set| set.interfaces.len().saturating_sub(1));
            let of = match others {
                Some(others) => format!("{} and {}", case.name, MORE_INTERFACE.of(others)),
                None => "this host".to_owned(),
            };
            let summary = format!(
                "source validation of {of} dropped {} {} while {} received {} and sent none",
                PACKET.of(dropped),
                case.during(),
                case.name,
                PACKET.of(interval.rx_packets)
            );
            return Ok(Some(found(case, rule, Confidence::Possible, summary)));
        }
    }
    Ok(None)
}

/// What identifies a rule of a known form: its family, the interfaces whose packets it sees, and how strict it is.
fn identity(rule: &SourceValidation) -> (Family, Option<&str>, Option<&str>, bool) {
    let set = rule.set.as_ref().map(|set| set.name.as_str());
    (rule.family, rule.interface.as_deref(), set, rule.strict)
}

/// Packets that a rule dropped between the two samples; all of them if the rule did not exist in the earlier one.
fn risen(rule: &SourceValidation, earlier: &Snapshot) -> Observed<u64> {
    let before = earlier.source_validation.as_ref().map_err(Clone::clone)?;
    let mut known = before.iter().filter(|other| other.unknown.is_none());
    let is_same = |other: &&SourceValidation| identity(other) == identity(rule);
    let before = known.find(is_same).map_or(0, |other| other.packets);
    // A counter that went back belongs to a rule that was recreated.
    Ok(rule.packets.checked_sub(before).unwrap_or(rule.packets))
}

fn found(
    case: &Case<'_>,
    rule: &SourceValidation,
    confidence: Confidence,
    summary: String,
) -> Found {
    let table = table(rule.family);
    let node = if rule.family == Family::Inet6 { "ipv6" } else { "ip" };
    let set = rule.set.as_ref().map(|set| format!("iifname @{} ", set.name));
    let matched = rule.interface.as_ref().map(|name| format!("iifname {name} ")).or(set);
    let reverse = if rule.strict { "saddr . iif" } else { "saddr" };
    let fact = format!(
        "table {table} raw: {}fib {reverse} oif 0 drop: {}",
        matched.unwrap_or_default(),
        PACKET.of(rule.packets)
    );
    let (list, loose) = match (rule.is_of_host(), rule.family) {
        (false, _) => (Command::ValidationOfInterfaces, Command::ValidateLoosely),
        (true, Family::Inet6) => {
            (Command::ValidationOfHost, Command::ValidateIpv6LooselyEverywhere)
        }
        (true, _) => (Command::ValidationOfHost, Command::ValidateLooselyEverywhere),
    };
    let sources = format!("check which sources come in: each needs a route into {}", case.name);
    let found = Found::new(confidence, "nft_fib in PREROUTING: drop", summary)
        .seen(case, fact, Source::SourceValidation)
        .next(case, "check whether the counter is rising", list.with(Word::Family, table))
        .next(case, sources, Command::Packets);
    // A loose rule accepts any route, so the source has none at all.
    if rule.strict {
        found.next(case, "or accept any reverse path", loose.with(Word::Node, node))
    } else {
        found
    }
}
