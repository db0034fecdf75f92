//! The second opinion on qdiscs: netlink-packet-route's view of a message, brought into the words of the snapshot.

use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcStats2};
use vti_diagnostics::snapshot::Queue;

/// A root qdisc that queues; none for every other.
pub fn queue(message: &TcMessage) -> Option<Queue> {
    let header = &message.header;
    let mut queue = Queue { ifindex: header.index.try_into().unwrap(), ..Queue::default() };
    for attribute in &message.attributes {
        match attribute {
            TcAttribute::Kind(kind) => queue.discipline.clone_from(kind),
            TcAttribute::Stats2(parts) => {
                for part in parts {
                    match part {
                        TcStats2::Basic(basic) => {
                            (queue.bytes, queue.packets) = (basic.bytes, basic.packets);
                        }
                        TcStats2::Queue(of) => {
                            (queue.waiting, queue.drops) = (of.qlen, of.drops);
                            queue.overlimits = of.overlimits;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    (header.parent == TcHandle::ROOT && queue.discipline != "noqueue").then_some(queue)
}
