//! The registers of nftables (`struct nft_regs`), followed through a rule: of each byte, which part of a packet it holds. It compares nothing.

use super::field::Load;
use crate::snapshot::filter::Field;

/// Bytes of all registers, without the verdict.
const SIZE: usize = 64;
/// NFT_REG_1 to NFT_REG_4 have 16 bytes, NFT_REG32_00 to NFT_REG32_15 have four.
const FIRST_WORD: u32 = 8;
const WORD: usize = 4;

/// The register of the verdict.
pub(super) const NFT_REG_VERDICT: u32 = 0;

/// What a byte of a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nobody knows.
    Unknown,
    /// This number.
    Constant(u8),
    /// `byte & mask ^ flip`, of this byte of what was loaded.
    Loaded { load: usize, byte: u8, mask: u8, flip: u8 },
}

impl Cell {
    /// `byte & mask ^ flip`.
    pub(super) const fn turned(self, by: u8, with: u8) -> Self {
        match self {
            Cell::Unknown => Cell::Unknown,
            Cell::Constant(byte) => Cell::Constant(byte & by ^ with),
            Cell::Loaded { load, byte, mask, flip } => {
                Cell::Loaded { load, byte, mask: mask & by, flip: flip & by ^ with }
            }
        }
    }
}

/// The registers at one place of a rule.
pub(super) struct Registers {
    cells: [Cell; SIZE],
    loads: Vec<Field>,
}

/// Neighbouring bytes of one load, in the order of the packet or the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub field: Field,
    /// The first byte, of those of the field in its own order.
    pub first: u8,
    /// Whether the bytes are in the opposite order (`byteorder`).
    pub swapped: bool,
    pub masks: Vec<u8>,
    pub flips: Vec<u8>,
}

impl Registers {
    pub(super) const fn new() -> Self {
        Self { cells: [Cell::Unknown; SIZE], loads: Vec::new() }
    }

    /// What an expression loads into a register; the rest of the last word becomes zero.
    pub(super) fn load(&mut self, register: u32, loads: &[Load]) {
        let mut cells = Vec::new();
        for load in loads {
            let number = self.loads.len();
            self.loads.push(load.field.clone());
            let bytes = load.first..load.first.saturating_add(load.length);
            cells.extend(bytes.map(|byte| Cell::Loaded {
                load: number,
                byte,
                mask: 0xff,
                flip: 0,
            }));
        }
        self.set(register, &cells);
    }

    /// Puts cells into a register, with zeros to the end of the last word (`nft_reg_store8()` and others do so).
    pub(super) fn set(&mut self, register: u32, cells: &[Cell]) {
        let padding = cells.len().next_multiple_of(WORD).saturating_sub(cells.len());
        let all = cells.iter().copied().chain(std::iter::repeat_n(Cell::Constant(0), padding));
        let Some(start) = offset(register) else { return };
        for (place, cell) in self.cells.iter_mut().skip(start).zip(all) {
            *place = cell;
        }
    }

    /// So many bytes of unknown content.
    pub(super) fn forget(&mut self, register: u32, length: usize) {
        self.set(register, &vec![Cell::Unknown; length]);
    }

    /// The cells of a register.
    pub(super) fn get(&self, register: u32, length: usize) -> Vec<Cell> {
        let start = offset(register).unwrap_or(SIZE);
        let mut cells: Vec<Cell> = self.cells.iter().copied().skip(start).take(length).collect();
        cells.resize(length.min(SIZE), Cell::Unknown);
        cells
    }

    /// The number that a register holds, where it is a constant.
    pub(super) fn constant(&self, register: u32, length: usize) -> Option<Vec<u8>> {
        let byte = |cell: Cell| match cell {
            Cell::Constant(byte) => Some(byte),
            _ => None,
        };
        self.get(register, length).into_iter().map(byte).collect()
    }

    /// The field of a load.
    pub(super) fn field(&self, load: usize) -> Field {
        self.loads.get(load).cloned().unwrap_or(Field::Other("other".to_owned()))
    }

    /// The name of what a register holds where its bytes cannot be compared: for the reason why a rule is not decided.
    pub(super) fn name(&self, register: u32, otherwise: &str) -> String {
        match self.get(register, 1).first() {
            Some(Cell::Loaded { load, .. }) => match self.field(*load) {
                Field::Other(name) => name,
                _ => otherwise.to_owned(),
            },
            _ => otherwise.to_owned(),
        }
    }

    /// The runs in these cells, each with where it begins. None where a byte is unknown.
    pub(super) fn runs(&self, cells: &[Cell]) -> Option<Vec<(usize, Run)>> {
        let mut runs: Vec<(usize, usize, Run)> = Vec::new();
        let mut after_run = false;
        for (place, cell) in cells.iter().enumerate() {
            let (load, byte, mask, flip) = match *cell {
                Cell::Unknown => return None,
                // Padding.
                Cell::Constant(0) => {
                    after_run = false;
                    continue;
                }
                Cell::Constant(_) => return None,
                Cell::Loaded { load, byte, mask, flip } => (load, byte, mask, flip),
            };
            let open = runs.last_mut().filter(|(_, number, _)| after_run && *number == load);
            let is_taken = open.is_some_and(|(_, _, run)| run.takes(byte, mask, flip));
            if !is_taken {
                let field = self.field(load);
                let (masks, flips) = (vec![mask], vec![flip]);
                let run = Run { field, first: byte, swapped: false, masks, flips };
                runs.push((place, load, run));
            }
            after_run = true;
        }
        Some(runs.into_iter().map(|(place, _, run)| (place, run)).collect())
    }
}

impl Run {
    pub(super) fn length(&self) -> usize {
        self.masks.len()
    }

    /// Takes a byte that continues it; the second one says in which order.
    fn takes(&mut self, byte: u8, mask: u8, flip: u8) -> bool {
        let length = u8::try_from(self.masks.len()).unwrap_or(u8::MAX);
        if length == 1 && self.first.checked_sub(1) == Some(byte) {
            self.swapped = true;
        }
        let next = if self.swapped {
            self.first.checked_sub(length)
        } else {
            self.first.checked_add(length)
        };
        let continues = next == Some(byte);
        if continues {
            self.masks.push(mask);
            self.flips.push(flip);
        }
        continues
    }
}

/// Where a register begins (`nft_parse_register()`).
fn offset(register: u32) -> Option<usize> {
    let words = match register {
        1..=4 => register.checked_sub(1)?.checked_mul(4)?,
        _ => register.checked_sub(FIRST_WORD)?,
    };
    usize::try_from(words).ok()?.checked_mul(WORD).filter(|offset| *offset < SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(field: Field, first: u8, length: u8) -> Load {
        Load { field, first, length }
    }

    #[test]
    fn the_fields_of_a_concatenation_are_found_again() {
        let mut registers = Registers::new();
        registers.load(1, &[load(Field::SourceV4, 0, 4)]);
        registers.load(9, &[load(Field::DestinationPort, 0, 2)]);
        let runs = registers.runs(&registers.get(1, 8)).unwrap();
        let found: Vec<_> = runs.iter().map(|(at, r)| (*at, r.field.clone(), r.length())).collect();
        assert_eq!(found, [(0, Field::SourceV4, 4), (4, Field::DestinationPort, 2)]);
    }

    #[test]
    fn bytes_that_were_swapped_are_one_run() {
        let mut registers = Registers::new();
        registers.load(1, &[load(Field::Mark, 0, 4)]);
        let mut cells = registers.get(1, 4);
        cells.reverse();
        let runs = registers.runs(&cells).unwrap();
        assert_eq!((runs.len(), runs[0].1.swapped, runs[0].1.first), (1, true, 3));
    }

    #[test]
    fn what_nobody_loaded_is_unknown() {
        let registers = Registers::new();
        assert_eq!(registers.runs(&registers.get(1, 4)), None);
        assert_eq!(registers.get(99, 4), [Cell::Unknown; 4]);
        assert_eq!(registers.get(1, 200).len(), SIZE);
    }
}
