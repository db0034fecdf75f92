//! VTI-309: NAT changes packets before the tunnel's policy sees them.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::forwarded;
use crate::diagnose::found::Found;
use crate::diagnose::lans::{self, Lan};
use crate::diagnose::remotes::{self, Remote};
use crate::report::Confidence;
use crate::snapshot::filter::{Hook, Rule, Step};
use crate::snapshot::{Family, Observed, Source};
use crate::way::around::enters;
use crate::way::around::filter::{Filter, Packet, Translated, rule_name};
use crate::way::{Flow, Outcome as End, transmit};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::TranslatedBeforeTheTunnel,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[]),
    check,
};

const EXPLAIN: &str = "
What happens
    A NAT rule changes the source of packets that go into the tunnel.
    The tunnel's policy sees the new source, and no selector has it: the
    packets are dropped, and the sender gets \"host unreachable\". The
    carrier counter is rising.

Why
    The kernel applies source NAT and masquerading (POSTROUTING) before
    it looks up the policy. A masquerade rule without an output
    interface also matches the packets for the tunnel.

How to confirm
    {Ruleset}\tthe NAT rules and their counters

What to do
    Add a rule before it that excludes packets for this interface (on
    VyOS: a source rule with this outbound interface and exclude).
    Existing connections keep their translation: delete them with
    conntrack -D.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(filter) = case.filter()? else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    for remote in remotes::of(case.tunnel()?, &case.tried)? {
        for lan in lans::that_send(tunnel, Family::of(remote.address))? {
            // Without NAT it must be one that the tunnel takes.
            let original = Flow::probe(lan.host, remote.address);
            if transmit::end(tunnel, &original).effect.outcome != End::Sent {
                continue;
            }
            if let Some(found) = translated(case, filter, &lan, &remote)? {
                return Ok(found);
            }
        }
    }
    Err(Unconfirmed::RuledOut)
}

/// What becomes of a packet from this network to the host behind the tunnel, where NAT has it lost.
fn translated(
    case: &Case<'_>,
    filter: &Filter<'_>,
    lan: &Lan<'_>,
    remote: &Remote,
) -> Observed<Option<Found>> {
    let tunnel = case.tunnel()?;
    let masquerade = forwarded::masquerade(tunnel, Family::of(remote.address))?;
    let packet = Packet { masquerade, ..Packet::any(lan.host, remote.address) };
    let (_, packet) = enters(filter, tunnel, lan.link, &packet);
    let Some(Translated { handle, is_certain, .. }) = packet.translated.first() else {
        return Ok(None);
    };
    let (Some(source), Some(destination)) = (packet.source, packet.destination) else {
        return Ok(None);
    };
    let flow = Flow::probe(source, destination);
    let verdict = transmit::end(tunnel, &flow);
    if verdict.effect.outcome != End::Dropped {
        return Ok(None);
    }
    let ruleset = case.now.filter.as_ref().map_err(Clone::clone)?;
    let translates_at = |hook: Hook| matches!(hook, Hook::Postrouting | Hook::Prerouting);
    let chains = ruleset.chains.iter().filter(|chain| {
        let base = chain.base.as_ref();
        base.is_none_or(|base| translates_at(base.hook))
    });
    let mut rules = chains.flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)));
    let is_nat = |step: &Step| matches!(step, Step::Nat(_));
    let translates = |rule: &Rule| rule.handle == *handle && rule.steps.iter().any(is_nat);
    let rule = rules.find(|(_, rule)| translates(rule));
    let name = rule.map_or_else(|| "a NAT rule".to_owned(), |(c, r)| rule_name(c, Some(r)));
    let summary = format!(
        "{name} translates {} to {source} before {}: {}",
        lan.host, case.name, "no selector of the tunnel has that source"
    );
    let confidence = if *is_certain { Confidence::Proven } else { Confidence::Consistent };
    let counted = rule.and_then(|(_, rule)| rule.counter());
    let counted = counted.map(|c| format!("{name}: {}", crate::units::PACKET.of(c.packets)));
    let found = Found::new(confidence, "nf_nat_inet_fn() in POSTROUTING", summary)
        .seen(
            case,
            format!("{} -> {} becomes {source} -> {destination}", lan.host, remote.address),
            Source::PacketFilter,
        )
        .seen_if(case, counted, Source::PacketFilter)
        .errors(case)
        .next(case, "list the NAT rules", Command::Ruleset);
    Ok(Some(found))
}
