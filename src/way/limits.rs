//! How near an SA is to its limits: `xfrm_state_check_expire()`, `xfrm_replay_overflow()`. It does not choose an SA.

use crate::snapshot::Sa;

/// No packet is larger.
pub(super) const LARGEST_PACKET: u64 = 65_536;

/// Use of an SA that is not yet in the state that was read.
#[derive(Clone, Copy, Default)]
pub(super) struct Use {
    pub packets: u64,
    pub bytes: u64,
}

/// `xfrm_state_check_expire()`: the byte or packet limit is reached, so the next packet is dropped and the SA deleted.
pub(super) fn limit_reached(sa: &Sa, used: Use) -> bool {
    let (limits, current) = (&sa.limits, &sa.current);
    limits.hard_bytes.is_some_and(|l| current.bytes.saturating_add(used.bytes) >= l)
        || limits.hard_packets.is_some_and(|l| current.packets.saturating_add(used.packets) >= l)
}

/// `xfrm_replay_overflow()`: the last sequence number was used (32 bits, with ESN 64 bits).
pub(super) fn sequence_used_up(sa: &Sa, used: Use) -> bool {
    let last = if sa.uses_esn() { u64::MAX } else { u64::from(u32::MAX) };
    sa.replay.is_some_and(|replay| replay.outbound.saturating_add(used.packets) >= last)
}

/// Past a soft limit: the kernel prefers any other SA. (An SA past a hard time limit does not exist: the timer deletes it immediately.)
/// `xfrm_state_check_expire()` compares bytes and packets before it adds those of the packet, so an SA at its limit sends one more packet.
/// None: undetermined, because that one packet alone may have exceeded the byte limit.
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
