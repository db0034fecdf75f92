//! SAs, policies and charon's list of both, as of one moment. Each list is read separately, and a rekeying may happen in between: then one list
//! has an entry that another lacks, which looks like a fault. The kernel's messages about changes complete its own lists ([`replay`]). If the
//! lists still do not match, they are read again, a bounded number of times; a mismatch that stays is not caused by the moment of reading,
//! unless something changed meanwhile. Whether it is a fault is not decided here.

use super::listen::{Listener, Received};
use super::loose::{Lists, Loose};
use super::{replay, xfrm};
use crate::snapshot::ike::Ike;
use crate::snapshot::{Observed, Reason, Unsettled};
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

/// The pause between two readings: longer than the steps of a rekeying at this end, which do not wait for the peer.
const PAUSE: Duration = Duration::from_millis(100);
/// The same where all messages of the kernel were received and only its own lists do not match each other: those show one moment, so only
/// charon's next request to the kernel is waited for.
const SHORT_PAUSE: Duration = Duration::from_millis(20);
/// Most readings after the first one.
const AGAIN: usize = 3;
/// No reading starts later than this after the first one.
const PATIENCE: Duration = Duration::from_secs(3);

/// One reading of the lists.
#[derive(Clone)]
pub(super) struct ConsistentRead {
    pub lists: Lists,
    pub unsettled: Unsettled,
}

/// A reading, and the references in it that lead to nothing.
type Last<'a> = (&'a ConsistentRead, &'a BTreeSet<Loose>);

/// Reads this host, where nothing changes meanwhile, once.
pub(super) fn once(ike: impl FnOnce() -> Observed<Ike>) -> ConsistentRead {
    let lists = Lists { sas: xfrm::sas(), policies: xfrm::policies(), ike: ike() };
    ConsistentRead { lists, unsettled: Unsettled::default() }
}

/// Reads this host; `ike` asks charon.
pub(super) fn read(mut ike: impl FnMut() -> Observed<Ike>) -> ConsistentRead {
    // Before the first list: from here on every change is noticed. A process that may read the lists may listen, too.
    let mut kernel = Listener::xfrm().ok();
    let take = |last: Option<Last<'_>>| {
        let is_heard = kernel.is_some();
        let before = heard(&mut kernel);
        let lists = Lists {
            sas: xfrm::sas(),
            policies: xfrm::policies(),
            ike: match last.filter(|last| is_charon_done(*last, before.as_ref())) {
                Some((last, _)) => last.lists.ike.clone(),
                None => ike(),
            },
        };
        let mut reading = ConsistentRead { lists, unsettled: Unsettled::default() };
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
    // Two equal readings may both lack the same entry: without the kernel's messages nothing is surely missing.
    reading.unsettled.any |= kernel.is_none() && !fits;
    reading
}

/// Whether charon need not be asked again: it did not answer in time, which would cost the same time again; or its list is not involved in a
/// mismatch, and nothing has changed since.
fn is_charon_done((last, loose): Last<'_>, since: Option<&Received>) -> bool {
    match &last.lists.ike {
        Err(missing) => missing.reason == Reason::TimedOut,
        Ok(_) => {
            since.is_some_and(|since| since.changes.is_empty())
                && last.unsettled.is_empty()
                && !loose.iter().any(Loose::is_of_charon)
        }
    }
}

/// The kernel's messages since the last call; none where some were lost.
fn heard(kernel: &mut Option<Listener>) -> Option<Received> {
    let (listener, mut received) = (kernel.as_mut()?, Received::default());
    listener.receive_until_now(&mut received);
    if !received.lost && received.malformed.is_none() {
        return Some(received);
    }
    // The messages that wait on the old socket are older than the next reading.
    *kernel = Listener::xfrm().ok();
    None
}

/// The first reading in which nothing is missing, or nothing more than in the one before it; else the last reading. `take` gets the reading before
/// and what is missing in it; `wait` returns whether there is time for another reading. What is missing in a reading but not in the one before
/// it is unsettled. Also returns whether nothing is missing.
fn settled(
    mut take: impl FnMut(Option<Last<'_>>) -> ConsistentRead,
    mut wait: impl FnMut(bool) -> bool,
) -> (ConsistentRead, bool) {
    let mut reading = take(None);
    let mut loose = reading.lists.loose();
    let mut fresh = loose.clone();
    for _ in 0..AGAIN {
        let is_of_kernel = !reading.unsettled.any && !fresh.iter().any(Loose::is_of_charon);
        if (fresh.is_empty() && !reading.unsettled.any) || !wait(is_of_kernel) {
            break;
        }
        reading = take(Some((&reading, &loose)));
        let before = std::mem::replace(&mut loose, reading.lists.loose());
        fresh = loose.difference(&before).copied().collect();
    }
    reading.unsettle(&fresh);
    (reading, loose.is_empty())
}

impl ConsistentRead {
    /// Applies the kernel's messages from before and during the reading of the lists.
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
        replay::take_in(during.changes, &mut self.lists.sas, &mut self.lists.policies);
    }

    /// Marks the SAs and policies of these references as unsettled.
    fn unsettle(&mut self, loose: &BTreeSet<Loose>) {
        let mut of = self.lists.changed(loose);
        of.extend(std::mem::take(&mut self.unsettled.changed));
        self.unsettled.changed = of.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::loose::samples::{self, policy};
    use crate::snapshot::notification::Notification;
    use crate::snapshot::{IfId, Missing, ReqId, Source};

    fn reading(lists: Lists) -> ConsistentRead {
        ConsistentRead { lists, unsettled: Unsettled::default() }
    }

    fn healthy(n: u32) -> ConsistentRead {
        reading(samples::healthy(n))
    }

    fn torn(n: u32) -> ConsistentRead {
        reading(samples::torn(n))
    }

    fn settled_of(readings: &[ConsistentRead]) -> (ConsistentRead, usize) {
        let mut taken = 0;
        let take = |_: Option<Last<'_>>| {
            taken += 1;
            readings[taken - 1].clone()
        };
        let (last, _) = settled(take, |_| true);
        (last, taken)
    }

    #[test]
    fn what_fits_is_read_once() {
        assert_eq!(healthy(1).lists.loose(), BTreeSet::new());
        assert_eq!(settled_of(&[healthy(1)]).1, 1);
    }

    #[test]
    fn what_a_rekeying_tore_is_read_again_until_it_fits() {
        let (last, taken) = settled_of(&[torn(1), torn(2), healthy(3)]);
        assert_eq!(taken, 3);
        assert_eq!(last.lists.loose(), BTreeSet::new());
    }

    #[test]
    fn what_stays_is_read_twice_and_kept() {
        let (last, taken) = settled_of(&[torn(1), torn(1)]);
        assert_eq!(taken, 2);
        assert_eq!(last.lists.loose(), torn(1).lists.loose());
    }

    #[test]
    fn a_host_that_never_rests_is_read_no_more_than_four_times() {
        assert_eq!(settled_of(&[torn(1), torn(2), torn(3), torn(4), torn(5)]).1, 4);
        let mut taken = 0;
        let take = |_: Option<Last<'_>>| {
            taken += 1;
            torn(taken)
        };
        settled(take, |_| false);
        assert_eq!(taken, 1);
    }

    /// The tunnel without its SAs; charon was not asked.
    fn dead() -> ConsistentRead {
        let skipped = Missing::new(Source::Charon, Reason::Skipped, "");
        reading(Lists { sas: Ok(Vec::new()), ike: Err(skipped), ..samples::healthy(1) })
    }

    fn heard(changes: Vec<Notification>) -> Option<Received> {
        Some(Received { changes, ..Received::default() })
    }

    #[test]
    fn a_policy_without_an_sa_is_read_twice_and_then_settled() {
        let (last, taken) = settled_of(&[dead(), dead()]);
        assert_eq!((taken, &last.unsettled), (2, &Unsettled::default()));
        // It existed a moment before: the next reading decides.
        let (last, taken) = settled_of(&[healthy(1), dead()]);
        assert_eq!((taken, last.lists.loose()), (1, BTreeSet::new()));
    }

    #[test]
    fn what_lacks_in_the_last_reading_alone_is_unsettled() {
        let changed = |if_id| {
            let mut reading = dead();
            for policy in reading.lists.policies.as_mut().unwrap() {
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

    /// The SA was added at the head of the kernel's list, behind the walker, and its predecessor was deleted before the walker reached it.
    #[test]
    fn what_a_dump_missed_the_messages_tell() {
        let mut reading = dead();
        let (old, new) = (samples::healthy(1).sas.unwrap(), samples::healthy(2));
        let added = new.sas.clone().unwrap().into_iter().map(Notification::SaAdded);
        let deleted = old.into_iter().map(Notification::SaDeleted);
        let policy = Notification::PolicyAdded(policy("out", 33));
        let changes: Vec<_> = added.chain([policy]).chain(deleted).collect();
        reading.take_in(heard(Vec::new()), heard(changes));
        assert_eq!(reading.lists.sas, new.sas);
        assert_eq!(reading.lists.policies, new.policies);
        assert_eq!(reading.lists.loose(), BTreeSet::new());
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
        assert_eq!(reading.lists.sas, Ok(Vec::new()));
    }

    /// A charon that hangs is not asked again; one that has answered is, if its list may be involved in the mismatch.
    #[test]
    fn charon_is_asked_again_only_where_that_can_help() {
        let nothing = Received::default();
        let hung = Missing::new(Source::Charon, Reason::TimedOut, "");
        let hung = reading(Lists { ike: Err(hung), ..dead().lists });
        let is_charon_done = |last: &ConsistentRead, since: Option<&Received>| {
            is_charon_done((last, &last.lists.loose()), since)
        };
        assert!(is_charon_done(&hung, None));
        assert!(!is_charon_done(&dead(), Some(&nothing)), "another failure may pass");
        assert!(!is_charon_done(&torn(1), Some(&nothing)));
        assert!(is_charon_done(&healthy(1), Some(&nothing)));
        let moved = Received { lost: false, ..heard(vec![Notification::PoliciesFlushed]).unwrap() };
        assert!(!is_charon_done(&healthy(1), Some(&moved)));
        assert!(!is_charon_done(&healthy(1), None));
    }
}
