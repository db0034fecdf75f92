//! The way of a packet through the chains of a hook. Where it is not known whether a packet meets the conditions of a rule, both ways are
//! followed: only where all of them end alike is the end known.

use super::condition::{Answer, lookup, meets, set};
use super::fate::{By, Doubt, How, Met};
use super::index::Filter;
use super::packet::{Packet, Tracking, Translated};
use crate::snapshot::filter::{Chain, Nat, Rule, Step, Translation, Verdict};
use std::borrow::Cow;

/// IPPROTO_ICMP, IPPROTO_ICMPV6.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Chains within each other (NFT_JUMP_STACK_SIZE).
const MOST_DEPTH: usize = 16;

/// How the rules of a chain can end.
#[derive(Default)]
pub(super) struct End<'r> {
    pub accept: bool,
    pub drop: Option<By<'r>>,
    /// Behind the last rule, or by `return`.
    pub falls: bool,
    pub doubt: Option<Doubt<'r>>,
}

impl<'r> End<'r> {
    fn add(&mut self, other: End<'r>) {
        self.accept |= other.accept;
        self.drop = self.drop.or(other.drop);
        self.falls |= other.falls;
        if self.doubt.is_none() {
            self.doubt = other.doubt;
        }
    }
}

/// What a rule leads to.
struct After<'r> {
    end: End<'r>,
    /// Whether the next rule may be next.
    goes_on: bool,
}

/// A packet on its way through chains.
pub(super) struct Walk<'f, 'r, 'p, 'm> {
    pub filter: &'f Filter<'r>,
    pub packet: &'p mut Packet,
    pub met: &'m mut Vec<Met<'r>>,
    /// Rules that may still be looked at.
    pub rules: usize,
    /// Whether it is certain that the packet comes so far.
    pub is_certain: bool,
}

impl<'r> Walk<'_, 'r, '_, '_> {
    /// How the rules of a chain end.
    pub fn chain(&mut self, chain: &'r Chain, depth: usize) -> End<'r> {
        let mut end = End::default();
        let was_certain = self.is_certain;
        for rule in &chain.rules {
            let Some(rules) = self.rules.checked_sub(1) else {
                return End {
                    accept: true,
                    drop: Some(By { chain, rule: Some(rule), how: How::Drop }),
                    falls: true,
                    doubt: Some(doubt(chain, rule, "too many rules")),
                };
            };
            self.rules = rules;
            let After { end: of_rule, goes_on } = self.rule(chain, rule, depth);
            let may_end = of_rule.accept || of_rule.drop.is_some() || of_rule.falls;
            end.add(of_rule);
            if !goes_on {
                return end;
            }
            self.is_certain &= !may_end;
        }
        end.falls = true;
        // Whoever jumped here goes on only if no rule may have ended it.
        self.is_certain = was_certain && !end.accept && end.drop.is_none();
        end
    }

    /// One rule: its steps up to the first condition that is not met.
    fn rule(&mut self, chain: &'r Chain, rule: &'r Rule, depth: usize) -> After<'r> {
        let mut after = After { end: End::default(), goes_on: false };
        let mut open: Option<Cow<'static, str>> = None;
        let mut before: Option<Packet> = None;
        for step in &rule.steps {
            match step {
                Step::Match(condition) => match meets(self.filter, chain, self.packet, condition) {
                    Answer::Yes => {}
                    Answer::No => return self.left(before),
                    Answer::Unknown(why) => drop(open.get_or_insert(why)),
                },
                Step::Undecided(expression) => {
                    open.get_or_insert_with(|| Cow::Owned(expression.clone()));
                }
                Step::Counter(_) => {}
                Step::Verdict(verdict) => {
                    self.meet(chain, rule, open.is_none());
                    if before.is_none() && open.is_some() {
                        before = Some(self.packet.clone());
                    }
                    self.verdict(chain, rule, verdict, open.as_ref(), depth, &mut after);
                    self.join(before, &open);
                    return self.concluded(chain, rule, after, open);
                }
                Step::VerdictMap(map) => {
                    let found = set(self.filter, chain, &map.set);
                    let (answer, elements) = match found {
                        Ok(set) => lookup(self.packet, &map.of, set),
                        Err(why) => {
                            open.get_or_insert(why);
                            self.anything(chain, rule, &mut after);
                            return self.concluded(chain, rule, after, open);
                        }
                    };
                    match answer {
                        Answer::No => return self.left(before),
                        Answer::Yes => {}
                        Answer::Unknown(why) => drop(open.get_or_insert(why)),
                    }
                    self.meet(chain, rule, open.is_none());
                    let packet = self.packet.clone();
                    for element in elements {
                        let verdict = element.verdict.as_ref().unwrap_or(&Verdict::Continue);
                        self.verdict(chain, rule, verdict, open.as_ref(), depth, &mut after);
                    }
                    if open.is_some() {
                        self.packet.join(&packet);
                    }
                    return self.concluded(chain, rule, after, open);
                }
                Step::Nat(nat) => {
                    self.meet(chain, rule, open.is_none());
                    self.translate(rule, nat, open.is_none());
                    after.end.accept = true;
                    return self.concluded(chain, rule, after, open);
                }
                change => {
                    if before.is_none() && open.is_some() {
                        before = Some(self.packet.clone());
                    }
                    self.change(change);
                }
            }
        }
        self.meet(chain, rule, open.is_none());
        self.join(before, &open);
        after.goes_on = true;
        after
    }

    fn meet(&mut self, chain: &'r Chain, rule: &'r Rule, is_met: bool) {
        self.met.push(Met { chain, rule, is_certain: is_met && self.is_certain });
    }

    /// A rule that a packet leaves, perhaps after some change.
    fn left(&mut self, before: Option<Packet>) -> After<'r> {
        if let Some(before) = before {
            self.packet.join(&before);
        }
        After { end: End::default(), goes_on: true }
    }

    fn join(&mut self, before: Option<Packet>, open: &Option<Cow<'static, str>>) {
        if let (Some(before), Some(_)) = (before, open) {
            self.packet.join(&before);
        }
    }

    fn concluded(
        &mut self,
        chain: &'r Chain,
        rule: &'r Rule,
        mut after: After<'r>,
        open: Option<Cow<'static, str>>,
    ) -> After<'r> {
        if let Some(of) = open {
            after.goes_on = true;
            let decides = after.end.accept || after.end.drop.is_some() || after.end.falls;
            if decides {
                after.end.doubt = Some(Doubt { chain: Some(chain), rule: Some(rule), of });
            }
        }
        after
    }

    /// Adds what a verdict leads to.
    fn verdict(
        &mut self,
        chain: &'r Chain,
        rule: &'r Rule,
        verdict: &'r Verdict,
        open: Option<&Cow<'static, str>>,
        depth: usize,
        after: &mut After<'r>,
    ) {
        let by = |how| By { chain, rule: Some(rule), how };
        let add_drop = |after: &mut After<'r>, how| {
            after.end.drop = after.end.drop.or(Some(by(how)));
        };
        match verdict {
            Verdict::Accept => after.end.accept = true,
            Verdict::Drop => add_drop(after, How::Drop),
            Verdict::Reject => add_drop(after, How::Reject),
            Verdict::Continue => after.goes_on = true,
            Verdict::Return => after.end.falls = true,
            Verdict::Jump(name) | Verdict::Goto(name) => {
                let target = self.filter.chain(chain, name);
                let Some(target) = target.filter(|_| depth < MOST_DEPTH) else {
                    self.anything(chain, rule, after);
                    return;
                };
                let was_certain = self.is_certain;
                self.is_certain &= open.is_none();
                let end = self.chain(target, depth.saturating_add(1));
                let falls = end.falls;
                after.end.add(End { falls: false, ..end });
                if matches!(verdict, Verdict::Jump(_)) {
                    after.goes_on |= falls;
                } else {
                    after.end.falls |= falls;
                }
                self.is_certain = was_certain;
            }
            Verdict::Queue => {
                add_drop(after, How::Queue);
                after.end.accept = true;
                after.end.doubt = Some(doubt(chain, rule, "queue to a program"));
            }
            Verdict::Target(name) => {
                add_drop(after, How::Target);
                (after.end.accept, after.end.falls, after.goes_on) = (true, true, true);
                let of = Cow::Owned(format!("target {name}"));
                after.end.doubt = Some(Doubt { chain: Some(chain), rule: Some(rule), of });
            }
        }
    }

    /// Nobody knows.
    fn anything(&self, chain: &'r Chain, rule: &'r Rule, after: &mut After<'r>) {
        after.end.drop = after.end.drop.or(Some(By { chain, rule: Some(rule), how: How::Drop }));
        (after.end.accept, after.end.falls, after.goes_on) = (true, true, true);
        after.end.doubt = Some(doubt(chain, rule, "verdict map"));
    }

    fn change(&mut self, step: &Step) {
        match step {
            Step::SetMark(mark) => {
                let known = if mark.keep == 0 { Some(0) } else { self.packet.mark };
                self.packet.mark = known.map(|known| known & mark.keep ^ mark.flip);
            }
            Step::SetUnknownMark => self.packet.mark = None,
            // `nft_notrack_eval()`: a packet of a connection stays in it.
            Step::Untracked
                if !self.packet.is_seen || self.packet.tracking == Tracking::Invalid =>
            {
                self.packet.tracking = Tracking::Untracked;
            }
            Step::Rewrite(fields) => fields.iter().for_each(|field| self.packet.rewrite(field)),
            _ => {}
        }
    }

    fn translate(&mut self, rule: &Rule, nat: &Nat, is_certain: bool) {
        let is_certain = is_certain && self.is_certain;
        let (what, handle) = (nat.what, rule.handle);
        self.packet.translated.push(Translated { what, handle, is_certain });
        if nat.port_only {
            self.packet.transport = [None; 4];
            return;
        }
        let to = match nat.what {
            Translation::Masquerade => self.packet.masquerade,
            _ if nat.first == nat.last && !nat.netmap => nat.first,
            _ => None,
        };
        match nat.what {
            Translation::Source | Translation::Masquerade => {
                let same = self.packet.source == to;
                self.packet.source = if is_certain || same { to } else { None };
            }
            Translation::Destination | Translation::Redirect => {
                let same = self.packet.destination == to;
                self.packet.destination = if is_certain || same { to } else { None };
            }
        }
        // The port may be another one, too. Type and code of ICMP stay.
        if !matches!(self.packet.protocol, Some(ICMP | ICMPV6)) {
            self.packet.transport = [None; 4];
        }
    }
}

fn doubt<'r>(chain: &'r Chain, rule: &'r Rule, of: &'static str) -> Doubt<'r> {
    Doubt { chain: Some(chain), rule: Some(rule), of: Cow::Borrowed(of) }
}
