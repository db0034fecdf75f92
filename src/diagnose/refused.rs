//! Packets from the peer that the policies of this host refuse, as a finding: the sentence and the evidence, for the diagnoses that tell the
//! reasons apart. Whether they are refused is the receive model's answer.

use super::arrivals::{self, Arrival, Kind, Towards};
use super::case::Case;
use super::commands::Command;
use super::diagnosis::{Outcome, Unconfirmed};
use super::found::Found;
use crate::code::Severity;
use crate::report::Confidence;
use crate::snapshot::{Family, Policy, PolicyDirection, Sa, Source};
use crate::tunnel::Tunnel;
use crate::way::Mismatch;
use crate::way::receive::{self, Direction, Refusal, Site};

impl Arrival<'_> {
    /// Whether the encrypted packet itself is refused, before it is decrypted.
    pub const fn is_refused_outside(&self) -> bool {
        matches!(self.verdict.site, Site::OuterPolicy { .. })
    }

    /// Which policies refuse it.
    const fn direction(&self) -> PolicyDirection {
        match &self.verdict.site {
            Site::Policy { direction: Direction::Forward, .. }
            | Site::AsClear { direction: Direction::Forward, .. } => PolicyDirection::Forward,
            _ => PolicyDirection::In,
        }
    }
}

/// The finding about the packets that are refused for the reasons that `is_it` takes; a fault where no packet is let in.
pub(super) fn check(case: &Case<'_>, is_it: impl Fn(&Arrival<'_>) -> bool) -> Outcome {
    let tunnel = case.tunnel()?;
    if case.inbound()?.is_none() {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    }
    let kinds = arrivals::kinds(case.arrivals()?);
    let (lost, others): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| {
        kind.refused.is_some_and(|arrival| !arrival.is_of_another(tunnel) && is_it(arrival))
    });
    let Some(first) = lost.first().and_then(|kind| kind.refused) else {
        return match arrivals::open(&kinds) {
            Some(missing) => Err(missing.into()),
            None => Err(Unconfirmed::RuledOut),
        };
    };
    let passing: Vec<&Kind<'_, '_>> =
        others.into_iter().filter(|k| k.refused.is_none() && k.open.is_none()).collect();
    let what = what_happens(&lost, &passing);
    let why = reason(tunnel, &lost, first);
    let severity = if passing.is_empty() { Severity::Fault } else { Severity::Warning };
    let mut found = Found::proven_inbound(case, first, format!("{what}: {why}")).severity(severity);
    if let Some(fact) = exemption(tunnel, &lost) {
        found = found.concluded(fact, Source::DeviceConfiguration);
    }
    if let Err(missing) = &case.now.sysctls.all_disable_policy {
        let fact = format!("whether disable_policy exempts IPv4 packets is unknown: {missing}");
        found = found.concluded(fact, missing.source).at_most(Confidence::Consistent);
    }
    let sa = first.sa;
    found = found
        .seen(
            case,
            format!("SA {}: reqid {}, mode {}", sa.spi, sa.reqid, sa.mode),
            Source::SecurityAssociations,
        )
        .seen_if(case, case.counted.words("rx_errors", |c| c.rx_errors), Source::Links)
        .before(case, first);
    Ok(remedies(case, found, &lost))
}

/// Which packets are dropped, and which are not.
fn what_happens(lost: &[&Kind<'_, '_>], passing: &[&Kind<'_, '_>]) -> String {
    let all_are =
        |list: &[&Kind<'_, '_>], one: fn(&Kind<'_, '_>) -> bool| list.iter().all(|k| one(k));
    let is_ipv6 = |k: &Kind<'_, '_>| k.family == Family::Inet6;
    let to_host = |k: &Kind<'_, '_>| k.towards == Towards::ThisHost;
    let packets = if all_are(lost, is_ipv6) && passing.iter().any(|k| !is_ipv6(k)) {
        "IPv6 packets"
    } else if all_are(lost, |k| k.family != Family::Inet6) && passing.iter().any(|k| is_ipv6(k)) {
        "IPv4 packets"
    } else {
        "packets"
    };
    let dropped = match lost.first().and_then(|kind| kind.refused) {
        Some(arrival) if arrival.is_refused_outside() => "are dropped before they are decrypted",
        _ => "are decrypted, then dropped",
    };
    let same_family: Vec<&&Kind<'_, '_>> =
        passing.iter().filter(|k| lost.iter().any(|l| l.family == k.family)).collect();
    if same_family.is_empty() {
        format!("{packets} from the peer {dropped}")
    } else if all_are(lost, to_host) {
        format!("{packets} from the peer to this host itself {dropped}, but forwarded ones pass")
    } else {
        format!(
            "{packets} from the peer to hosts behind this one {dropped}, but those to this host itself pass"
        )
    }
}

/// Why the first of them is refused.
fn reason(tunnel: &Tunnel<'_>, lost: &[&Kind<'_, '_>], first: &Arrival<'_>) -> String {
    let key = tunnel.mark_or_if_id;
    let flow = &first.flow;
    let is_alike = |a: &&Arrival<'_>| {
        let kind = |a: &Arrival<'_>| a.refusal().map(std::mem::discriminant);
        kind(a) == kind(first)
    };
    let mut names: Vec<&str> = lost
        .iter()
        .filter_map(|k| k.refused)
        .filter(is_alike)
        .map(|a| name(a.direction()))
        .collect();
    names.dedup();
    let directions = names.join(" or ");
    let policy =
        if first.flow.family() == Family::Inet6 && lost.iter().all(|k| k.family == Family::Inet6) {
            "IPv6 policy"
        } else {
            "policy"
        };
    let (from, to) = (first.sa.source, first.sa.destination);
    match (&first.verdict.site, first.refusal()) {
        (Site::OuterPolicy { in_udp, refusal }, _) => {
            let what = if *in_udp { "UDP packets" } else { "ESP packets" };
            match refusal {
                Refusal::DefaultBlock | Refusal::NoPolicy { .. } => format!(
                    "the default of direction in is block, and no policy without a mark lets the {what} {from} -> {to} pass"
                ),
                Refusal::Blocks { index } => format!(
                    "a policy without a mark blocks the {what} {from} -> {to} ({})",
                    in_words(tunnel, *index)
                ),
                Refusal::Template { index, .. } | Refusal::NoTemplate { index } => format!(
                    "a policy without a mark covers the {what} {from} -> {to} and wants them encrypted once more ({})",
                    in_words(tunnel, *index)
                ),
                Refusal::Selector | Refusal::OtherFamily => String::new(),
            }
        }
        (Site::AsClear { .. }, Some(refusal)) => {
            let index = match refusal {
                Refusal::Blocks { index }
                | Refusal::Template { index, .. }
                | Refusal::NoTemplate { index } => Some(*index),
                _ => None,
            };
            let by = index.map_or("the default, which is block".to_owned(), |index| {
                format!("a policy without its mark ({})", in_words(tunnel, index))
            });
            format!(
                "{} lets them in, but {by} of direction {directions} refuses them",
                tunnel.link.name
            )
        }
        (_, Some(Refusal::NoPolicy { has_own: false })) => {
            format!("no {policy} of direction {directions} has {key}")
        }
        (_, Some(Refusal::NoPolicy { has_own: true })) => {
            format!("no {policy} of direction {directions} with {key} covers {flow}")
        }
        (_, Some(Refusal::DefaultBlock)) => {
            format!("no {policy} of direction {directions} has {key}, and the default is block")
        }
        (_, Some(Refusal::Blocks { .. })) => {
            format!("the policy of direction {directions} with {key} blocks them")
        }
        (_, Some(Refusal::NoTemplate { .. })) => format!(
            "the policy of direction {directions} with {key} has no template, so that it takes only packets in clear"
        ),
        (_, Some(Refusal::Template { mismatches, .. })) => format!(
            "the policy of direction {directions} with {key} wants another SA ({})",
            differences(first.sa, mismatches)
        ),
        (_, Some(Refusal::OtherFamily)) => format!(
            "the selector of SA {} is of the other family, whose policies {} asks, and none of those has {key}",
            first.sa.spi, tunnel.link.name
        ),
        (_, Some(Refusal::Selector)) => {
            format!("the selector of SA {} does not cover {flow}", first.sa.spi)
        }
        (_, None) => String::new(),
    }
}

const fn name(direction: PolicyDirection) -> &'static str {
    match direction {
        PolicyDirection::Forward => "fwd",
        _ => "in",
    }
}

/// What an SA has, and what the template wants.
fn differences(sa: &Sa, mismatches: &[Mismatch]) -> String {
    let of =
        |m: &Mismatch| format!("SA {} has {} {}, it wants {}", sa.spi, m.field, m.have, m.want);
    mismatches.first().map_or_else(|| "the packet has no SA".to_owned(), of)
}

/// A policy by its index.
fn in_words(tunnel: &Tunnel<'_>, index: u32) -> String {
    let all = tunnel.state.snapshot.policies.iter().flatten();
    let found = all.into_iter().find(|policy: &&Policy| policy.index == index);
    found.map_or_else(
        || format!("index {index}"),
        |policy| format!("{}, priority {}", policy.selector, policy.priority),
    )
}

/// That other packets need no policy.
fn exemption(tunnel: &Tunnel<'_>, lost: &[&Kind<'_, '_>]) -> Option<&'static str> {
    let only_ipv6 = lost.iter().all(|kind| kind.family == Family::Inet6);
    let is_exempt = receive::is_exempt(tunnel, Family::Inet) == Ok(true);
    (only_ipv6 && is_exempt).then_some("disable_policy exempts IPv4 packets from the policies")
}

fn remedies(case: &Case<'_>, mut found: Found, lost: &[&Kind<'_, '_>]) -> Found {
    let arrivals = || lost.iter().filter_map(|kind| kind.refused);
    if arrivals().any(|a| a.direction() == PolicyDirection::In) {
        found = found.next(case, "list the policies", Command::InboundPolicies);
    }
    if arrivals().any(|a| a.direction() == PolicyDirection::Forward) {
        let what = "list the policies for what is forwarded";
        found = found.next(case, what, Command::ForwardPolicies);
    }
    let by_default = |a: &Arrival<'_>| matches!(a.refusal(), Some(Refusal::DefaultBlock));
    if arrivals().any(by_default) {
        found = found.next(case, "show the defaults", Command::DefaultPolicies);
    }
    let is_foreign =
        |a: &Arrival<'_>| matches!(a.verdict.site, Site::OuterPolicy { .. } | Site::AsClear { .. });
    if arrivals().any(is_foreign) {
        return found;
    }
    found.next(case, "restart the negotiation", Command::RestartChild)
}
