//! SAs, policies and charon's list of both, as of one moment. Each is read by itself, and a rekeying may come in between: then one list has
//! what another lacks, and looks like a fault. The kernel's messages about changes make its own lists whole ([`replay`]). What does not
//! fit all the same is read again, a bounded number of times; what stays is no accident, unless it changed meanwhile. Whether it is a
//! fault is not decided here.

use super::listen::{Listener, Received};
use super::{replay, xfrm};
use crate::snapshot::ike::{ChildSa, Ike};
use crate::snapshot::{
    Changed, Observed, Policy, PolicyDirection, Reason, ReqId, Sa, Spi, Template, Unsettled,
};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Between two readings: longer than the steps of a rekeying at this end, which do not wait for the peer.
const PAUSE: Duration = Duration::from_millis(100);
/// The same where all the kernel's messages were heard and its own lists alone do not fit: those are of one moment, and only what charon does
/// between two of its requests to the kernel is waited for.
const SHORT_PAUSE: Duration = Duration::from_millis(20);
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
    pub(super) unsettled: Unsettled,
}

/// A reference from one list that another does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loose {
    /// An installed CHILD_SA, and no SA with its SPI.
    Child(Spi),
    /// An SA, and no CHILD_SA with its SPI.
    KnownSa(Spi),
    /// A template that names an SPI, and no SA with it.
    Template(Spi),
    /// SAs with a reqid, and no policy of this direction that asks for it.
    ReqId(PolicyDirection, ReqId),
    /// A template of a policy of this direction that asks for an SA with this reqid to this address, and no such SA.
    NoSa(PolicyDirection, IpAddr, ReqId),
}

/// Reads this host; charon is asked by `ike`.
pub(super) fn read(mut ike: impl FnMut() -> Observed<Ike>) -> ConsistentRead {
    // Before the first list: from here on no change goes unnoticed. Whoever may read the lists may listen, too.
    let mut kernel = Listener::xfrm().ok();
    let take = |last: Option<&ConsistentRead>| {
        let is_heard = kernel.is_some();
        let before = heard(&mut kernel);
        let mut reading = ConsistentRead {
            sas: xfrm::sas(),
            policies: xfrm::policies(),
            ike: match last.filter(|last| is_charon_done(last, before.as_ref())) {
                Some(last) => last.ike.clone(),
                None => ike(),
            },
            unsettled: Unsettled::default(),
        };
        if is_heard {
            reading.take_in(before, heard(&mut kernel));
        }
        reading
    };
    let deadline = Instant::now() + PATIENCE;
    let wait = |is_of_kernel| {
        thread::sleep(if is_of_kernel { SHORT_PAUSE } else { PAUSE });
        Instant::now() < deadline
    };
    let (mut reading, fits) = settled(take, wait);
    // Two readings that agree may both have missed the same: without the kernel's word nothing that lacks is sure.
    reading.unsettled.any |= kernel.is_none() && !fits;
    reading
}

/// Whether charon need not be asked again: it did not answer in time, which would cost as much time again; or its list is not what does not fit,
/// and nothing changed since.
fn is_charon_done(last: &ConsistentRead, since: Option<&Received>) -> bool {
    match &last.ike {
        Err(missing) => missing.reason == Reason::TimedOut,
        Ok(_) => {
            let of_charon = |loose: &Loose| matches!(loose, Loose::Child(_) | Loose::KnownSa(_));
            since.is_some_and(|since| since.changes.is_empty())
                && last.unsettled.is_empty()
                && !last.loose().iter().any(of_charon)
        }
    }
}

/// What the kernel told since it was last heard; none where some of it was lost.
fn heard(kernel: &mut Option<Listener>) -> Option<Received> {
    let (listener, mut received) = (kernel.as_mut()?, Received::default());
    listener.receive_until_now(&mut received);
    if !received.lost && received.malformed.is_none() {
        return Some(received);
    }
    // What waits on the old socket is older than the next reading.
    *kernel = Listener::xfrm().ok();
    None
}

/// The first reading that is whole, or that lacks nothing which the one before it did not lack; the last where there is none. `take` gets the
/// reading before; `wait` says whether there is time for another. What a reading lacks and the one before it did not, is unsettled. Also
/// whether nothing lacks.
fn settled(
    mut take: impl FnMut(Option<&ConsistentRead>) -> ConsistentRead,
    mut wait: impl FnMut(bool) -> bool,
) -> (ConsistentRead, bool) {
    let mut reading = take(None);
    let mut loose = reading.loose();
    let mut fresh = loose.clone();
    for _ in 0..AGAIN {
        let of_kernel = |one: &Loose| !matches!(one, Loose::Child(_) | Loose::KnownSa(_));
        let is_of_kernel = !reading.unsettled.any && fresh.iter().all(of_kernel);
        if (fresh.is_empty() && !reading.unsettled.any) || !wait(is_of_kernel) {
            break;
        }
        reading = take(Some(&reading));
        let before = std::mem::replace(&mut loose, reading.loose());
        fresh = loose.difference(&before).copied().collect();
    }
    reading.unsettle(&fresh);
    (reading, loose.is_empty())
}

impl ConsistentRead {
    /// Takes in what the kernel told before the lists were read, and while they were.
    fn take_in(&mut self, before: Option<Received>, during: Option<Received>) {
        let (Some(before), Some(during)) = (before, during) else {
            self.unsettled.any = true;
            return;
        };
        let changes = [&before.changes, &during.changes].map(|changes| replay::changed(changes));
        for changed in changes {
            match changed {
                Some(changed) => self.unsettled.changed.extend(changed),
                None => self.unsettled.any = true,
            }
        }
        replay::take_in(during.changes, &mut self.sas, &mut self.policies);
    }

    /// What does not fit; nothing where a list was not read.
    fn loose(&self) -> BTreeSet<Loose> {
        let Ok(sas) = &self.sas else { return BTreeSet::new() };
        let installed = || sas.iter().filter(|a| !a.is_larval());
        let spis: BTreeSet<Spi> = installed().map(|a| a.spi).collect();
        let mut loose = BTreeSet::new();
        if let Ok(ike) = &self.ike {
            let lost = children(ike)
                .filter(|child| child.state == "INSTALLED")
                .flat_map(spis_of)
                .filter(|spi| spi.0 != 0);
            loose.extend(lost.filter(|spi| !spis.contains(spi)).map(Loose::Child));
            let known: BTreeSet<Spi> = children(ike).flat_map(spis_of).collect();
            loose.extend(spis.difference(&known).copied().map(Loose::KnownSa));
        }
        if let Ok(policies) = &self.policies {
            let templates =
                || policies.iter().flat_map(|p| p.templates.iter().map(move |t| (p, t)));
            let named = templates().map(|(_, t)| t.spi).filter(|spi| spi.0 != 0);
            loose.extend(named.filter(|spi| !spis.contains(spi)).map(Loose::Template));
            // A vector: there are thousands of templates, and nearly all of them fit.
            let mut asked: Vec<(PolicyDirection, ReqId)> =
                templates().map(|(policy, t)| (policy.direction, t.reqid)).collect();
            asked.sort_unstable();
            asked.dedup();
            let reqids = installed().map(|a| a.reqid).filter(|reqid| reqid.0 != 0);
            let wanted =
                reqids.flat_map(|id| [(PolicyDirection::Out, id), (PolicyDirection::In, id)]);
            loose.extend(
                wanted
                    .filter(|pair| asked.binary_search(pair).is_err())
                    .map(|(way, id)| Loose::ReqId(way, id)),
            );
            let mut there: Vec<(ReqId, IpAddr)> =
                installed().map(|a| (a.reqid, a.destination)).collect();
            there.sort_unstable();
            there.dedup();
            let lacking = templates().filter(|(policy, t)| {
                matches!(policy.direction, PolicyDirection::Out | PolicyDirection::In)
                    && !t.optional
                    && !t.destination.is_unspecified()
                    && there.binary_search(&(t.reqid, t.destination)).is_err()
            });
            loose.extend(lacking.map(|(p, t)| Loose::NoSa(p.direction, t.destination, t.reqid)));
        }
        loose
    }

    /// Adds what these are of to what is unsettled.
    fn unsettle(&mut self, loose: &BTreeSet<Loose>) {
        let sas = || self.sas.iter().flatten();
        let policies = || self.policies.iter().flatten();
        let asking = |wanted: &dyn Fn(&&Policy) -> bool| {
            policies().filter(|p| wanted(p)).map(Changed::from).collect::<Vec<_>>()
        };
        let mut of = BTreeSet::new();
        for one in loose {
            match *one {
                Loose::Child(spi) => {
                    let children = self.ike.iter().flat_map(children);
                    let with = children.filter(|child| spis_of(child).contains(&spi));
                    of.extend(with.map(of_child));
                }
                Loose::KnownSa(spi) => {
                    of.extend(sas().filter(|sa| sa.spi == spi).map(Changed::from));
                }
                Loose::ReqId(_, reqid) => {
                    of.extend(sas().filter(|sa| sa.reqid == reqid).map(Changed::from));
                }
                Loose::Template(spi) => {
                    of.extend(asking(&|p| p.templates.iter().any(|t| t.spi == spi)));
                }
                Loose::NoSa(way, to, reqid) => of.extend(asking(&|p| {
                    let asks = |t: &Template| t.destination == to && t.reqid == reqid;
                    p.direction == way && p.templates.iter().any(asks)
                })),
            }
        }
        of.extend(std::mem::take(&mut self.unsettled.changed));
        self.unsettled.changed = of.into_iter().collect();
    }
}

fn children(ike: &Ike) -> impl Iterator<Item = &ChildSa> {
    ike.sas.iter().flat_map(|sa| &sa.children)
}

fn spis_of(child: &ChildSa) -> [Spi; 2] {
    [child.spi_in, child.spi_out]
}

/// What ties a CHILD_SA to an interface; its addresses are those of its IKE_SA, and may have changed since.
fn of_child(child: &ChildSa) -> Changed {
    Changed { if_id: child.if_id_out, mark: child.mark_out, ..Changed::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ike::{ChildSa, IkeSa};
    use crate::snapshot::notification::Notification;
    use crate::snapshot::{IfId, Missing, Source};

    fn sa(spi: u32) -> Sa {
        let yaml = format!(
            "{{source: 192.0.2.1, destination: 192.0.2.2, protocol: 50, spi: '{spi:#010x}', reqid: 1, mode: tunnel, \
             family: inet, selector: {{family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}}}"
        );
        serde_yaml::from_str(&yaml).unwrap()
    }

    fn inbound(spi: u32) -> Sa {
        let Sa { source, destination, .. } = sa(spi);
        Sa { source: destination, destination: source, ..sa(spi) }
    }

    fn policy(direction: &str, spi: u32) -> Policy {
        let (index, from, to) = match direction {
            "out" => (1, "192.0.2.1", "192.0.2.2"),
            _ => (2, "192.0.2.2", "192.0.2.1"),
        };
        let yaml = format!(
            "{{direction: {direction}, index: {index}, priority: 0, action: allow, \
             selector: {{family: inet, source: 0.0.0.0/0, destination: 0.0.0.0/0}}, \
             templates: [{{source: {from}, destination: {to}, protocol: 50, spi: '{spi:#010x}', reqid: 1, \
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
            sas: Ok(vec![inbound(16 * n), sa(16 * n + 1)]),
            policies: Ok(vec![policy("out", 16 * n + 1), policy("in", 0)]),
            ike: Ok(Ike { sas: vec![ike_sa], ..Ike::default() }),
            unsettled: Unsettled::default(),
        }
    }

    /// The lists of two moments: SAs of one, policies and charon's of the next.
    fn torn(n: u32) -> ConsistentRead {
        ConsistentRead { sas: healthy(n).sas, ..healthy(n + 1) }
    }

    fn settled_of(readings: &[ConsistentRead]) -> (ConsistentRead, usize) {
        let mut taken = 0;
        let take = |_: Option<&ConsistentRead>| {
            taken += 1;
            readings[taken - 1].clone()
        };
        let (last, _) = settled(take, |_| true);
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
        let no_sa = Loose::NoSa(PolicyDirection::Out, [192, 0, 2, 2].into(), ReqId(1));
        let expected = BTreeSet::from([Loose::Child(other), Loose::Template(other), no_sa]);
        assert_eq!(without(|r| r.sas.as_mut().unwrap().truncate(1)), expected);
        let no_sa = Loose::NoSa(PolicyDirection::In, [192, 0, 2, 1].into(), ReqId(1));
        let expected = BTreeSet::from([Loose::Child(one), no_sa]);
        let lacking = without(|r| {
            r.sas.as_mut().unwrap().remove(0);
        });
        assert_eq!(lacking, expected);
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
        let take = |_: Option<&ConsistentRead>| {
            taken += 1;
            torn(taken)
        };
        settled(take, |_| false);
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

    /// The tunnel without its SAs; charon was not asked.
    fn dead() -> ConsistentRead {
        let skipped = Missing::new(Source::Charon, Reason::Skipped, "");
        ConsistentRead { sas: Ok(Vec::new()), ike: Err(skipped), ..healthy(1) }
    }

    fn heard(changes: Vec<Notification>) -> Option<Received> {
        Some(Received { changes, ..Received::default() })
    }

    #[test]
    fn a_policy_without_an_sa_is_read_twice_and_then_settled() {
        let (last, taken) = settled_of(&[dead(), dead()]);
        assert_eq!((taken, &last.unsettled), (2, &Unsettled::default()));
        // It was there a moment before: the reading after decides.
        let (last, taken) = settled_of(&[healthy(1), dead()]);
        assert_eq!((taken, last.loose()), (1, BTreeSet::new()));
    }

    #[test]
    fn what_lacks_in_the_last_reading_alone_is_unsettled() {
        let changed = |if_id| {
            let mut reading = dead();
            for policy in reading.policies.as_mut().unwrap() {
                policy.if_id = IfId(if_id);
                policy.templates[0].reqid = ReqId(if_id);
            }
            reading
        };
        let (last, taken) = settled_of(&[changed(1), changed(2), changed(3), changed(4)]);
        assert_eq!(taken, 4);
        assert!(!last.unsettled.any);
        let of: Vec<u32> = last.unsettled.changed.iter().map(|changed| changed.if_id.0).collect();
        assert_eq!(of, [4, 4], "one of each direction");
    }

    /// The SA was added at the head of the kernel's list, behind the walker, and its predecessor was deleted before the walker came there.
    #[test]
    fn what_a_dump_missed_the_messages_tell() {
        let mut reading = dead();
        let (old, new) = (healthy(1).sas.unwrap(), healthy(2));
        let added = new.sas.clone().unwrap().into_iter().map(Notification::SaAdded);
        let deleted = old.into_iter().map(Notification::SaDeleted);
        let policy = Notification::PolicyAdded(policy("out", 33));
        let changes: Vec<_> = added.chain([policy]).chain(deleted).collect();
        reading.take_in(heard(Vec::new()), heard(changes));
        assert_eq!(reading.sas, new.sas);
        assert_eq!(reading.policies, new.policies);
        assert_eq!(reading.loose(), BTreeSet::new());
        assert_eq!(reading.unsettled.changed.len(), 2, "both directions");
    }

    #[test]
    fn where_messages_were_lost_nothing_is_settled() {
        for lost in [(None, heard(Vec::new())), (heard(Vec::new()), None)] {
            let mut reading = healthy(1);
            reading.take_in(lost.0, lost.1);
            assert!(reading.unsettled.any);
            let (last, taken) = settled_of(&[reading.clone(), reading.clone(), healthy(1)]);
            assert_eq!((taken, last.unsettled.any), (3, false));
            assert!(settled_of(&vec![reading; 4]).0.unsettled.any);
        }
        let mut reading = healthy(1);
        reading.take_in(heard(Vec::new()), heard(vec![Notification::SasFlushed(0)]));
        assert!(reading.unsettled.any);
        assert_eq!(reading.sas, Ok(Vec::new()));
    }

    /// Two seconds are enough for one that hangs; one that has answered is asked again where its list may be the one that does not fit.
    #[test]
    fn charon_is_asked_again_only_where_that_can_help() {
        let nothing = Received::default();
        let hung = Missing::new(Source::Charon, Reason::TimedOut, "");
        let reading = ConsistentRead { ike: Err(hung), ..dead() };
        assert!(is_charon_done(&reading, None));
        assert!(!is_charon_done(&dead(), Some(&nothing)), "another failure may pass");
        assert!(!is_charon_done(&torn(1), Some(&nothing)));
        assert!(is_charon_done(&healthy(1), Some(&nothing)));
        let moved = Received { lost: false, ..heard(vec![Notification::PoliciesFlushed]).unwrap() };
        assert!(!is_charon_done(&healthy(1), Some(&moved)));
        assert!(!is_charon_done(&healthy(1), None));
    }
}
