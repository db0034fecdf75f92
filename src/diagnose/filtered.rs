//! What the rulings of the packet filter are worth, and how a finding tells of what drops the packets. A packet here has no protocol and no
//! ports: what is dropped is dropped whatever it is.

use super::call::Call;
use super::case::Case;
use super::commands::Command;
use super::counted;
use super::diagnosis::Unconfirmed;
use super::found::Found;
use super::words::Word;
use crate::report::Confidence;
use crate::snapshot::filter::{Field, Hook, Match, Step, Value};
use crate::snapshot::{Missing, Observed, Reason, Source};
use crate::units::{PACKET, Span};
use crate::way::around::Ruling;
use crate::way::around::filter::{By, Doubt, rule_name};

/// What a filter may ask of a packet that a flow leaves open: it does not drop all, and what it drops depends on that.
const OPEN: [&str; 10] = [
    "protocol",
    "source port",
    "destination port",
    "ICMP type",
    "ICMP code",
    "length",
    "dscp",
    "fragment",
    "TTL",
    "ct state",
];

/// Whether a doubt is only about what the flow leaves open.
pub(super) fn is_open(doubt: &Doubt<'_>) -> bool {
    OPEN.contains(&&*doubt.of)
}

/// Why a ruling that is not known keeps a cause open.
pub(super) fn unknown(doubt: &Doubt<'_>) -> Missing {
    let of = match (doubt.chain, doubt.rule) {
        (Some(chain), rule) => format!("{}: {}", rule_name(chain, rule), doubt.of),
        (None, _) => doubt.of.clone().into_owned(),
    };
    Missing::new(Source::PacketFilter, Reason::Undecidable, of)
}

/// The outcome where nothing was found: undetermined where a ruling is not known.
pub(super) fn nothing<'r>(rulings: impl IntoIterator<Item = &'r Ruling<'r>>) -> Unconfirmed {
    let open = rulings.into_iter().find_map(|ruling| match ruling {
        Ruling::Unknown(_, _, doubt) if !is_open(doubt) => Some(unknown(doubt)),
        _ => None,
    });
    open.map_or(Unconfirmed::RuledOut, Unconfirmed::Undetermined)
}

/// How much the counter of what drops rose between the two samples; none where it has no counter.
pub(super) fn risen(case: &Case<'_>, by: &By<'_>) -> Observed<Option<u64>> {
    let earlier = case.earlier.ok_or_else(counted::no_interval)?;
    let before = earlier.filter.as_ref().map_err(Clone::clone)?;
    let (Some(packets), Some(rule)) = (by.packets(), by.rule) else { return Ok(None) };
    let chain = before.chain(by.chain.family, &by.chain.table, &by.chain.chain);
    let same = chain.and_then(|chain| chain.rules.iter().find(|r| r.is_same(rule)));
    let before = same.and_then(|rule| rule.counter()).map_or(0, |counter| counter.packets);
    Ok(Some(packets.saturating_sub(before)))
}

/// Whether a rule is for packets of this interface alone: then its counter is about them.
pub(super) fn names(by: &By<'_>, interface: &str) -> bool {
    let is_only = |step: &Step| match step {
        Step::Match(Match { of, not: false, values, set: None }) => {
            of.iter().zip(values).any(|(part, value)| {
                let is_device = matches!(
                    part.field,
                    Field::InputInterface | Field::OutputInterface | Field::SlaveInterface
                );
                is_device && matches!(value, Value::Names(names) if *names == [interface])
            })
        }
        _ => false,
    };
    by.rule.is_some_and(|rule| rule.steps.iter().any(is_only))
}

/// Where a hook is, in an operator's words.
pub(super) const fn place(hook: Hook) -> &'static str {
    match hook {
        Hook::Ingress => "ingress",
        Hook::Prerouting => "PREROUTING",
        Hook::Input => "INPUT",
        Hook::Forward => "FORWARD",
        Hook::Output => "OUTPUT",
        Hook::Postrouting => "POSTROUTING",
        Hook::Egress => "egress",
    }
}

/// The finding that a rule, or a chain's policy, drops what the state that was read sends through it.
pub(super) fn dropped(case: &Case<'_>, hook: Hook, by: &By<'_>, summary: String) -> Found {
    let site = format!("{}: nft_do_chain()", place(hook));
    Found::new(Confidence::Proven, site, summary).filter(case, hook, by)
}

impl Found {
    /// What drops the packets, with its counter, and how to look at it.
    pub(super) fn filter(self, case: &Case<'_>, hook: Hook, by: &By<'_>) -> Self {
        let name = by.name();
        let of = format!(
            "chain {} in table {} {}",
            by.chain.chain,
            by.chain.family.name(),
            by.chain.table
        );
        let of = match by.rule {
            Some(rule) if !name.contains(&of) => format!(" ({} of {of})", rule.called()),
            _ => String::new(),
        };
        let rise = risen(case, by).ok().flatten();
        let interval = case.earlier.map_or(0, |earlier| case.now.milliseconds_since(earlier));
        let counted = match (by.packets(), rise) {
            (Some(packets), Some(rise)) if interval > 0 => {
                format!(": {}, +{rise}{}", PACKET.of(packets), Span(interval).within())
            }
            (Some(packets), _) => format!(": {}", PACKET.of(packets)),
            (None, _) => ": it has no counter".to_owned(),
        };
        let fact = format!("{}: {name}{of} {}{counted}", place(hook), by.does());
        let call = Call::from(Command::FilterChain)
            .with(Word::Family, by.chain.family.name())
            .with(Word::Table, &by.chain.table)
            .with(Word::Chain, &by.chain.chain);
        self.seen(case, fact, Source::PacketFilter).next(
            case,
            "check whether the counter of the rule is rising",
            call,
        )
    }
}
