//! VTI-310: a routing rule on a mark sends the tunnel's packets another way.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::lans;
use crate::diagnose::remotes;
use crate::report::Confidence;
use crate::snapshot::{Family, Mark, Observed, RouteAnswer, RouteQuery, Rule, Source};
use crate::way::around::filter::Filter;
use crate::way::around::{decrypted_mark, esp_arrives, esp_leaves};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::RuleDivertsPackets,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[]),
    check,
};

const EXPLAIN: &str = "
What happens
    A routing rule on a mark sends packets of the tunnel to another
    table: ESP into the tunnel itself, or what was decrypted out of the
    WAN and back to the peer.

Why
    The packet filter marks ESP. On its way out, a chain of type route
    in OUTPUT has it routed again with that mark. On its way in, the
    decrypted packet keeps the mark of its ESP, and the rule for the WAN
    takes it for a packet of the WAN.

How to confirm
    {Rules}
    {Ruleset}\tthe rules that set the mark

What to do
    Exclude ESP and UDP 4500 from the rules that set the mark, or set
    the mark back for packets that come in by the interface.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(filter) = case.filter()? else { return Err(Unconfirmed::RuledOut) };
    let rules = case.now.rules.as_ref().map_err(Clone::clone)?;
    if !rules.iter().any(Rule::is_on_a_mark) {
        return Err(Unconfirmed::RuledOut);
    }
    if let Some(found) = decrypted(case, filter, rules)? {
        return Ok(found);
    }
    if let Some(found) = into_itself(case, filter, rules)? {
        return Ok(found);
    }
    Err(Unconfirmed::RuledOut)
}

/// The rule that a mark has.
fn rule_of(rules: &[Rule], mark: u32, family: Family) -> Option<&Rule> {
    rules.iter().find(|rule| {
        let Mark { value, mask } = rule.fwmark;
        rule.family == family && rule.is_on_a_mark() && mark & mask == value
    })
}

/// Whether the rules do the same with packets of both marks: the kernel was asked about the values of the rules alone.
fn alike(rules: &[Rule], one: u32, other: u32, family: Family) -> bool {
    rules.iter().filter(|rule| rule.family == family && rule.is_on_a_mark()).all(|rule| {
        let Mark { value, mask } = rule.fwmark;
        (one & mask == value) == (other & mask == value)
    })
}

/// What was decrypted, out of another device than that of the network that it is for.
fn decrypted(case: &Case<'_>, filter: &Filter<'_>, rules: &[Rule]) -> Observed<Option<Found>> {
    let (Some(inbound), tunnel) = (case.inbound()?, case.tunnel()?) else { return Ok(None) };
    let Some(sa) = inbound.own.first() else { return Ok(None) };
    let (_, arrived) = esp_arrives(filter, tunnel, sa);
    let Some(mark) = decrypted_mark(sa, &arrived).filter(|mark| *mark != 0) else {
        return Ok(None);
    };
    for remote in remotes::of(case.tunnel()?, &case.tried)? {
        let family = Family::of(remote.address);
        let Some(rule) = rule_of(rules, mark, family) else { continue };
        for lan in lans::that_receive(tunnel, family)? {
            // Which host of the network the kernel was asked about does not matter.
            let lookups = case.now.route_lookups.as_ref().map_err(Clone::clone)?;
            let asked = lookups.iter().find(|lookup| {
                let RouteQuery { destination, source, mark: of, vrf } = &lookup.query;
                let is_plain = source.is_none() && vrf.is_none();
                is_plain && alike(rules, *of, mark, family) && lan.prefix.contains(destination)
            });
            let Some(RouteAnswer::Route { oif, .. }) = asked.map(|lookup| &lookup.answer) else {
                continue;
            };
            if *oif == lan.link.ifindex {
                continue;
            }
            let out = tunnel.state.link_name(*oif);
            let summary = format!(
                "what {} delivers keeps the mark {mark:#x} of its ESP, and the routing rule {} sends it out of {out} instead of {}",
                case.name, rule.priority, lan.link.name
            );
            return Ok(Some(found(
                case,
                rule,
                mark,
                summary,
                &format!("{} with mark {mark:#x} leaves by {out}", lan.host),
            )));
        }
    }
    Ok(None)
}

/// ESP, into the tunnel that it comes from.
fn into_itself(case: &Case<'_>, filter: &Filter<'_>, rules: &[Rule]) -> Observed<Option<Found>> {
    if !filter.reroutes() {
        return Ok(None);
    }
    let tunnel = case.tunnel()?;
    for sa in tunnel.outbound_sas()? {
        let (_, left) = esp_leaves(filter, tunnel, sa, Some(0));
        let Some(mark) = left.mark.filter(|mark| *mark != 0) else { continue };
        let Some(rule) = rule_of(rules, mark, Family::of(sa.destination)) else { continue };
        let family = Family::of(sa.destination);
        let asked = tunnel.state.lookups_within(&sa.destination.into())?.iter().find(|lookup| {
            let RouteQuery { source, mark: of, vrf, .. } = &lookup.query;
            *source == Some(sa.source) && vrf.is_none() && alike(rules, *of, mark, family)
        });
        let Some(RouteAnswer::Route { oif, .. }) = asked.map(|lookup| &lookup.answer) else {
            continue;
        };
        if *oif != tunnel.link.ifindex {
            continue;
        }
        let summary = format!(
            "ESP of {} gets the mark {mark:#x} in OUTPUT, and the routing rule {} sends it into {} again",
            case.name, rule.priority, case.name
        );
        let fact = format!("{} with mark {mark:#x} leaves by {}", sa.destination, case.name);
        return Ok(Some(found(case, rule, mark, summary, &fact)));
    }
    Ok(None)
}

fn found(case: &Case<'_>, rule: &Rule, mark: u32, summary: String, route: &str) -> Found {
    let Mark { value, mask } = rule.fwmark;
    let fact =
        format!("rule {}: fwmark {value:#x}/{mask:#x} to table {}", rule.priority, rule.table);
    // The kernel was asked for the route of a packet of this host: the rules of a packet that comes in may be others.
    Found::new(Confidence::Consistent, "fib_rules_lookup()", summary)
        .seen(case, fact, Source::Rules)
        .seen(case, route, Source::RouteLookups)
        .seen(case, format!("rules of nftables set the mark {mark:#x}"), Source::PacketFilter)
        .next(case, "list the routing rules", Command::Rules)
        .next(case, "find the rule that sets the mark", Command::Ruleset)
}
