//! Which of several matching SAs is used: `xfrm_state_look_at()` and the end of `xfrm_state_find()`. If the state that was read does not show
//! it, all of them must treat the packet in the same way; otherwise the result is undetermined rather than guessed. Which SAs match is decided
//! in `state`.

use crate::kernel::Change;
use crate::snapshot::{Observed, Policy, Sa, Source};
use crate::tunnel::Tunnel;
use crate::way::limits::{LARGEST_PACKET, Use, is_dying, limit_reached, sequence_used_up};
use crate::way::trail::undecidable;

/// XFRM_POLICY_CPU_ACQUIRE: a packet on a CPU without its own SA requests one.
const CPU_ACQUIRE: u8 = 4;

/// The SA that a packet of `policy` uses, among the usable ones that were found; none if there are none.
pub(super) fn preferred<'a>(
    tunnel: &Tunnel<'_>,
    policy: &Policy,
    mut found: Vec<&'a Sa>,
) -> Observed<Option<&'a Sa>> {
    let now = tunnel.state.snapshot.taken_at_ms / 1000;
    same_on_every_cpu(policy, &found)?;
    let differ =
        found.first().is_some_and(|first| found.iter().any(|a| !interchangeable(a, first)));
    let doubtful = found.iter().find(|a| is_dying(a, now).is_none());
    if let (true, Some(doubtful)) = (differ, doubtful) {
        let what = format!("whether SA {} is past its soft byte limit", doubtful.spi);
        return Err(undecidable(Source::SecurityAssociations, what));
    }
    // SAs that are not dying come first; among those the newest.
    found.sort_by_key(|a| (is_dying(a, now), std::cmp::Reverse(a.current.add_time)));
    let Some(best) = found.first().copied() else { return Ok(None) };
    let rank = |a: &Sa| (is_dying(a, now), a.current.add_time);
    if let Some(rival) =
        found.iter().skip(1).find(|a| rank(a) == rank(best) && !interchangeable(a, best))
    {
        let what = format!(
            "whether SA {} or {} is used: both were added in the same second",
            best.spi, rival.spi
        );
        return Err(undecidable(Source::SecurityAssociations, what));
    }
    same_as_before(tunnel, best, &found)?;
    Ok(Some(best))
}

/// `xfrm_state_look_at()` skips SAs of other CPUs, and prefers an SA of this CPU to one for all CPUs if it meets it first. No state shows
/// which CPU a packet is on. So all matching SAs must treat it in the same way, and one of them must be for all CPUs.
///
/// With CPU_ACQUIRE, an SA for all CPUs is not enough for `xfrm_state_find()`: the result depends on whether a key daemon listens, and on its
/// earlier requests.
fn same_on_every_cpu(policy: &Policy, found: &[&Sa]) -> Observed<()> {
    let Some(first) = found.first() else { return Ok(()) };
    let asks = policy.flags & CPU_ACQUIRE != 0;
    let of_one = found.iter().any(|a| a.cpu.is_some());
    let for_all = found.iter().any(|a| a.cpu.is_none());
    if !asks && (!of_one || for_all && found.iter().all(|a| interchangeable(a, first))) {
        return Ok(());
    }
    let what = "which SA is used: this depends on the CPU that handles the packet";
    Err(undecidable(Source::SecurityAssociations, what))
}

/// [`Change::OutboundSaCache`]: `xfrm_state_find()` uses an SA that the policy used before, even if another SA is newer. An SA's counters show
/// that it was used, but not by which policy.
fn same_as_before(tunnel: &Tunnel<'_>, best: &Sa, found: &[&Sa]) -> Observed<()> {
    if tunnel.state.kernel.has(Change::OutboundSaCache) == Some(false) {
        return Ok(());
    }
    let used = found.iter().find(|a| a.current.use_time != 0 && !interchangeable(a, best));
    used.map_or(Ok(()), |used| {
        let what = format!(
            "whether SA {}, which was used before, or the newer SA {} is used",
            used.spi, best.spi
        );
        Err(undecidable(Source::SecurityAssociations, what))
    })
}

/// Whether two SAs treat a packet in the same way, even one that uses them twice.
fn interchangeable(a: &Sa, b: &Sa) -> bool {
    let once_more = Use { packets: 1, bytes: LARGEST_PACKET };
    let both = |test: fn(&Sa, Use) -> bool| {
        [Use::default(), once_more].iter().all(|used| test(a, *used) == test(b, *used))
    };
    a.source == b.source
        && a.set_mark == b.set_mark
        && a.direction == b.direction
        && a.encapsulation == b.encapsulation
        && both(limit_reached)
        && both(sequence_used_up)
}
