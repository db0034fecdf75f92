//! RTM_NEWQDISC: the queues of devices (`tc_fill_qdisc()`, net/sched/sch_api.c). Only root qdiscs are decoded: they count what the whole tree
//! below them drops.

use super::attribute::{Field, WireError};
use crate::snapshot::Queue;

/// RTM_NEWQDISC.
pub const NEWQDISC: u16 = 36;
/// RTM_GETQDISC.
pub const GETQDISC: u16 = 38;

/// `sizeof(struct tcmsg)`.
pub const HEADER: usize = 20;
/// TC_H_ROOT: the parent of a root qdisc. Those of ingress and clsact have another.
const ROOT: u32 = u32::MAX;
const TCA_KIND: u16 = 1;
const TCA_STATS2: u16 = 7;
const TCA_STATS_BASIC: u16 = 1;
const TCA_STATS_QUEUE: u16 = 3;
/// Of devices that queue nothing: VTIs, VLANs, bridges, loopback.
const NO_QUEUE: &str = "noqueue";

/// The root qdisc of a device; none for another qdisc, and where the device has no queue.
pub fn decode(payload: &[u8]) -> Result<Option<Queue>, WireError> {
    let header = Field::new("tcmsg", payload);
    let (ifindex, parent) = (header.u32(4)?, header.u32(12)?);
    if parent != ROOT {
        return Ok(None);
    }
    let mut queue = Queue { ifindex, ..Queue::default() };
    let (mut has_kind, mut has_numbers) = (false, false);
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            TCA_KIND => {
                has_kind = true;
                queue.discipline = attribute.named("TCA_KIND").string();
            }
            TCA_STATS2 => {
                for part in attribute.named("TCA_STATS2").attributes(0) {
                    let part = part?;
                    match part.kind {
                        TCA_STATS_BASIC => {
                            let field = part.named("TCA_STATS_BASIC");
                            (queue.bytes, queue.packets) = (field.u64(0)?, field.u32(8)?);
                        }
                        TCA_STATS_QUEUE => {
                            let field = part.named("TCA_STATS_QUEUE");
                            has_numbers = true;
                            queue.waiting = field.u32(0)?;
                            queue.drops = field.u32(8)?;
                            queue.overlimits = field.u32(16)?;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if !has_kind {
        return Err(WireError::Absent { what: "TCA_KIND" });
    }
    if queue.discipline == NO_QUEUE {
        return Ok(None);
    }
    // Without them nothing is known of what it dropped, and 0 would say that it dropped nothing.
    if !has_numbers {
        return Err(WireError::Absent { what: "TCA_STATS_QUEUE" });
    }
    Ok(Some(queue))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::payloads;

    fn queues() -> Vec<Option<Queue>> {
        let all = payloads(include_str!("../../tests/wire/6.12-queues.hex"), NEWQDISC);
        all.iter().map(|payload| decode(payload).unwrap()).collect()
    }

    #[test]
    fn a_root_qdisc_has_what_its_whole_tree_dropped() {
        let all: Vec<Queue> = queues().into_iter().flatten().collect();
        let seen = |q: &Queue| (q.ifindex, q.discipline.clone(), q.packets, q.drops, q.overlimits);
        let seen: Vec<_> = all.iter().map(seen).collect();
        // As `tc -s qdisc show` said on that machine: tbf, htb above a pfifo of 2 packets, and the sum of four queues.
        let expected = [(6, "tbf", 9, 60, 71), (7, "htb", 17, 74, 11), (11, "mq", 1, 0, 0)];
        assert_eq!(seen, expected.map(|(i, kind, p, d, o)| (i, kind.to_owned(), p, d, o)));
        assert_eq!(all.first().map(|queue| queue.bytes), Some(4406));
    }

    #[test]
    fn leaves_clsact_and_devices_without_a_queue_are_none() {
        let (roots, others): (Vec<_>, Vec<_>) = queues().into_iter().partition(Option::is_some);
        assert_eq!((roots.len(), others.len()), (3, 10));
    }

    #[test]
    fn a_root_qdisc_without_its_numbers_is_an_error() {
        let kind = [8, 0, 1, 0, b't', b'b', b'f', 0];
        let mut payload = vec![0; HEADER];
        payload[4] = 6;
        payload[12..16].fill(0xff);
        payload.extend(kind);
        assert_eq!(decode(&payload).unwrap_err().to_string(), "TCA_STATS_QUEUE: missing");
        payload.truncate(HEADER);
        assert_eq!(decode(&payload).unwrap_err().to_string(), "TCA_KIND: missing");
        payload.truncate(10);
        assert!(decode(&payload).is_err());
    }
}
