//! Makes broken inputs of good ones, the same in each run: for the fuzz harness (tests/fuzz) and for every test that changes bytes at
//! random. It knows the forms of inputs, and calls nothing of the program.

#![allow(dead_code, reason = "no test uses every form")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a mistake here fails the test")]

pub mod bytes;
pub mod capture;
pub mod journal;
pub mod json;
pub mod netlink;
pub mod text;
pub mod vici;
pub mod yaml;

/// xorshift64*: the same sequence everywhere.
pub struct Random(u64);

impl Random {
    /// The sequence of this number; of two numbers that are near each other they are far apart (the finaliser of SplitMix64).
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((mixed ^ (mixed >> 31)).max(1))
    }

    /// The sequence of one iteration of a seed: an input can be made again without those before it.
    pub fn at(seed: u64, iteration: u64) -> Self {
        Self::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ iteration)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from((self.next() >> 11) % end.max(1) as u64).unwrap_or(0)
    }

    /// One in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of a list that is not empty.
    pub fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// A range within `length`, of `most` at most.
    pub fn range(&mut self, length: usize, most: usize) -> std::ops::Range<usize> {
        let at = self.below(length);
        at..(at + 1 + self.below(most)).min(length)
    }
}
