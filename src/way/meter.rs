//! One inbound SA followed from sample to sample until it is deleted: what was lost on the way to it, as counts that can be summed over
//! SAs. It judges no share, and where an SA does not hold a number it says so and counts what arrived unmeasured.
//!
//! What a sample adds is what left the replay window since the sample before (`loss`). The last counters of an SA come with the message
//! about its deletion (XFRM_MSG_DELSA, `xfrm_notify_sa()`): no packet can come any more, so the holes of its window are lost as well. A
//! hard expiry (XFRM_MSG_EXPIRE, `build_expire()`) has the packets that the SA decrypted, and no sequence number.

use super::loss::{Blind, Reading};
use crate::snapshot::Sa;

/// What is known of the number of the peer's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// It was 1: a key daemon has just negotiated the SA (RFC 4303 2.2).
    One,
    /// It may have been any.
    Unknown,
}

/// What one reading of an SA adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rise {
    /// Sequence numbers up to the highest that arrived.
    pub numbers: u64,
    /// Packets lost on the way.
    pub lost: u64,
    /// Packets that were said to be lost, and came after all.
    pub came: u64,
    /// Packets that arrived, where what was lost between them is unknown.
    pub unmeasured: u64,
    /// What was lost since the reading before is unknown.
    pub is_unknown: bool,
}

/// One SA.
#[derive(Clone, Debug)]
pub struct Meter {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Measured(Measured),
    /// Not measured, with the packets that arrived so far.
    Blind {
        why: Blind,
        packets: u64,
    },
}

#[derive(Clone, Debug)]
struct Measured {
    /// Numbers that were open, and outside of the window, when it began.
    base: i128,
    last: Reading,
    /// Packets that were said to be lost since then.
    told: u64,
    /// The last sample was below the one before.
    has_fallen: bool,
}

impl Meter {
    /// An SA with its counters of now: what was before counts for nothing.
    pub fn new(sa: &Sa, first: First) -> Self {
        let packets = sa.current.packets;
        let state = match Reading::of(sa) {
            Ok(last) if last.highest > 0 || first == First::One => {
                State::Measured(Measured { base: last.settled(), last, told: 0, has_fallen: false })
            }
            Ok(_) => State::Blind { why: Blind::FirstNumberUnknown, packets },
            Err(why) => State::Blind { why, packets },
        };
        Self { state }
    }

    /// Why it is not measured now.
    pub const fn why(&self) -> Option<&Blind> {
        match &self.state {
            State::Measured(_) => None,
            State::Blind { why, .. } => Some(why),
        }
    }

    /// Takes a sample of its counters.
    pub fn sample(&mut self, sa: &Sa) -> Rise {
        let now = Reading::of(sa);
        let arrived = |before: u64| Rise {
            unmeasured: sa.current.packets.saturating_sub(before),
            ..Rise::default()
        };
        match (&mut self.state, now) {
            (State::Measured(measured), Ok(now)) if now.continues(&measured.last) => {
                measured.has_fallen = false;
                measured.take(&now, now.settled())
            }
            // Once: the dump is older than a message that waits, or shows the next SA with this SPI. Twice: a counter began again.
            (State::Measured(measured), Ok(_)) => {
                if !std::mem::replace(&mut measured.has_fallen, true) {
                    return Rise::default();
                }
                *self = Self::new(sa, First::Unknown);
                Rise { is_unknown: true, ..Rise::default() }
            }
            (State::Measured(measured), Err(why)) => {
                let rise = arrived(measured.last.packets);
                self.state = State::Blind { why, packets: sa.current.packets };
                rise
            }
            (State::Blind { packets, .. }, _) => {
                let rise = arrived(*packets);
                *self = Self::new(sa, First::Unknown);
                rise
            }
        }
    }

    /// Takes its last counters, which the message about its deletion has: what has not come by now is lost.
    pub fn end(mut self, sa: &Sa) -> Rise {
        match (&mut self.state, Reading::of(sa)) {
            (State::Measured(measured), Ok(now)) if now.continues(&measured.last) => {
                let rise = measured.take(&now, now.open());
                let came = measured.told.saturating_sub(measured.lost(now.open()));
                Rise { came, ..rise }
            }
            (State::Measured(_), Ok(_)) => Rise { is_unknown: true, ..Rise::default() },
            _ => self.sample(sa),
        }
    }

    /// Takes the packets that it decrypted, which its hard expiry has. If none came since the last sample, that sample has its last number.
    pub fn expire(self, sa: &Sa) -> Rise {
        let packets = sa.current.packets;
        match self.state {
            State::Measured(mut measured) if packets == measured.last.packets => {
                let last = measured.last;
                measured.take(&last, last.open())
            }
            State::Measured(Measured { last, .. }) => Rise {
                unmeasured: packets.saturating_sub(last.packets),
                is_unknown: true,
                ..Rise::default()
            },
            State::Blind { packets: before, .. } => {
                Rise { unmeasured: packets.saturating_sub(before), ..Rise::default() }
            }
        }
    }
}

impl Measured {
    /// What of the open numbers is lost since it began. Packets that fail though the peer did not send them make no negative loss.
    fn lost(&self, open: i128) -> u64 {
        u64::try_from((open - self.base).max(0)).unwrap_or(u64::MAX)
    }

    /// Takes a reading of which these open numbers are lost. A packet that comes later than the window counts as lost before and as late
    /// then, so that the losses decrease; nothing more is said to be lost until they exceed what was said.
    fn take(&mut self, now: &Reading, open: i128) -> Rise {
        let lost = self.lost(open);
        let rise = Rise {
            numbers: now.highest.saturating_sub(self.last.highest),
            lost: lost.saturating_sub(self.told),
            ..Rise::default()
        };
        (self.last, self.told) = (*now, self.told.max(lost));
        rise
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ReplayState;

    /// An inbound SA: highest number, packets, late, failed, numbers of the window that have not arrived.
    fn sa(highest: u64, packets: u64, late: u32, failed: u32, unseen: u32) -> Sa {
        let mut sa: Sa = serde_yaml::from_str(
            "{source: 192.0.2.2, destination: 192.0.2.1, protocol: 50, spi: '0x00000102', reqid: 1, mode: tunnel, \
             family: inet, selector: {family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}",
        )
        .unwrap();
        sa.current.packets = packets;
        (sa.replay_window_drops, sa.integrity_failures) = (late, failed);
        let replay = ReplayState { inbound: highest, window: 32, ..ReplayState::default() };
        sa.replay = Some(ReplayState { unseen: Some(unseen), ..replay });
        sa
    }

    fn counted(numbers: u64, lost: u64) -> Rise {
        Rise { numbers, lost, ..Rise::default() }
    }

    #[test]
    fn what_leaves_the_window_is_lost_and_with_the_sa_the_rest_of_it() {
        let mut meter = Meter::new(&sa(0, 0, 0, 0, 0), First::One);
        assert_eq!(meter.sample(&sa(100, 90, 0, 0, 4)), counted(100, 6));
        assert_eq!(meter.sample(&sa(200, 185, 0, 0, 2)), counted(100, 7));
        assert_eq!(meter.end(&sa(210, 190, 0, 0, 3)), counted(10, 7));
    }

    #[test]
    fn an_sa_that_was_there_before_counts_from_its_first_sample() {
        let mut meter = Meter::new(&sa(1_000_000, 1000, 0, 0, 5), First::Unknown);
        assert_eq!(meter.why(), None);
        // What its window lacked then came.
        assert_eq!(meter.sample(&sa(1_000_100, 1105, 0, 0, 0)), counted(100, 0));
        assert_eq!(meter.sample(&sa(1_000_200, 1195, 0, 0, 0)), counted(100, 10));
    }

    #[test]
    fn without_a_first_number_it_counts_from_the_first_packet_that_was_seen() {
        let mut meter = Meter::new(&sa(0, 0, 0, 0, 0), First::Unknown);
        assert_eq!(meter.why(), Some(&Blind::FirstNumberUnknown));
        assert_eq!(meter.sample(&sa(0, 0, 0, 0, 0)), Rise::default());
        let rise = meter.sample(&sa(5000, 90, 0, 0, 0));
        assert_eq!(rise, Rise { unmeasured: 90, ..Rise::default() });
        assert_eq!(meter.why(), None);
        assert_eq!(meter.end(&sa(5100, 180, 0, 0, 0)), counted(100, 10));
    }

    #[test]
    fn packets_that_come_late_are_taken_back() {
        let mut meter = Meter::new(&sa(0, 0, 0, 0, 0), First::One);
        assert_eq!(meter.sample(&sa(200, 180, 0, 0, 0)).lost, 20);
        assert_eq!(meter.sample(&sa(300, 280, 15, 0, 0)).lost, 0);
        assert_eq!(meter.sample(&sa(400, 365, 15, 0, 0)).lost, 0, "20 so far");
        assert_eq!(meter.sample(&sa(500, 460, 15, 0, 0)).lost, 5);
        assert_eq!(meter.end(&sa(500, 460, 25, 0, 0)), Rise { came: 10, ..Rise::default() });
    }

    #[test]
    fn packets_that_the_peer_did_not_send_hide_no_loss_that_was_told() {
        let mut meter = Meter::new(&sa(0, 0, 0, 0, 0), First::One);
        assert_eq!(meter.sample(&sa(200, 180, 0, 0, 0)).lost, 20);
        assert_eq!(meter.end(&sa(200, 180, 0, 900, 0)), Rise { came: 20, ..Rise::default() });
    }

    #[test]
    fn a_hard_expiry_has_no_number_and_what_came_before_it_is_unmeasured() {
        let meter = || {
            let mut meter = Meter::new(&sa(0, 0, 0, 0, 0), First::One);
            assert_eq!(meter.sample(&sa(100, 90, 0, 0, 4)).lost, 6);
            meter
        };
        let expired = |packets| Sa { replay: None, ..sa(0, packets, 0, 0, 0) };
        let unknown = Rise { unmeasured: 37, is_unknown: true, ..Rise::default() };
        assert_eq!(meter().expire(&expired(127)), unknown);
        assert_eq!(meter().expire(&expired(90)), counted(0, 4), "nothing came since");
    }

    #[test]
    fn an_sa_that_holds_no_number_counts_what_arrived_and_is_never_zero() {
        let no_window = |packets| Sa { replay: None, ..sa(0, packets, 0, 0, 0) };
        let mut meter = Meter::new(&no_window(0), First::One);
        assert_eq!(meter.why(), Some(&Blind::NoWindow));
        assert_eq!(meter.sample(&no_window(50)), Rise { unmeasured: 50, ..Rise::default() });
        assert_eq!(meter.clone().end(&no_window(60)).unmeasured, 10);
        assert_eq!(meter.expire(&no_window(70)).unmeasured, 20);
    }

    #[test]
    fn numbers_that_are_used_up_end_the_measure() {
        let mut meter = Meter::new(&sa(u64::from(u32::MAX) - 50, 1000, 0, 0, 0), First::Unknown);
        let used_up = sa(u32::MAX.into(), 1040, 0, 0, 0);
        assert_eq!(meter.sample(&used_up), Rise { unmeasured: 40, ..Rise::default() });
        assert_eq!(meter.why(), Some(&Blind::UsedUp));
    }

    #[test]
    fn counters_that_decrease_are_waited_for_once_and_then_unknown() {
        let mut meter = Meter::new(&sa(500, 500, 0, 0, 0), First::Unknown);
        assert_eq!(meter.sample(&sa(3, 3, 0, 0, 0)), Rise::default());
        assert_eq!(meter.clone().end(&sa(520, 510, 0, 0, 0)), counted(20, 10));
        assert!(meter.sample(&sa(40, 40, 0, 0, 0)).is_unknown);
        assert_eq!(meter.sample(&sa(140, 130, 0, 0, 0)), counted(100, 10));
    }
}
