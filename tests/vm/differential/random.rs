//! A small generator of random numbers (splitmix64): a case is its seed and its number, on every machine.

/// The state is the whole generator.
pub struct Random(u64);

impl Random {
    /// The generator of one case of a run.
    pub fn of_case(seed: u64, case: u64) -> Random {
        let mut random = Random(seed);
        // Neighbouring seeds must not share cases.
        Random(random.next() ^ case.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0; the bias of the remainder does not matter here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a list that is not empty.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        let index = usize::try_from(self.below(list.len() as u64)).unwrap_or(0);
        list.get(index).or(list.first()).cloned().unwrap_or_else(|| unreachable!("an empty list"))
    }

    /// The right value, and one of the wrong ones in so many of a hundred cases.
    pub fn nearly<T: Clone>(&mut self, right: T, percent: u64, wrong: &[T]) -> T {
        if self.percent(percent) { self.pick(wrong) } else { right }
    }
}
