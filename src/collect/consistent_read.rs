//! SAs, policies and charon's list of both, as of one moment. Each is read by itself, and a rekeying may come in between: then one list has
//! what another lacks, and looks like a fault. What does not fit is read again, a bounded number of times; what stays is no accident.
//! Whether it is a fault is not decided here.

use super::xfrm;
use crate::snapshot::ike::Ike;
use crate::snapshot::{Observed, Policy, PolicyDirection, ReqId, Sa, Spi};
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

/// Between two readings: longer than the steps of a rekeying at this end, which do not wait for the peer.
const PAUSE: Duration = Duration::from_millis(100);
/// Readings after the first, at most.
const AGAIN: usize = 3;
/// No reading begins later than this after the first began.
const PATIENCE: Duration = Duration::from_secs(3);

/// The lists that refer to each other.
#[derive(Clone)]
pub(super) struct ConsistentRead {
    pub(super) policies: Observed<Vec<Policy>>,
    pub(super) sas: Observed<Vec<Sa>>,
    pub(super) ike: Observed<Ike>,
}

/// A reference from one list that another does not answer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loose {
    /// An installed CHILD_SA, and no SA with its SPI.
    Child(Spi),
    /// An SA, and no CHILD_SA with its SPI.
    KnownSa(Spi),
    /// A template that names an SPI, and no SA with it.
    Template(Spi),
    /// SAs with a reqid, and no policy of this direction that asks for it.
    ReqId(PolicyDirection, ReqId),
}

/// Reads this host; charon is asked by `ike`.
pub(super) fn read(mut ike: impl FnMut() -> Observed<Ike>) -> ConsistentRead {
    let mut take = || ConsistentRead { sas: xfrm::sas(), policies: xfrm::policies(), ike: ike() };
    let deadline = Instant::now() + PATIENCE;
    let wait = || {
        thread::sleep(PAUSE);
        Instant::now() < deadline
    };
    settled(&mut take, wait)
}

/// The first reading that is whole, or that lacks what the one before it lacked; the last where there is none. `wait` says whether there is
/// time for another.
fn settled(
    mut take: impl FnMut() -> ConsistentRead,
    mut wait: impl FnMut() -> bool,
) -> ConsistentRead {
    let mut reading = take();
    let mut loose = reading.loose();
    for _ in 0..AGAIN {
        if loose.is_empty() || !wait() {
            break;
        }
        reading = take();
        let before = std::mem::replace(&mut loose, reading.loose());
        if loose == before {
            break;
        }
    }
    reading
}

impl ConsistentRead {
    /// What does not fit; nothing where a list was not read.
    fn loose(&self) -> BTreeSet<Loose> {
        let Ok(sas) = &self.sas else { return BTreeSet::new() };
        let installed = || sas.iter().filter(|a| !a.is_larval());
        let spis: BTreeSet<Spi> = installed().map(|a| a.spi).collect();
        let mut loose = BTreeSet::new();
        if let Ok(ike) = &self.ike {
            let children = || ike.sas.iter().flat_map(|sa| &sa.children);
            let in_use = children().filter(|child| child.state == "INSTALLED");
            let lost = in_use.flat_map(|c| [c.spi_in, c.spi_out]).filter(|spi| spi.0 != 0);
            loose.extend(lost.filter(|spi| !spis.contains(spi)).map(Loose::Child));
            let known: BTreeSet<Spi> = children().flat_map(|c| [c.spi_in, c.spi_out]).collect();
            loose.extend(spis.difference(&known).copied().map(Loose::KnownSa));
        }
        if let Ok(policies) = &self.policies {
            let templates =
                || policies.iter().flat_map(|p| p.templates.iter().map(move |t| (p, t)));
            let named = templates().map(|(_, t)| t.spi).filter(|spi| spi.0 != 0);
            loose.extend(named.filter(|spi| !spis.contains(spi)).map(Loose::Template));
            let asked: BTreeSet<(PolicyDirection, ReqId)> =
                templates().map(|(policy, t)| (policy.direction, t.reqid)).collect();
            let reqids = installed().map(|a| a.reqid).filter(|reqid| reqid.0 != 0);
            let wanted =
                reqids.flat_map(|id| [(PolicyDirection::Out, id), (PolicyDirection::In, id)]);
            loose.extend(
                wanted.filter(|pair| !asked.contains(pair)).map(|(way, id)| Loose::ReqId(way, id)),
            );
        }
        loose
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ike::{ChildSa, IkeSa};
    use crate::snapshot::{Missing, Reason, Source};

    fn sa(spi: u32) -> Sa {
        let yaml = format!(
            "{{source: 192.0.2.1, destination: 192.0.2.2, protocol: 50, spi: '{spi:#010x}', reqid: 1, mode: tunnel, \
             family: inet, selector: {{family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}}}"
        );
        serde_yaml::from_str(&yaml).unwrap()
    }

    fn policy(direction: &str, spi: u32) -> Policy {
        let yaml = format!(
            "{{direction: {direction}, index: 1, priority: 0, action: allow, \
             selector: {{family: inet, source: 0.0.0.0/0, destination: 0.0.0.0/0}}, \
             templates: [{{source: 192.0.2.1, destination: 192.0.2.2, protocol: 50, spi: '{spi:#010x}', reqid: 1, \
             mode: tunnel, family: inet}}]}}"
        );
        serde_yaml::from_str(&yaml).unwrap()
    }

    /// A tunnel whose CHILD_SA has the SPIs 16 times `n` in, and one more out.
    fn child(n: u32) -> ChildSa {
        ChildSa {
            state: "INSTALLED".into(),
            spi_in: Spi(16 * n),
            spi_out: Spi(16 * n + 1),
            ..ChildSa::default()
        }
    }

    fn healthy(n: u32) -> ConsistentRead {
        let ike_sa = IkeSa { children: vec![child(n)], ..IkeSa::default() };
        ConsistentRead {
            sas: Ok(vec![sa(16 * n), sa(16 * n + 1)]),
            policies: Ok(vec![policy("out", 16 * n + 1), policy("in", 0)]),
            ike: Ok(Ike { sas: vec![ike_sa], ..Ike::default() }),
        }
    }

    /// The lists of two moments: SAs of one, policies and charon's of the next.
    fn torn(n: u32) -> ConsistentRead {
        ConsistentRead { sas: healthy(n).sas, ..healthy(n + 1) }
    }

    fn settled_of(readings: &[ConsistentRead]) -> (ConsistentRead, usize) {
        let mut taken = 0;
        let take = || {
            taken += 1;
            readings[taken - 1].clone()
        };
        let last = settled(take, || true);
        (last, taken)
    }

    #[test]
    fn what_fits_is_read_once() {
        assert_eq!(healthy(1).loose(), BTreeSet::new());
        assert_eq!(settled_of(&[healthy(1)]).1, 1);
    }

    #[test]
    fn each_list_that_lacks_what_another_names_is_noticed() {
        let (one, other) = (Spi(16), Spi(17));
        let without = |lacking: fn(&mut ConsistentRead)| {
            let mut reading = healthy(1);
            lacking(&mut reading);
            reading.loose()
        };
        let expected = BTreeSet::from([Loose::Child(other), Loose::Template(other)]);
        assert_eq!(without(|r| r.sas.as_mut().unwrap().truncate(1)), expected);
        let expected = BTreeSet::from([Loose::KnownSa(one), Loose::KnownSa(other)]);
        assert_eq!(without(|r| r.ike.as_mut().unwrap().sas.clear()), expected);
        let expected = BTreeSet::from([Loose::ReqId(PolicyDirection::Out, ReqId(1))]);
        assert_eq!(
            without(|r| r
                .policies
                .as_mut()
                .unwrap()
                .retain(|p| p.direction == PolicyDirection::In)),
            expected
        );
    }

    #[test]
    fn a_child_that_is_being_replaced_may_have_lost_its_sas() {
        let mut reading = healthy(1);
        let old = ChildSa { state: "DELETED".into(), ..child(7) };
        reading.ike.as_mut().unwrap().sas[0].children.push(old);
        assert_eq!(reading.loose(), BTreeSet::new());
    }

    #[test]
    fn what_a_rekeying_tore_is_read_again_until_it_fits() {
        let (last, taken) = settled_of(&[torn(1), torn(2), healthy(3)]);
        assert_eq!(taken, 3);
        assert_eq!(last.loose(), BTreeSet::new());
    }

    #[test]
    fn what_stays_is_read_twice_and_kept() {
        let (last, taken) = settled_of(&[torn(1), torn(1)]);
        assert_eq!(taken, 2);
        assert_eq!(last.loose(), torn(1).loose());
    }

    #[test]
    fn a_host_that_never_rests_is_read_no_more_than_four_times() {
        assert_eq!(settled_of(&[torn(1), torn(2), torn(3), torn(4), torn(5)]).1, 4);
        let mut taken = 0;
        let take = || {
            taken += 1;
            torn(taken)
        };
        settled(take, || false);
        assert_eq!(taken, 1);
    }

    #[test]
    fn a_list_that_was_not_read_lacks_nothing() {
        let denied = |source| Missing::new(source, Reason::Denied, "");
        let mut reading = torn(1);
        reading.sas = Err(denied(Source::SecurityAssociations));
        assert_eq!(reading.loose(), BTreeSet::new());
        let mut reading = healthy(1);
        reading.ike = Err(denied(Source::Charon));
        reading.policies = Err(denied(Source::SecurityPolicies));
        assert_eq!(reading.loose(), BTreeSet::new());
    }
}
