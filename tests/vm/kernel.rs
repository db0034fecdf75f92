//! A series of kernels, `6.12`: the laboratory boots one of each, and scenarios name those that they differ on.

use crate::{Fallible, guest};
use std::fmt;

/// Major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(pub u32, pub u32);

impl Kernel {
    /// That of a release or of a word: `6.12.95+deb12-cloud-amd64`, `6.12`.
    pub fn of(text: &str) -> Option<Kernel> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        Some(Kernel(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// Its turn among the four that share the matrix; others take that of the first.
    pub fn turn(self) -> usize {
        const SHARING: [Kernel; 4] = [Kernel(5, 10), Kernel(6, 1), Kernel(6, 12), Kernel(6, 18)];
        SHARING.iter().position(|kernel| *kernel == self).unwrap_or(0)
    }

    /// The guest's.
    pub fn running() -> Fallible<Kernel> {
        let release = guest::read("/proc/sys/kernel/osrelease")?;
        Kernel::of(&release).ok_or_else(|| format!("no kernel release: {release}"))
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}
