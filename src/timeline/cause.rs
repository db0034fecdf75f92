//! From gaps and findings to the causes of an episode: each lost packet is assigned to one of them, or to VTI-919.

use super::finding::Finding;
use super::gap::Gap;
use super::moment::Moment;
use crate::code::Code;
use crate::snapshot::Direction;
use crate::snapshot::recorded::Cause;
use std::collections::BTreeMap;

/// Either a reauthentication or a peer that was away.
const UNCERTAIN: &str =
    "policy and SAs were removed and installed again; whether the peer was away is unknown";

/// Losses of one direction by code.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    direction: Direction,
    sums: BTreeMap<Code, Sum>,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    lost: u64,
    gaps: u32,
    gap_ms: Option<u64>,
    summary: Option<String>,
}

impl Ledger {
    pub const fn of(direction: Direction) -> Self {
        Self { direction, sums: BTreeMap::new() }
    }

    /// Adds a gap and its losses. If the gap's beginning or end was not seen, its cause is that of its own finding, or of `finding`.
    pub fn add_gap(&mut self, gap: &Gap, now: Moment, finding: Option<&Finding>) {
        if gap.lost == 0 {
            return;
        }
        let Some(code) = gap.code(now) else {
            let (finding, why) = match (gap.opened, gap.closed) {
                (None, _) => (finding, "SA or policy was missing since before the recording began"),
                (Some(_), None) => (None, "SA or policy is still missing"),
                (Some(_), Some(_)) => {
                    return self.add(gap.lost, None, UNCERTAIN);
                }
            };
            return self.add(gap.lost, gap.finding.as_ref().or(finding), why);
        };
        let sum = self.sums.entry(code).or_default();
        sum.lost = sum.lost.saturating_add(gap.lost);
        sum.gaps = sum.gaps.saturating_add(1);
        if let Some((_, said)) = gap.finding.as_ref().filter(|(found, _)| *found == code) {
            sum.summary = Some(said.clone());
        }
        if let Some(length) = gap.length_ms(now) {
            sum.gap_ms = Some(sum.gap_ms.unwrap_or(0).saturating_add(length));
        }
    }

    /// Adds losses outside of gaps.
    pub fn add_loss(&mut self, lost: u64, finding: Option<&Finding>) {
        self.add(lost, finding, summary(Code::NotAttributable));
    }

    fn add(&mut self, lost: u64, finding: Option<&Finding>, otherwise: &str) {
        if lost == 0 {
            return;
        }
        let transient = |code| match self.direction {
            Direction::Out => transient(code),
            // Only causes of refusals are asked for.
            Direction::In => Some(code),
        };
        let (code, summary) = match finding.map(|(code, said)| (*code, transient(*code), said)) {
            Some((found, Some(code), said)) if found == code => (code, said.clone()),
            Some((_, Some(code), _)) => (code, summary(code).to_string()),
            _ => (
                Code::of_unexplained_losses(self.direction == Direction::In),
                otherwise.to_string(),
            ),
        };
        let sum = self.sums.entry(code).or_default();
        sum.lost = sum.lost.saturating_add(lost);
        sum.summary = Some(summary);
    }

    /// The causes, most losses first.
    pub fn causes(&self) -> Vec<Cause> {
        let cause = |(code, sum): (&Code, &Sum)| Cause {
            code: code.number(),
            lost: sum.lost,
            summary: sum.summary.clone().unwrap_or_else(|| summary(*code).to_string()),
            gaps: sum.gaps,
            gap_ms: sum.gap_ms,
        };
        let mut causes: Vec<Cause> = self.sums.iter().map(cause).collect();
        causes.sort_by(|a, b| b.lost.cmp(&a.lost).then(a.code.cmp(&b.code)));
        causes
    }
}

/// The code of a finding after it is over; none for a finding that causes no transmit errors.
fn transient(code: Code) -> Option<Code> {
    match code {
        Code::Ipv6OutsideSelectors => Some(Code::LinkLocalDrip),
        Code::NoRouteToPeer => Some(Code::RouteGap),
        Code::SecurityAssociationExpired | Code::HardLimitReached => Some(Code::LimitReached),
        // They do not count errors themselves, but lead to causes that do.
        Code::UpWithoutAssociation
        | Code::TrafficTakenByAnotherPolicy
        | Code::IkeDaemonNotRunning
        | Code::IkeNotEstablished
        | Code::ChildNotInstalled
        | Code::KernelAndCharonDisagree
        | Code::DefaultRouteInTable220 => Some(code),
        _ => code.info().moves.explains_errors().then_some(code),
    }
}

/// What happened in a gap of this kind.
const fn summary(code: Code) -> &'static str {
    match code {
        Code::SecurityAssociationMismatch => "the SA to the peer had another if_id or mark",
        Code::ReauthenticationGap => "policy and SAs were removed and installed again",
        Code::NoInboundAssociation => "there was no SA for what the peer sends",
        Code::SaGap => "the policy stayed, but there was no SA for it",
        Code::BeforeTheFirstSa => "the interface was up before its first SA was installed",
        Code::PeerLostAndBack => "the peer was lost; SAs were installed again later",
        Code::LinkLocalDrip => "IPv6 packets that the kernel itself sends match no policy",
        Code::RouteGap => "there was no route to the peer",
        Code::LimitReached => "an SA reached its byte or packet limit",
        _ => "no recorded event explains these losses",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::recorded::SUMMARIES;

    #[test]
    fn what_is_said_of_a_cause_is_known_to_redaction() {
        assert!(SUMMARIES.contains(&UNCERTAIN));
        for number in 0..1000 {
            if let Some(code) = Code::of_number(number) {
                assert!(SUMMARIES.contains(&summary(code)), "{}", summary(code));
            }
        }
    }
}
