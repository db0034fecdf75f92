//! A peer that numbers packets, a way that loses some, and the inbound SA as the kernel counts it (`xfrm_input()`,
//! `xfrm_replay_advance()`). It knows what it lost.

use std::collections::VecDeque;
use std::sync::LazyLock;
use vti_diagnostics::snapshot::{IfId, Link, ReplayState, Sa, Spi};

/// The first VTI.
pub const VTI: u32 = 8;

/// An xfrm interface whose if_id is its number.
pub fn link(number: u32) -> Link {
    serde_yaml::from_str(&format!(
        "{{name: vti{number}, ifindex: {number}, kind: xfrm, if_id: {number}, link: 0, admin_up: true, carrier: true, \
         oper_state: unknown, mtu: 1400}}"
    ))
    .unwrap()
}

static PLAIN: LazyLock<Sa> = LazyLock::new(|| {
    serde_yaml::from_str(
        "{source: 192.0.2.2, destination: 192.0.2.1, protocol: 50, spi: '0x00000001', reqid: 1, mode: tunnel, \
         family: inet, selector: {family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}",
    )
    .unwrap()
});

/// The way to one VTI.
pub struct Way {
    vti: u32,
    pub window: u32,
    spi: u32,
    /// Of the present SA: its first number, the last that the peer gave out, the highest that arrived, packets.
    first: u64,
    given: u64,
    highest: u64,
    packets: u64,
    /// Packets at the last sample.
    sampled: std::cell::Cell<u64>,
    /// Whether the last numbers arrived, the newest first.
    bitmap: VecDeque<bool>,
    tails: u64,
    /// Of all SAs.
    pub sent: u64,
    pub lost: u64,
    random: u64,
}

impl Way {
    pub fn to(vti: u32) -> Self {
        Self {
            vti,
            window: 32,
            spi: 99,
            first: 0,
            given: 0,
            highest: 0,
            packets: 0,
            sampled: 0.into(),
            bitmap: VecDeque::new(),
            tails: 0,
            sent: 0,
            lost: 0,
            random: 0x9e37_79b9 + u64::from(vti),
        }
    }

    /// Packets of the peer, of which so many of a thousand are lost.
    pub fn send(&mut self, packets: u64, permille: u64) {
        for _ in 0..packets {
            self.random = self
                .random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.given, self.sent) = (self.given + 1, self.sent + 1);
            if (self.random >> 33) % 1000 < permille {
                self.lost += 1;
                continue;
            }
            self.packets += 1;
            (self.highest + 1..self.given).for_each(|_| self.bitmap.push_front(false));
            self.bitmap.push_front(true);
            self.bitmap.truncate(self.window as usize);
            self.highest = self.given;
        }
    }

    /// The SA as a dump has it.
    pub fn sa(&self) -> Sa {
        self.sampled.set(self.packets);
        let mut sa = PLAIN.clone();
        sa.if_id = IfId(self.vti);
        sa.spi = Spi(self.vti << 16 | self.spi);
        if self.vti == VTI {
            sa.spi = Spi(self.spi);
        }
        sa.current.packets = self.packets;
        sa.current.add_time = u64::from(self.spi);
        if self.window > 0 {
            let unseen = self.bitmap.iter().filter(|arrived| !**arrived).count();
            let has_begun = self.packets > 0;
            sa.replay = Some(ReplayState {
                inbound: if has_begun { self.highest } else { 0 },
                window: self.window,
                unseen: has_begun.then(|| u32::try_from(unseen).unwrap()),
                ..ReplayState::default()
            });
        }
        sa
    }

    /// The next SA, from number 1 on. Returns the one before with its last counters, where there is one.
    pub fn rekey(&mut self) -> Option<Sa> {
        self.rekey_from(0)
    }

    pub fn rekey_from(&mut self, first: u64) -> Option<Sa> {
        let before = (self.spi > 99).then(|| self.sa());
        self.tails += self.given - self.highest.max(self.first);
        self.spi += 1;
        (self.first, self.given, self.highest, self.packets) = (first, first, first, 0);
        self.bitmap.clear();
        before
    }

    /// The SA expires: as the message has it, and how many packets arrived since the last sample.
    pub fn expire(&mut self) -> (Sa, u64) {
        let arrived = self.packets - self.sampled.get();
        let sa = Sa { replay: None, ..self.rekey().unwrap() };
        self.spi -= 1;
        // The next one follows without a deletion.
        self.given = self.highest;
        (sa, arrived)
    }

    /// Numbers above the highest that arrived, of all SAs.
    pub fn tails(&self) -> u64 {
        self.tails + self.given - self.highest
    }

    /// Those, and the holes of the present window.
    pub fn open(&self) -> u64 {
        let holes = self.bitmap.iter().filter(|arrived| !**arrived).count();
        self.tails() + u64::try_from(holes).unwrap()
    }
}
