//! The loss meter: how many of the packets that the peer numbered never came as far as the inbound SA, from the SA's own counters. It says
//! nothing about where they were lost, and nothing where the counters do not hold it: then it says why.
//!
//! Each ESP packet has the next sequence number of its SA. Of the numbers up to the highest that arrived (`xfrm_replay_advance()`), the kernel
//! has counted: the packets that it decrypted (`curlft.packets`), those that came too late for the replay window (`stats.replay_window`), and
//! those that failed the integrity check (`stats.integrity_failed`). The rest never arrived. A duplicate (`stats.replay`) has the number of a
//! packet that is counted already, and is not subtracted.
//!
//! Numbers of the window that have not arrived (zeros of its bitmap) may still come: they are not lost yet, and are told apart. What makes the
//! rest smaller than the loss: a duplicate that comes too late, and packets that fail though the peer did not send them. Numbers above the
//! highest are not seen, so that an outage reads as no loss; [`Blind::NothingArrived`] says so.

use crate::snapshot::{Missing, ReplayState, Sa};
use crate::units::PACKET;
use std::fmt;

/// ESP and AH have sequence numbers, IPComp has none.
pub const NUMBERED: [u8; 2] = [50, 51];

/// Fewer numbers than this say nothing about 1 %.
const LEAST_NUMBERS: u64 = 1_000;

/// Fewer windows than this are too much their edges.
const LEAST_WINDOWS: u64 = 10;

/// What became of the peer's packets, numbers of packets all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Sequence numbers up to the highest that arrived.
    pub numbers: u64,
    /// Packets that the SA decrypted.
    pub arrived: u64,
    /// Packets that came too late for the replay window, and were dropped. Always 0 with ESN, where they fail the integrity check
    /// (`xfrm_replay_check_esn()` takes a number below the window for one of the next 2^32).
    pub late: u64,
    /// Packets that failed the integrity check: changed on the way, not from this peer, or, with ESN, too late.
    pub failed: u64,
    /// Packets that arrived again. No loss.
    pub duplicates: u64,
    /// Packets that never arrived.
    pub lost: u64,
    /// Packets of the replay window that have not arrived yet: lost, or still on the way.
    pub unsettled: u64,
}

impl Measure {
    /// Whether more than so many of a thousand were lost.
    pub fn exceeds(&self, permille: u64) -> bool {
        self.lost.saturating_mul(1_000) > self.numbers.saturating_mul(permille)
    }
}

/// Why there is no measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blind {
    /// The protocol has no sequence numbers.
    NotNumbered,
    /// The SA was read without its counters.
    NotCounted,
    /// Without a window the kernel keeps no highest number (`xfrm_replay_advance()` returns at once).
    NoWindow,
    /// Without ESN the numbers end at 2^32 - 1 (RFC 4303 2.2), or begin again where the peer lets them.
    UsedUp,
    /// The device keeps numbers and counters (XFRM_OFFLOAD_PACKET).
    Offloaded,
    /// Each CPU of the peer has an SA of its own (RFC 9611).
    PerCpu,
    /// No IKE daemon has this SA: the peer may have begun with any number.
    FirstNumberUnknown,
    /// There is no earlier sample.
    NoEarlier(Missing),
    /// The SA is not that of the earlier sample.
    Replaced,
    /// A counter decreased.
    Wrapped,
    /// The highest number stood still.
    NothingArrived,
    /// So many numbers, where so many are needed.
    TooFew(u64, u64),
}

/// The inbound SA's counters of one moment, with what of them is a measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The highest sequence number that arrived.
    pub(super) highest: u64,
    window: u64,
    unseen: Option<u32>,
    /// Packets that the SA decrypted.
    pub(super) packets: u64,
    late: u32,
    failed: u32,
    duplicates: u32,
}

/// What was lost over the life of an inbound SA. `begins_at_one`: the peer's first packet is known to have had the number 1, as RFC 4303 2.2
/// demands of an SA that IKE made.
pub fn over_life(sa: &Sa, begins_at_one: bool) -> Result<Measure, Blind> {
    let now = Reading::of(sa)?;
    if now.highest == 0 {
        return Err(Blind::NothingArrived);
    }
    if !begins_at_one {
        return Err(Blind::FirstNumberUnknown);
    }
    now.since(&Reading::NEW)
}

/// What was lost between two samples of an inbound SA; `earlier` is none where the earlier sample does not have the SA.
pub fn between(
    sa: &Sa,
    earlier: Result<Option<&Sa>, Missing>,
    begins_at_one: bool,
) -> Result<Measure, Blind> {
    let now = Reading::of(sa)?;
    let before = match earlier.map_err(Blind::NoEarlier)? {
        Some(before) if is_same(sa, before) => Reading::of(before)?,
        // All that it ever carried came since.
        _ if begins_at_one => Reading::NEW,
        _ => return Err(Blind::Replaced),
    };
    now.since(&before)
}

/// Whether two samples show the same SA: an SPI may be used again.
pub fn is_same(sa: &Sa, earlier: &Sa) -> bool {
    let key = |sa: &Sa| (sa.spi, sa.destination, sa.protocol, sa.current.add_time);
    key(sa) == key(earlier)
}

impl Reading {
    /// An SA that has carried nothing.
    pub(super) const NEW: Reading = Reading {
        highest: 0,
        window: 0,
        unseen: Some(0),
        packets: 0,
        late: 0,
        failed: 0,
        duplicates: 0,
    };

    pub(super) fn of(sa: &Sa) -> Result<Self, Blind> {
        if !NUMBERED.contains(&sa.protocol) {
            return Err(Blind::NotNumbered);
        }
        if sa.uncounted {
            return Err(Blind::NotCounted);
        }
        if sa.is_offloaded_whole() {
            return Err(Blind::Offloaded);
        }
        if sa.cpu.is_some() {
            return Err(Blind::PerCpu);
        }
        let ReplayState { inbound: highest, window, unseen, .. } =
            sa.replay.filter(|replay| replay.window > 0).ok_or(Blind::NoWindow)?;
        if !sa.uses_esn() && highest >= u64::from(u32::MAX) {
            return Err(Blind::UsedUp);
        }
        Ok(Self {
            highest,
            window: window.into(),
            unseen,
            packets: sa.current.packets,
            late: sa.replay_window_drops,
            failed: sa.integrity_failures,
            duplicates: sa.replay_drops,
        })
    }

    /// Numbers that have not arrived, those of the window included. Where packets fail that the peer did not send, it is below 0.
    pub(super) fn open(&self) -> i128 {
        let counted = i128::from(self.packets) + i128::from(self.late) + i128::from(self.failed);
        i128::from(self.highest) - counted
    }

    /// Those of the window; all of it where the bitmap was not read.
    fn of_window(&self) -> u64 {
        self.unseen.map_or(self.window.min(self.highest), u64::from)
    }

    /// The same without those of the window, which may still come.
    pub(super) fn settled(&self) -> i128 {
        self.open() - i128::from(self.of_window())
    }

    /// Whether every counter is as high as it was, as those of one SA are.
    pub(super) const fn continues(&self, before: &Reading) -> bool {
        self.highest >= before.highest
            && self.packets >= before.packets
            && self.late >= before.late
            && self.failed >= before.failed
    }

    fn since(&self, before: &Reading) -> Result<Measure, Blind> {
        let rise = |now: u32, then: u32| now.checked_sub(then).map(u64::from).ok_or(Blind::Wrapped);
        let numbers = self.highest.checked_sub(before.highest).ok_or(Blind::Wrapped)?;
        let arrived = self.packets.checked_sub(before.packets).ok_or(Blind::Wrapped)?;
        let late = rise(self.late, before.late)?;
        let failed = rise(self.failed, before.failed)?;
        let duplicates = rise(self.duplicates, before.duplicates)?;
        if numbers == 0 {
            return Err(Blind::NothingArrived);
        }
        let least = LEAST_NUMBERS.max(self.window.saturating_mul(LEAST_WINDOWS));
        if numbers < least {
            return Err(Blind::TooFew(numbers, least));
        }
        // What left the window is lost. What was in it at the earlier sample, and without its bitmap may have been, counts from then on.
        let unsettled = self.of_window();
        let before_window = before.unseen.map_or(0, i128::from);
        let settled = |reading: &Reading, window: i128| reading.open() - window;
        let lost = settled(self, unsettled.into()) - settled(before, before_window);
        let lost = u64::try_from(lost.max(0)).unwrap_or(u64::MAX).min(numbers);
        Ok(Measure { numbers, arrived, late, failed, duplicates, lost, unsettled })
    }
}

/// For a person, to follow "cannot be determined".
impl fmt::Display for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Blind::NotNumbered => "its protocol has no sequence numbers",
            Blind::NotCounted => "the SA was read without its counters (ip -s)",
            Blind::NoWindow => {
                "the SA has no replay window, and without one the kernel keeps no highest number"
            }
            Blind::UsedUp => "its sequence numbers are used up, and it has no ESN",
            Blind::Offloaded => "the SA is in the device, which counts by itself",
            Blind::PerCpu => "the SA is for one CPU of several",
            Blind::FirstNumberUnknown => {
                "the first number of the peer is unknown, because charon does not list the SA"
            }
            Blind::NoEarlier(missing) => return missing.fmt(f),
            Blind::Replaced => "the SA was installed between the two samples",
            Blind::Wrapped => "a counter of the SA decreased",
            Blind::NothingArrived => {
                "nothing arrived; whether the peer sent anything cannot be seen from here"
            }
            Blind::TooFew(numbers, least) => {
                let packets = PACKET.of(*numbers);
                return write!(f, "{packets} of the peer are too few, {least} are needed");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Offload, Reason, Source};

    /// An inbound SA: highest number, packets, late, failed, numbers of the window that have not arrived.
    fn sa(highest: u64, packets: u64, late: u32, failed: u32, unseen: u32) -> Sa {
        let mut sa: Sa = serde_yaml::from_str(
            "{source: 192.0.2.2, destination: 192.0.2.1, protocol: 50, spi: '0x00000102', reqid: 1, mode: tunnel, \
             family: inet, selector: {family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}",
        )
        .unwrap();
        sa.current.packets = packets;
        sa.current.add_time = 1_700_000_000;
        (sa.replay_window_drops, sa.integrity_failures, sa.replay_drops) = (late, failed, 7);
        let replay = ReplayState { inbound: highest, window: 32, ..ReplayState::default() };
        sa.replay = Some(ReplayState { unseen: Some(unseen), ..replay });
        sa
    }

    fn lost(measured: Result<Measure, Blind>) -> (u64, u64) {
        let measure = measured.unwrap();
        (measure.lost, measure.unsettled)
    }

    #[test]
    fn what_no_counter_has_is_lost() {
        // Rows of the laboratory: netem dropped as many.
        assert_eq!(lost(over_life(&sa(1000, 989, 0, 0, 0), true)), (11, 0));
        assert_eq!(lost(over_life(&sa(1000, 905, 0, 0, 3), true)), (92, 3));
        assert_eq!(lost(over_life(&sa(1000, 522, 0, 0, 0), true)), (478, 0));
        // Late packets have arrived, and so have those that fail.
        assert_eq!(lost(over_life(&sa(1000, 981, 19, 0, 0), true)), (0, 0));
        assert_eq!(lost(over_life(&sa(1000, 979, 0, 21, 0), true)), (0, 0));
        let measure = over_life(&sa(1000, 981, 12, 7, 0), true).unwrap();
        assert_eq!((measure.numbers, measure.arrived), (1000, 981));
        assert_eq!((measure.late, measure.failed, measure.duplicates), (12, 7, 7));
    }

    #[test]
    fn packets_that_the_peer_did_not_send_make_no_negative_loss() {
        assert_eq!(lost(over_life(&sa(1000, 1000, 0, 3, 0), true)), (0, 0));
    }

    #[test]
    fn between_two_samples_the_first_number_does_not_count() {
        let (before, now) = (sa(1_000_000, 1000, 0, 0, 0), sa(1_002_000, 2900, 0, 0, 0));
        assert_eq!(lost(between(&now, Ok(Some(&before)), false)), (100, 0));
        assert_eq!(over_life(&now, false), Err(Blind::FirstNumberUnknown));
        // What the window lacked before came, and what it lacks now may still come.
        let (before, now) = (sa(5000, 4980, 0, 0, 20), sa(7000, 6990, 0, 0, 10));
        assert_eq!(lost(between(&now, Ok(Some(&before)), false)), (0, 10));
        // It did not come.
        let now = sa(7000, 6970, 0, 0, 10);
        assert_eq!(lost(between(&now, Ok(Some(&before)), false)), (20, 10));
    }

    #[test]
    fn without_the_bitmap_the_whole_window_may_still_come() {
        let without = |mut sa: Sa| {
            sa.replay = sa.replay.map(|replay| ReplayState { unseen: None, ..replay });
            sa
        };
        let (before, now) = (without(sa(5000, 5000, 0, 0, 0)), without(sa(7000, 6900, 0, 0, 0)));
        assert_eq!(lost(between(&now, Ok(Some(&before)), false)), (68, 32));
    }

    #[test]
    fn an_sa_of_the_interval_is_measured_from_its_first_packet() {
        let now = sa(2000, 1900, 0, 0, 0);
        assert_eq!(lost(between(&now, Ok(None), true)), (100, 0));
        assert_eq!(between(&now, Ok(None), false), Err(Blind::Replaced));
        // The same SPI again, of another SA.
        let mut before = sa(9000, 9000, 0, 0, 0);
        before.current.add_time -= 3600;
        assert_eq!(between(&now, Ok(Some(&before)), false), Err(Blind::Replaced));
    }

    #[test]
    fn where_the_counters_do_not_hold_it_nothing_is_measured() {
        let good = || sa(2000, 1900, 0, 0, 0);
        let blind = |change: fn(&mut Sa)| {
            let mut sa = good();
            change(&mut sa);
            over_life(&sa, true).unwrap_err()
        };
        assert_eq!(blind(|sa| sa.protocol = 108), Blind::NotNumbered);
        assert_eq!(blind(|sa| sa.uncounted = true), Blind::NotCounted);
        assert_eq!(blind(|sa| sa.replay = None), Blind::NoWindow);
        let no_window = |sa: &mut Sa| {
            sa.replay = Some(ReplayState { inbound: 2000, ..ReplayState::default() });
        };
        assert_eq!(blind(no_window), Blind::NoWindow);
        assert_eq!(blind(|sa| sa.cpu = Some(0)), Blind::PerCpu);
        assert_eq!(
            blind(|sa| sa.offload = Some(Offload { ifindex: 2, flags: 6 })),
            Blind::Offloaded
        );
        let used_up = |sa: &mut Sa| {
            sa.replay = sa.replay.map(|r| ReplayState { inbound: u64::from(u32::MAX), ..r });
        };
        assert_eq!(blind(used_up), Blind::UsedUp);
        // The kernel counts what the device only encrypts, and ESN goes on.
        let mut crypto = good();
        crypto.offload = Some(Offload { ifindex: 2, flags: 2 });
        assert!(over_life(&crypto, true).is_ok());
        let mut esn = sa(u64::from(u32::MAX) + 5, u64::from(u32::MAX) - 95, 0, 0, 0);
        esn.flags = 128;
        assert_eq!(lost(over_life(&esn, true)), (100, 0));
    }

    #[test]
    fn an_outage_is_no_loss_and_no_health() {
        let sa = sa(2000, 1900, 0, 0, 0);
        assert_eq!(between(&sa, Ok(Some(&sa)), true), Err(Blind::NothingArrived));
        assert_eq!(over_life(&self::sa(0, 0, 0, 5, 0), true), Err(Blind::NothingArrived));
        let missing = Missing::new(Source::EarlierSnapshot, Reason::Skipped, "");
        assert_eq!(between(&sa, Err(missing.clone()), true), Err(Blind::NoEarlier(missing)));
    }

    #[test]
    fn few_numbers_say_nothing() {
        assert_eq!(over_life(&sa(999, 900, 0, 0, 0), true), Err(Blind::TooFew(999, 1000)));
        let mut wide = sa(1279, 1200, 0, 0, 0);
        wide.replay = wide.replay.map(|replay| ReplayState { window: 128, ..replay });
        assert_eq!(over_life(&wide, true), Err(Blind::TooFew(1279, 1280)));
    }

    #[test]
    fn a_counter_that_decreased_measures_nothing() {
        for before in [sa(9000, 10, 0, 0, 0), sa(10, 9000, 0, 0, 0), sa(10, 10, 9, 0, 0)] {
            let now = sa(2000, 1900, 0, 0, 0);
            assert_eq!(between(&now, Ok(Some(&before)), false), Err(Blind::Wrapped));
        }
    }

    #[test]
    fn a_share_is_exceeded_by_more_than_it() {
        let measure = |lost| Measure { lost, ..over_life(&sa(2000, 2000, 0, 0, 0), true).unwrap() };
        assert!(measure(21).exceeds(10) && !measure(20).exceeds(10) && !measure(0).exceeds(0));
    }
}
