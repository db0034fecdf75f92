//! What became of the packets of one direction of a tunnel, from the SAs of both ends: how many the sender numbered, how many the receiver's SAs
//! counted, and what of the difference is lost, or cannot be told from what was sent later. It judges nothing.

use super::clocks::{Clocks, is_estimated};
use crate::report::ends::{Pace, Passed};
use crate::snapshot::{Link, ReplayState, Sa, Snapshot, Statistics};
use crate::units::{self, PACKET, WAS};
use crate::way::loss::is_same;

/// Clocks that differ less are taken for equal.
const CLOCKS_DIFFER_MS: u64 = 3_000;

/// The samples of one end.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    pub now: &'a Snapshot,
    pub earlier: Option<&'a Snapshot>,
}

/// The SAs of one direction.
pub(super) struct Stream<'a> {
    /// The sender's SA and the receiver's.
    pub pairs: Vec<(&'a Sa, &'a Sa)>,
    /// The sender's SAs that the receiver does not have.
    pub unpaired: Vec<&'a Sa>,
    /// The receiver's SAs of the tunnel.
    pub received: Vec<&'a Sa>,
}

/// The other side of an SA.
pub(super) fn other_side<'a>(list: &'a [Sa], sa: &Sa) -> Option<&'a Sa> {
    let in_udp = |a: &Sa| a.encapsulation.is_some();
    list.iter().find(|other| {
        other.spi == sa.spi
            && other.protocol == sa.protocol
            && !other.is_larval()
            && (other.destination == sa.destination || in_udp(other) && in_udp(sa))
    })
}

impl<'a> Stream<'a> {
    pub fn of(sent: &[&'a Sa], receiver: &'a [Sa], received: Vec<&'a Sa>) -> Self {
        let (mut pairs, mut unpaired) = (Vec::new(), Vec::new());
        for sa in sent {
            match other_side(receiver, sa) {
                Some(other) => pairs.push((*sa, other)),
                None => unpaired.push(*sa),
            }
        }
        Self { pairs, unpaired, received }
    }

    /// The account of the direction; `clocks`: the sender's and the receiver's.
    pub fn passed(
        &self,
        sender: (&Link, Samples<'_>),
        receiver: (&Link, Samples<'_>),
        clocks: Clocks,
    ) -> Passed {
        let is_sent = self.pairs.iter().all(|(sent, _)| !sent.uncounted);
        let is_received = self.pairs.iter().all(|(_, received)| !received.uncounted);
        let sum = |is_known: bool, of: &dyn Fn(&Sa, &Sa) -> u64| {
            is_known.then(|| units::sum(self.pairs.iter().map(|(one, two)| of(one, two))))
        };
        let arrived = sum(is_received, &|_, received| counted(received));
        let decrypted = sum(is_received, &|_, received| received.current.packets);
        let mut passed = Passed {
            sas: self.pairs.len(),
            sent: sum(is_sent, &|sent, _| numbers(sent)),
            arrived,
            decrypted,
            refused: arrived.zip(decrypted).map(|(all, good)| all.saturating_sub(good)),
            dropped_before: risen(sender.0, sender.1, |statistics| statistics.tx_errors),
            undelivered: self.undelivered(receiver),
            pace: self.pace(sender.1, receiver.1, clocks),
            ..Passed::default()
        };
        match (is_sent, is_received) {
            (false, _) => passed.undetermined = Some(uncounted("sender")),
            (true, false) => passed.undetermined = Some(uncounted("receiver")),
            (true, true) => self.account(&mut passed, sender.1, receiver.1, clocks),
        }
        passed
    }

    /// What is missing at the receiver.
    fn account(
        &self,
        passed: &mut Passed,
        sender: Samples<'_>,
        receiver: Samples<'_>,
        clocks: Clocks,
    ) {
        // The sender's clock when the receiver was looked at.
        let seen_ms = clocks.on_the_first(receiver.now.taken_at_ms);
        // The last sample of the sender that was taken before, also where the clocks differ by as much as is taken for nothing.
        let is_before = |sample: &&Snapshot| {
            let then = sample.taken_at_ms.saturating_add(CLOCKS_DIFFER_MS);
            seen_ms.is_some_and(|seen| then <= seen) && !is_estimated(sample)
        };
        let before = [Some(sender.now), sender.earlier].into_iter().flatten().find(is_before);
        let no_sample = match seen_ms {
            Some(_) => "no sample of the sender is 3 s older than the last one of the receiver",
            None => "the SAs do not show how far the two clocks are apart: one was set since",
        };
        let (mut lost, mut unsettled) = (0_u64, 0_u64);
        for (sent, received) in &self.pairs {
            match missing(sent, received, before, no_sample) {
                Ok(missing) => {
                    lost = lost.saturating_add(missing.lost);
                    unsettled = unsettled.saturating_add(missing.unsettled);
                }
                Err(why) => {
                    passed.undetermined = Some(why.to_owned());
                    return;
                }
            }
        }
        (passed.lost, passed.unsettled) = (Some(lost), unsettled);
        let is_sent_later = passed.pace.is_some_and(|pace| {
            let gap_ms = seen_ms.and_then(|seen| sender.now.taken_at_ms.checked_sub(seen));
            pace.is_kept() && gap_ms.is_some_and(|gap_ms| pace.may_send(unsettled, gap_ms))
        });
        if passed.is_open() && !is_sent_later {
            passed.undetermined = Some(format!(
                "{} above the highest that arrived {} sent later, or lost",
                PACKET.of(unsettled),
                WAS.word(unsettled)
            ));
        }
    }

    /// Packets that the receiver's SAs decrypted between its two samples, and that its interface did not deliver.
    fn undelivered(&self, (link, samples): (&Link, Samples<'_>)) -> Option<u64> {
        let earlier = samples.earlier?;
        let before = earlier.sas.as_deref().ok()?;
        if self.received.iter().any(|sa| sa.uncounted) {
            return None;
        }
        let same = |sa: &Sa| before.iter().find(|other| is_same(sa, other));
        let rise = |sa: &&Sa| {
            let then = same(sa).map_or(0, |then| then.current.packets);
            sa.current.packets.saturating_sub(then)
        };
        let decrypted = units::sum(self.received.iter().map(rise));
        let delivered = risen(link, samples, |statistics| statistics.rx_packets)?;
        Some(decrypted.saturating_sub(delivered))
    }

    /// What each end counted between its own two samples, of the SAs that are in both.
    fn pace(&self, sender: Samples<'_>, receiver: Samples<'_>, clocks: Clocks) -> Option<Pace> {
        let (sent_before, arrived_before) = (sender.earlier?, receiver.earlier?);
        let sas_sent = sent_before.sas.as_deref().ok()?;
        let sas_arrived = arrived_before.sas.as_deref().ok()?;
        let mut pace = Pace {
            sent_milliseconds: sender.now.milliseconds_since(sent_before),
            arrived_milliseconds: receiver.now.milliseconds_since(arrived_before),
            ..Pace::default()
        };
        let rise = |list: &[Sa], sa: &Sa, count: fn(&Sa) -> u64| {
            let earlier = list.iter().find(|other| is_same(sa, other) && !other.uncounted)?;
            count(sa).checked_sub(count(earlier)).filter(|_| !sa.uncounted)
        };
        let rises = self.pairs.iter().map(|(sent, received)| {
            Some((rise(sas_sent, sent, numbers)?, rise(sas_arrived, received, counted)?))
        });
        for (sent, arrived) in rises.flatten() {
            pace.sent = pace.sent.saturating_add(sent);
            pace.arrived = pace.arrived.saturating_add(arrived);
        }
        // On the sender's clock.
        let until = clocks.on_the_first(receiver.now.taken_at_ms);
        let common = until.map_or(0, |until| {
            let since = until.saturating_sub(pace.arrived_milliseconds);
            let sent_until = sender.now.taken_at_ms;
            let sent_since = sent_until.saturating_sub(pace.sent_milliseconds);
            until.min(sent_until).saturating_sub(since.max(sent_since))
        });
        let longer = pace.sent_milliseconds.max(pace.arrived_milliseconds);
        let at_once = longer > 0 && common.saturating_mul(5) >= longer.saturating_mul(4);
        let is_measured = pace.sent > 0 || pace.arrived > 0;
        is_measured.then_some(Pace { at_once, ..pace })
    }
}

/// Why nothing is known where SAs were read without counters.
fn uncounted(whose: &str) -> String {
    format!("the SAs of the {whose} were read without their counters")
}

/// How much a counter of an interface rose between two samples.
fn risen(link: &Link, samples: Samples<'_>, counter: fn(&Statistics) -> u64) -> Option<u64> {
    let of = |snapshot: &Snapshot| {
        let same = snapshot.links.iter().flatten().find(|other| other.name == link.name)?;
        same.statistics.as_ref().map(counter)
    };
    of(samples.now)?.checked_sub(of(samples.earlier?)?)
}

/// Sequence numbers that an outbound SA gave out. A device that encrypts counts a large segment once, and numbers its parts.
fn numbers(sa: &Sa) -> u64 {
    match (sa.offload, sa.replay) {
        (Some(_), Some(replay)) => replay.outbound,
        _ => sa.current.packets,
    }
}

/// Packets that an inbound SA counted: decrypted, late, or failed. A duplicate has the number of a packet that is counted already.
fn counted(sa: &Sa) -> u64 {
    let refused = u64::from(sa.replay_window_drops).saturating_add(sa.integrity_failures.into());
    sa.current.packets.saturating_add(refused)
}

/// Packets that the sender sent and the receiver has not counted.
struct Uncounted {
    /// So many at least are lost.
    lost: u64,
    /// So many more are lost, or were sent after the receiver was looked at, or are on the way.
    unsettled: u64,
}

/// Of what the receiver has not counted, lost is what was sent before it was looked at (`before` is the sender's last sample of that time), or what
/// is below the highest number that arrived, whichever is more. Of the rest one sample of each end does not tell.
fn missing(
    sent: &Sa,
    received: &Sa,
    before: Option<&Snapshot>,
    no_sample: &'static str,
) -> Result<Uncounted, &'static str> {
    if sent.is_offloaded_whole() || received.is_offloaded_whole() {
        return Err("the SA is in the device, which counts by itself");
    }
    let counted = counted(received);
    let all = numbers(sent).saturating_sub(counted);
    let passed_over = match passed_over(sent, received, counted) {
        // Nothing is missing.
        None if all == 0 => Some(0),
        known => known,
    };
    let then = match before.map(|before| before.sas.as_deref()) {
        // Where it was installed since, what it carried by then is not known.
        Some(Ok(list)) => list.iter().find(|other| is_same(sent, other)),
        Some(Err(_)) if passed_over.is_none() => return Err("the sender's SAs were not read"),
        None if passed_over.is_none() => return Err(no_sample),
        _ => None,
    };
    let by_then = then.map_or(0, |then| numbers(then).saturating_sub(counted));
    let lost = by_then.max(passed_over.unwrap_or(0));
    Ok(Uncounted { lost, unsettled: all.saturating_sub(lost) })
}

/// Numbers that the receiver has not counted, of those that left its replay window. None where the kernel keeps no highest number, or where the
/// sender did not begin at 1.
fn passed_over(sent: &Sa, received: &Sa, counted: u64) -> Option<u64> {
    let begins_at_one = sent.replay?.outbound == sent.current.packets;
    let ReplayState { inbound: highest, window, unseen, .. } = received.replay?;
    if !begins_at_one || window == 0 {
        return None;
    }
    let in_window = unseen.map_or(u64::from(window).min(highest), u64::from);
    Some(highest.saturating_sub(counted).saturating_sub(in_window))
}
