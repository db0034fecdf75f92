//! How far the clocks of the two ends are apart. Both kernels install their side of a CHILD_SA within a moment, so that the add_time of the two
//! tells it, unless one of the clocks was set since. It counts no packet.

use crate::snapshot::{Sa, Snapshot};

/// The two sides of an SA are installed so many seconds apart at most: clocks that differ less are taken for equal.
pub(super) const SAME_MOMENT_S: i64 = 3;

/// How many seconds the second clock is ahead of the first; none where no SA tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clocks(Option<i64>);

impl Clocks {
    /// By the two sides of SAs: the middle of what they say; 0 where the two sides may have been installed so far apart, or there is no SA.
    /// Nothing where a clock was set since: an SA that is older than its host, or that is not of now, and SAs that disagree, show it.
    pub fn of(pairs: &[(&Sa, &Sa)], here: &Snapshot, there: &Snapshot) -> Self {
        if pairs.is_empty() {
            return Self(Some(0));
        }
        let is_usable =
            |(one, two): &&(&Sa, &Sa)| is_of_this_clock(one, here) && is_of_this_clock(two, there);
        let ahead = |(one, two): &(&Sa, &Sa)| added(two).saturating_sub(added(one));
        let mut all: Vec<i64> = pairs.iter().filter(is_usable).map(ahead).collect();
        all.sort_unstable();
        let (Some(least), Some(most)) = (all.first(), all.last()) else { return Self(None) };
        if most.saturating_sub(*least) > 2 * SAME_MOMENT_S {
            return Self(None);
        }
        let middle = all.get(all.len() / 2).copied().unwrap_or(0);
        Self(Some(if middle.abs() <= SAME_MOMENT_S { 0 } else { middle }))
    }

    /// Seen from the other end.
    pub const fn reversed(self) -> Self {
        match self.0 {
            Some(seconds) => Self(Some(seconds.saturating_neg())),
            None => self,
        }
    }

    /// How many seconds the second clock is ahead.
    pub const fn ahead_s(self) -> Option<i64> {
        self.0
    }

    /// The first clock when the second showed this.
    pub fn on_the_first(self, milliseconds: u64) -> Option<u64> {
        Some(milliseconds.saturating_add_signed(self.0?.saturating_mul(-1_000)))
    }
}

/// Whether the SA was installed after the host was booted, and before it was read, by the clock of now.
fn is_of_this_clock(sa: &Sa, read: &Snapshot) -> bool {
    let now = seconds(read);
    let booted = read.uptime_ms.as_ref().ok().map(|ms| now.saturating_sub(signed(*ms / 1_000)));
    let is_after_boot =
        booted.is_none_or(|booted| added(sa) >= booted.saturating_sub(SAME_MOMENT_S));
    sa.current.add_time > 0 && is_after_boot && added(sa) <= now.saturating_add(SAME_MOMENT_S)
}

/// Whether the time of a sample is only the newest that its SAs and policies have: it was taken then or later. That of a text without `date`.
pub(super) fn is_estimated(sample: &Snapshot) -> bool {
    let sas = sample.sas.iter().flatten();
    let of_sas =
        sas.flat_map(|sa| [sa.current.add_time, sa.current.use_time, sa.last_used.unwrap_or(0)]);
    let policies = sample.policies.iter().flatten();
    let of_policies =
        policies.flat_map(|policy| [policy.current.add_time, policy.current.use_time]);
    let newest = of_sas.chain(of_policies).max().unwrap_or(0);
    sample.uptime_ms.is_err() && sample.taken_at_ms == newest.saturating_mul(1_000)
}

fn added(sa: &Sa) -> i64 {
    signed(sa.current.add_time)
}

pub(super) fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

pub(super) fn seconds(snapshot: &Snapshot) -> i64 {
    signed(snapshot.taken_at_ms / 1_000)
}
