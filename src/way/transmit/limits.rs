//! How near an SA is to its end: `xfrm_state_check_expire()`, `xfrm_replay_overflow()`. It chooses no SA.

use crate::snapshot::Sa;

/// No packet is larger.
pub(super) const LARGEST_PACKET: u64 = 65_536;

/// Use of an SA that the state which was read does not show yet.
#[derive(Clone, Copy, Default)]
pub(super) struct Use {
    pub packets: u64,
    pub bytes: u64,
}

/// `xfrm_state_check_expire()`: the byte or packet limit is reached, the next packet ends the SA.
pub(super) fn limit_reached(sa: &Sa, used: Use) -> bool {
    let (limits, current) = (&sa.limits, &sa.current);
    limits.hard_bytes.is_some_and(|l| current.bytes.saturating_add(used.bytes) >= l)
        || limits.hard_packets.is_some_and(|l| current.packets.saturating_add(used.packets) >= l)
}

/// `xfrm_replay_overflow()`: the last sequence number is used, of 64 bits with ESN.
pub(super) fn sequence_used_up(sa: &Sa, used: Use) -> bool {
    let last = if sa.uses_esn() { u64::MAX } else { u64::from(u32::MAX) };
    sa.replay.is_some_and(|replay| replay.outbound.saturating_add(used.packets) >= last)
}

/// Past a soft limit: the kernel prefers any other. (Past a hard time limit there is none: the timer deletes the SA at once.)
/// `xfrm_state_check_expire()` looks at bytes and packets before it adds those of the packet, so an SA at its limit serves one more.
/// None: the bytes may be over by that one packet alone.
pub(super) fn is_dying(sa: &Sa, now: u64) -> Option<bool> {
    let (limits, current) = (&sa.limits, &sa.current);
    let past = |limit: Option<u64>, from: u64| {
        limit.is_some_and(|l| from != 0 && now >= from.saturating_add(l))
    };
    if past(limits.soft_add_seconds, current.add_time)
        || past(limits.soft_use_seconds, current.use_time)
        || limits.soft_packets.is_some_and(|l| current.packets > l)
    {
        return Some(true);
    }
    match limits.soft_bytes.map(|limit| current.bytes.checked_sub(limit)) {
        None | Some(None | Some(0)) => Some(false),
        Some(Some(over)) => (over > LARGEST_PACKET).then_some(true),
    }
}
