//! The queues of devices (qdiscs), with what they dropped. Plain data; it decides nothing.

use super::default::is_default;
use serde::{Deserialize, Serialize};

/// The root qdisc of a device (RTM_NEWQDISC). Its numbers are those of the whole tree: a classful qdisc counts what its leaves drop, and that of
/// a device with several queues (`mq`) sums them up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The device.
    pub ifindex: u32,
    /// TCA_KIND: tbf, htb, fq_codel …
    pub discipline: String,
    /// Packets that left it, since it was set (`gnet_stats_basic`); it wraps at 32 bits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub packets: u32,
    /// Bytes of these.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bytes: u64,
    /// Packets that it dropped (`gnet_stats_queue`); it wraps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub drops: u32,
    /// How often it held packets back to keep to its rate; it wraps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overlimits: u32,
    /// Packets that wait in it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub waiting: u32,
}
