//! The queues of devices, read from rtnetlink. Everybody may read them.

use super::failure::Failure;
use super::socket::{Dump, PATIENCE, ROUTE};
use crate::snapshot::{Observed, Queue, Source};
use crate::wire::netlink::Request;
use crate::wire::queue;

/// The root qdiscs of devices that queue.
pub(super) fn queues() -> Observed<Vec<Queue>> {
    let dump = Dump {
        name: "RTM_GETQDISC",
        protocol: ROUTE,
        request: Request::dump(queue::GETQDISC).structure(&[0; queue::HEADER]),
        answer: queue::NEWQDISC,
        patience: PATIENCE,
    };
    let decode = |payload: &[u8], queues: &mut Vec<Queue>| -> Result<(), Failure> {
        queues.extend(queue::decode(payload)?);
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::Queues))
}
