//! From gaps and findings to the causes of an episode: each lost packet is counted to one of them, or to VTI-919.

use super::finding::Finding;
use super::gap::Gap;
use super::moment::Moment;
use crate::code::Code;
use crate::snapshot::recorded::Cause;
use std::collections::BTreeMap;

/// A gap that may have been either.
const UNCERTAIN: &str =
    "policy and SAs were removed and installed again; whether the peer was away, nothing shows";

/// Losses by code.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
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
    /// Counts a gap and what was lost in it. `finding`, or the gap's own, names what its unseen beginning or end cannot.
    pub fn add_gap(&mut self, gap: &Gap, now: Moment, finding: Option<&Finding>) {
        if gap.lost == 0 {
            return;
        }
        let Some(code) = gap.code(now) else {
            let (finding, why) = match (gap.opened, gap.closed) {
                (None, _) => (finding, "no SA or no policy, since before the recording began"),
                (Some(_), None) => (None, "no SA or no policy, and it is not over"),
                (Some(_), Some(_)) => {
                    return self.add_loss(gap.lost, None, UNCERTAIN);
                }
            };
            return self.add_loss(gap.lost, gap.finding.as_ref().or(finding), why);
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

    /// Counts losses outside of gaps.
    pub fn add_loss(&mut self, lost: u64, finding: Option<&Finding>, otherwise: &str) {
        if lost == 0 {
            return;
        }
        let (code, summary) = match finding.map(|(code, said)| (*code, transient(*code), said)) {
            Some((found, Some(code), said)) if found == code => (code, said.clone()),
            Some((_, Some(code), _)) => (code, summary(code).to_string()),
            _ => (Code::NotAttributable, otherwise.to_string()),
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

/// The code that a finding has once it is over; none for one that makes no transmit error.
fn transient(code: Code) -> Option<Code> {
    match code {
        Code::Ipv6OutsideSelectors => Some(Code::LinkLocalDrip),
        Code::NoRouteToPeer => Some(Code::RouteGap),
        Code::SecurityAssociationExpired | Code::HardLimitReached => Some(Code::LimitReached),
        // They count no error of their own; what they lead to does.
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
        Code::SecurityAssociationMismatch => {
            "in its place there was an SA to the peer with another if_id or mark"
        }
        Code::ReauthenticationGap => "policy and SAs were removed and installed again",
        Code::SaGap => "the policy stayed, and there was no SA for it",
        Code::BeforeTheFirstSa => "the interface was up before its first SA",
        Code::PeerLostAndBack => "the peer was lost, and SAs came back later",
        Code::LinkLocalDrip => "IPv6 that the kernel sends by itself finds no policy",
        Code::RouteGap => "there was no route to the peer",
        Code::LimitReached => "an SA had carried as much as it may",
        _ => "nothing that was seen explains them",
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
