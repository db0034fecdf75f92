//! What reading a capture may cost. A capture may come from a stranger: each value is counted before it is built, whatever the form of the
//! text, and reading ends with a sentence where there are too many.
//!
//! The count of memory follows what serde's containers ask for: a list grows as a `Vec` does, and a text has its bytes and its header.

use crate::snapshot::short;
use serde::de::Error;
use std::cell::{Cell, RefCell};

/// The largest capture that is read unless asked for otherwise, in bytes: two samples of a router with some 8,000 tunnels.
pub const MAX_SIZE: u64 = 64 << 20;

/// Values within each other. The capture with every field has 10.
const MAX_DEPTH: usize = 64;

/// A value for so many bytes of `max_size`. The capture with every field has one for 16 bytes, and as compact JSON for 12.
const BYTES_A_VALUE: u64 = 8;

/// What values take may be so many times the text. With the text itself, and what the system rounds up, it is less than five times.
const TIMES: u64 = 3;

/// So much is always allowed, in bytes: a small capture may need more than the factor above.
const FREE: u64 = 16 << 20;

/// What an allocation costs beside its bytes.
const HEADER: usize = 16;

/// What is left to spend on one capture.
#[derive(Debug)]
pub(super) struct Budget {
    max_size: u64,
    values: Cell<u64>,
    memory: Cell<u64>,
    allowed: u64,
    /// What the nodes of the maps take that are being read; none where none is.
    nodes: Cell<Option<u64>>,
    /// The sentence of the limit that was reached.
    reached: RefCell<Option<String>>,
}

impl Budget {
    /// For a text of so many bytes, of at most `max_size`.
    pub fn new(length: usize, max_size: u64) -> Self {
        let allowed = (length as u64).saturating_mul(TIMES).max(FREE);
        let values = Cell::new(most_values(max_size));
        let memory = Cell::new(allowed);
        let (nodes, reached) = (Cell::default(), RefCell::default());
        Self { max_size, values, memory, allowed, nodes, reached }
    }

    /// One more value.
    pub fn value<E: Error>(&self) -> Result<(), E> {
        let left = self.values.get().checked_sub(1).ok_or_else(|| {
            let most = most_values(self.max_size);
            self.over(format!(
                "it has more than {most} values, the most that are read; --max-size raises it"
            ))
        })?;
        self.values.set(left);
        Ok(())
    }

    /// So many bytes more.
    pub fn memory<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.memory.get().checked_sub(bytes as u64).ok_or_else(|| {
            let most = size(self.allowed);
            self.over(format!(
                "its values need more than {most} of memory, more than any capture of its size"
            ))
        })?;
        self.memory.set(left);
        Ok(())
    }

    /// A text of so many bytes.
    pub fn text<E: Error>(&self, bytes: usize) -> Result<(), E> {
        self.memory(bytes.saturating_add(HEADER).max(2 * HEADER))
    }

    /// One more entry of `size` bytes in a list of so many, a [`short`] one or one of serde.
    pub fn entry<E: Error>(&self, entries: usize, size: usize, short: bool) -> Result<(), E> {
        let more = if short { short::more(entries) } else { more(entries, size) };
        match more {
            0 => Ok(()),
            _ => self.memory(size.saturating_mul(more).saturating_add(HEADER)),
        }
    }

    /// One more node of `size` bytes in a map that is no structure.
    pub fn node<E: Error>(&self, size: usize) -> Result<(), E> {
        // They lie in a list that doubles, and each may have a text for its key.
        let bytes = size.saturating_mul(2).saturating_add(2 * HEADER);
        self.nodes.set(self.nodes.get().map(|nodes| nodes.saturating_add(bytes as u64)));
        self.memory(bytes)
    }

    /// A map begins that is no structure. No capture has one: serde keeps what it does not know yet, of structures that are flattened or
    /// known by a tag, in such maps for as long as it reads them. What is to be given to `leave_map`.
    pub fn enter_map(&self) -> Option<u64> {
        let around = self.nodes.get();
        self.nodes.set(around.or(Some(0)));
        around
    }

    /// It ends, and its nodes go with the outermost one.
    pub fn leave_map(&self, around: Option<u64>) {
        if around.is_none() {
            let nodes = self.nodes.take().unwrap_or(0);
            self.memory.set(self.memory.get().saturating_add(nodes));
        }
    }

    /// Checks how deep a list or a map lies.
    pub fn depth<E: Error>(&self, depth: usize) -> Result<(), E> {
        if depth > MAX_DEPTH {
            return Err(self.over(format!(
                "it is nested deeper than {MAX_DEPTH} levels, the most that is read"
            )));
        }
        Ok(())
    }

    fn over<E: Error>(&self, sentence: String) -> E {
        let error = E::custom(&sentence);
        self.reached.replace(Some(sentence));
        error
    }

    /// Whether no limit was reached.
    pub fn is_left(&self) -> bool {
        self.reached.borrow().is_none()
    }

    /// Which limit was reached, in a sentence.
    pub fn reached(self) -> Option<String> {
        self.reached.into_inner()
    }
}

/// For how many entries of `size` bytes more a `Vec` takes room where another one comes after so many; none where it has room.
const fn more(entries: usize, size: usize) -> usize {
    let first = match size {
        0 => return 0,
        1 => 8,
        2..=1024 => 4,
        _ => 1,
    };
    match entries {
        0 => first,
        full if full >= first && full.is_power_of_two() => full,
        _ => 0,
    }
}

/// How many values are read of a text of at most so many bytes.
fn most_values(max_size: u64) -> u64 {
    (max_size / BYTES_A_VALUE).max(1024)
}

/// A number of bytes with the largest unit that divides it.
pub(super) fn size(bytes: u64) -> String {
    let units = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    let whole = units.into_iter().find(|(unit, _)| bytes > 0 && bytes % unit == 0);
    whole.map_or_else(|| bytes.to_string(), |(unit, name)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::value::Error;

    fn costs_what_it_takes<const SIZE: usize>() {
        let budget = Budget::new(1 << 24, MAX_SIZE);
        let mut list: Vec<[u8; SIZE]> = Vec::new();
        for n in 0..3_000 {
            budget.entry::<Error>(n, SIZE, false).unwrap();
            list.push([0; SIZE]);
            let spent = budget.allowed - budget.memory.get();
            let room = if SIZE == 0 { 0 } else { list.capacity() * SIZE };
            assert!(spent as usize >= room, "{SIZE}, {n}: {spent}");
            assert!(spent as usize <= room + 20 * HEADER, "{SIZE}, {n}: {spent}");
        }
    }

    #[test]
    fn a_list_costs_what_a_vec_takes() {
        costs_what_it_takes::<0>();
        costs_what_it_takes::<1>();
        costs_what_it_takes::<40>();
        costs_what_it_takes::<1024>();
        costs_what_it_takes::<1500>();
    }

    #[test]
    fn nodes_are_given_back_with_the_outermost_map() {
        let budget = Budget::new(0, 0);
        let spent = || budget.allowed - budget.memory.get();
        let outer = budget.enter_map();
        budget.node::<Error>(64).unwrap();
        let inner = budget.enter_map();
        budget.node::<Error>(64).unwrap();
        budget.text::<Error>(100).unwrap();
        budget.leave_map(inner);
        let all = spent();
        assert!(all >= 2 * 64 + 100, "{all}");
        budget.leave_map(outer);
        assert_eq!(spent(), 100 + HEADER as u64);
        assert!(budget.nodes.get().is_none());
    }

    #[test]
    fn each_limit_has_its_sentence() {
        let said = |spend: &dyn Fn(&Budget) -> Result<(), Error>| {
            let budget = Budget::new(0, 0);
            (0..20_000).find_map(|_| spend(&budget).err()).map(|_| budget.reached().unwrap())
        };
        let values = said(&|budget| budget.value()).unwrap();
        assert_eq!(
            values,
            "it has more than 1024 values, the most that are read; --max-size raises it"
        );
        let memory = said(&|budget| budget.text(1024)).unwrap();
        assert!(memory.contains("more than 16M of memory"), "{memory}");
        let depth = said(&|budget| budget.depth(65)).unwrap();
        assert!(depth.contains("64 levels"), "{depth}");
        assert_eq!(said(&|budget| budget.depth(64)), None);
    }

    #[test]
    fn sizes_are_said_as_they_are_given() {
        for (bytes, said) in [(64 << 20, "64M"), (1 << 30, "1G"), (1536, "1536"), (2048, "2K")] {
            assert_eq!(size(bytes), said);
        }
    }
}
