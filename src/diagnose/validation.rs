//! What VyOS's rules of nftables say of source validation: whose packets their counters hold. The rule of an interface speaks of that
//! interface alone, that of the host of all of them.

use super::case::Case;
use super::diagnosis::{Outcome, Unconfirmed};
use super::found::Found;
use crate::code::Severity;
use crate::report::Confidence;
use crate::snapshot::{Family, Observed, Reason, Snapshot, Source, SourceValidation};
use crate::units::PACKET;

/// VTI-406 by these rules.
pub(super) fn check(case: &Case<'_>) -> Outcome {
    case.tunnel()?;
    let rules = match &case.now.source_validation {
        Ok(rules) => rules,
        // Without nf_tables no rule drops anything.
        Err(missing) if missing.reason == Reason::Absent => return Err(Unconfirmed::RuledOut),
        Err(missing) => return Err(missing.clone().into()),
    };
    let own = |rule: &&SourceValidation| rule.interface.as_deref() == Some(case.name);
    if let Some(found) = by_own_rule(case, rules.iter().filter(own))? {
        return Ok(found);
    }
    // The rule of an interface ends in a return, so that of the host sees none of its packets.
    let is_covered = |family: Family| rules.iter().filter(own).any(|rule| rule.family == family);
    let of_host = rules.iter().filter(|rule| rule.interface.is_none() && !is_covered(rule.family));
    by_rule_of_host(case, of_host)?.ok_or(Unconfirmed::RuledOut)
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
                        "source validation of {name} dropped {} over the interval",
                        PACKET.of(risen)
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

/// The rule for all interfaces: a possible cause where packets come in here, none go out, and it drops some.
fn by_rule_of_host<'a>(
    case: &Case<'_>,
    rules: impl Iterator<Item = &'a SourceValidation>,
) -> Observed<Option<Found>> {
    for rule in rules.filter(|rule| rule.packets > 0) {
        let earlier = case.earlier.ok_or_else(Case::no_interval)?;
        let dropped = risen(rule, earlier)?;
        let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
        if dropped > 0 && interval.rx_packets > 0 && interval.tx_packets == 0 {
            let summary = format!(
                "source validation of this host dropped {} while {} received {} and sent none",
                PACKET.of(dropped),
                case.name,
                interval.rx_packets
            );
            return Ok(Some(found(case, rule, Confidence::Possible, summary)));
        }
    }
    Ok(None)
}

/// Packets that a rule dropped over the interval; all of them where the rule was not there before.
fn risen(rule: &SourceValidation, earlier: &Snapshot) -> Observed<u64> {
    let before = earlier.source_validation.as_ref().map_err(Clone::clone)?;
    let is_same = |other: &&SourceValidation| {
        (other.family, &other.interface, other.strict)
            == (rule.family, &rule.interface, rule.strict)
    };
    let before = before.iter().find(is_same).map_or(0, |other| other.packets);
    // A counter that went back was made anew.
    Ok(rule.packets.checked_sub(before).unwrap_or(rule.packets))
}

fn found(
    case: &Case<'_>,
    rule: &SourceValidation,
    confidence: Confidence,
    summary: String,
) -> Found {
    let (table, node) = match rule.family {
        Family::Inet6 => ("ip6", "ipv6"),
        _ => ("ip", "ip"),
    };
    let matched = rule.interface.as_ref().map(|name| format!("iifname {name} "));
    let way_back = if rule.strict { "saddr . iif" } else { "saddr" };
    let fact = format!(
        "table {table} raw: {}fib {way_back} oif 0 drop: {}",
        matched.unwrap_or_default(),
        PACKET.of(rule.packets)
    );
    let list = match rule.interface {
        Some(_) => format!("sudo nft list chain {table} raw vyos_rpfilter"),
        None => format!("sudo nft list chain {table} raw vyos_global_rpfilter"),
    };
    let loose = match (&rule.interface, rule.family) {
        (Some(_), _) => format!("set interfaces vti IFACE {node} source-validation loose"),
        (None, Family::Inet6) => {
            "set firewall global-options ipv6-source-validation loose".to_owned()
        }
        (None, _) => "set firewall global-options source-validation loose".to_owned(),
    };
    let found = Found::new(confidence, "nft_fib in PREROUTING: drop", summary)
        .seen(case, fact, Source::SourceValidation)
        .next(case, "see whether the counter rises", &list, &list)
        .next(
            case,
            "see which sources come in: each needs a route into IFACE",
            "monitor traffic interface IFACE",
            "tcpdump -ni IFACE",
        );
    // A loose rule asks for any route, so there is none at all.
    if rule.strict { found.next(case, "or let it accept any way back", &loose, "") } else { found }
}
