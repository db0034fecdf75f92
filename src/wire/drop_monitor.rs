//! The drop monitor's family NET_DM (linux/net_dropmon.h, net/core/drop_monitor.c): its requests, alerts, configuration and statistics.
//! Decoding only; who may send the requests is `collect::drops` alone, for they change the kernel's state.

use super::attribute::{Field, WireError};
use super::genetlink;
use super::netlink::Request;
use std::str;

/// The family's name.
pub const FAMILY: &str = "NET_DM";
/// The multicast group of its alerts.
pub const EVENTS: &str = "events";
const VERSION: u8 = 2;

const CMD_CONFIG: u8 = 2;
const CMD_START: u8 = 3;
const CMD_STOP: u8 = 4;
const CMD_PACKET_ALERT: u8 = 5;
const CMD_CONFIG_GET: u8 = 6;
const CMD_STATS_GET: u8 = 8;

const ATTR_ALERT_MODE: u16 = 1;
const ATTR_SYMBOL: u16 = 3;
const ATTR_IN_PORT: u16 = 4;
const ATTR_TIMESTAMP: u16 = 5;
const ATTR_PROTO: u16 = 6;
const ATTR_PAYLOAD: u16 = 7;
const ATTR_TRUNC_LEN: u16 = 9;
const ATTR_ORIG_LEN: u16 = 10;
const ATTR_QUEUE_LEN: u16 = 11;
const ATTR_STATS: u16 = 12;
const ATTR_SW_DROPS: u16 = 20;
const ATTR_REASON: u16 = 23;
/// NET_DM_ATTR_PORT_NETDEV_IFINDEX, in NET_DM_ATTR_IN_PORT.
const PORT_IFINDEX: u16 = 0;
/// NET_DM_ATTR_STATS_DROPPED, in NET_DM_ATTR_STATS.
const STATS_DROPPED: u16 = 0;

/// How the monitor reports; it keeps this from one use to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// NET_DM_ATTR_ALERT_MODE: 0 summary, 1 packet.
    pub mode: u8,
    /// NET_DM_ATTR_TRUNC_LEN: bytes of a packet that are sent; 0 for all.
    pub truncation: u32,
    /// NET_DM_ATTR_QUEUE_LEN: packets that wait per CPU.
    pub queue: u32,
}

impl Configuration {
    /// Every packet by itself, its first bytes only: the most headers that can lie before a port number.
    pub const PACKETS: Self = Self { mode: 1, truncation: 128, queue: 1000 };

    /// That of a monitor which nobody has configured: `net_dm_alert_mode`, `net_dm_trunc_len` and `net_dm_queue_len`.
    pub const DEFAULT: Self = Self { mode: 0, truncation: 0, queue: 1000 };
}

/// NET_DM_CMD_PACKET_ALERT: one dropped packet. It does not print: a payload is somebody's.
#[derive(Clone, Copy)]
pub struct Alert<'a> {
    /// Where it was dropped, as `%pS` prints it, 39 characters at most: `xfrmi_xmit+0x52a/0x7b0 [xfrm_interface]`.
    pub symbol: &'a str,
    /// `skb->skb_iif`: ifindex of the device that received it; none for a packet of this host.
    pub input: Option<u32>,
    /// Nanoseconds since 1970.
    pub timestamp: u64,
    /// `skb->protocol`: the ethertype.
    pub protocol: u16,
    /// Length of the packet from its mac header on.
    pub length: u32,
    /// Its first bytes, from the mac header on.
    pub payload: &'a [u8],
    /// `enum skb_drop_reason` by name, without its prefix; none before 5.18.
    pub reason: Option<&'a str>,
}

impl<'a> Alert<'a> {
    /// The kernel function of the symbol.
    pub fn function(&self) -> &'a str {
        self.symbol.split(['+', ' ']).next().unwrap_or_default()
    }
}

/// NET_DM_CMD_CONFIG. EBUSY while the monitor is on, whoever switched it on.
pub fn configure(family: u16, to: Configuration) -> Request {
    genetlink::request(family, CMD_CONFIG, VERSION)
        .attribute(ATTR_ALERT_MODE, &[to.mode])
        .attribute(ATTR_TRUNC_LEN, &to.truncation.to_ne_bytes())
        .attribute(ATTR_QUEUE_LEN, &to.queue.to_ne_bytes())
}

/// NET_DM_CMD_CONFIG without anything to set (`net_dm_cmd_config`): it changes nothing, and is refused with EBUSY while the monitor is on.
pub fn probe(family: u16) -> Request {
    genetlink::request(family, CMD_CONFIG, VERSION)
}

/// NET_DM_CMD_START, of software drops. EAGAIN when it is on.
pub fn start(family: u16) -> Request {
    genetlink::request(family, CMD_START, VERSION).attribute(ATTR_SW_DROPS, &[])
}

/// NET_DM_CMD_STOP, of software drops; no error when it is off (`net_dm_monitor_stop`).
pub fn stop(family: u16) -> Request {
    genetlink::request(family, CMD_STOP, VERSION).attribute(ATTR_SW_DROPS, &[])
}

/// NET_DM_CMD_CONFIG_GET.
pub fn question_configuration(family: u16) -> Request {
    genetlink::request(family, CMD_CONFIG_GET, VERSION)
}

/// NET_DM_CMD_STATS_GET.
pub fn question_statistics(family: u16) -> Request {
    genetlink::request(family, CMD_STATS_GET, VERSION)
}

/// NET_DM_CMD_CONFIG_NEW.
///
/// # Errors
/// A member is missing or cut short.
pub fn decode_configuration(payload: &[u8]) -> Result<Configuration, WireError> {
    let (_, body) = genetlink::split(payload)?;
    let (mut mode, mut truncation, mut queue) = (None, None, None);
    for attribute in body.attributes(0) {
        let attribute = attribute?;
        match attribute.kind {
            ATTR_ALERT_MODE => mode = Some(attribute.named("NET_DM_ATTR_ALERT_MODE").u8(0)?),
            ATTR_TRUNC_LEN => truncation = Some(attribute.named("NET_DM_ATTR_TRUNC_LEN").u32(0)?),
            ATTR_QUEUE_LEN => queue = Some(attribute.named("NET_DM_ATTR_QUEUE_LEN").u32(0)?),
            _ => {}
        }
    }
    Ok(Configuration {
        mode: mode.ok_or(WireError::Absent { what: "NET_DM_ATTR_ALERT_MODE" })?,
        truncation: truncation.ok_or(WireError::Absent { what: "NET_DM_ATTR_TRUNC_LEN" })?,
        queue: queue.ok_or(WireError::Absent { what: "NET_DM_ATTR_QUEUE_LEN" })?,
    })
}

/// NET_DM_CMD_STATS_NEW: packets that found the queue full since the monitor was switched on.
///
/// # Errors
/// The number is missing or cut short.
pub fn decode_statistics(payload: &[u8]) -> Result<u64, WireError> {
    let (_, body) = genetlink::split(payload)?;
    let stats = inner(body, ATTR_STATS, "NET_DM_ATTR_STATS", STATS_DROPPED)?;
    stats.ok_or(WireError::Absent { what: "NET_DM_ATTR_STATS" })?.u64(0)
}

/// An alert; none for another command.
///
/// # Errors
/// A member is cut short, or there is no symbol.
pub fn decode(payload: &[u8]) -> Result<Option<Alert<'_>>, WireError> {
    let (command, body) = genetlink::split(payload)?;
    if command != CMD_PACKET_ALERT {
        return Ok(None);
    }
    let mut symbol = None;
    let mut alert = Alert {
        symbol: "",
        input: None,
        timestamp: 0,
        protocol: 0,
        length: 0,
        payload: &[],
        reason: None,
    };
    for attribute in body.attributes(0) {
        let attribute = attribute?;
        match attribute.kind {
            ATTR_SYMBOL => symbol = Some(text(attribute.payload)),
            ATTR_TIMESTAMP => alert.timestamp = attribute.named("NET_DM_ATTR_TIMESTAMP").u64(0)?,
            ATTR_PROTO => alert.protocol = attribute.named("NET_DM_ATTR_PROTO").u16(0)?,
            ATTR_ORIG_LEN => alert.length = attribute.named("NET_DM_ATTR_ORIG_LEN").u32(0)?,
            ATTR_PAYLOAD => alert.payload = attribute.payload,
            ATTR_REASON => alert.reason = Some(text(attribute.payload)),
            ATTR_IN_PORT => {
                for port in attribute.named("NET_DM_ATTR_IN_PORT").attributes(0) {
                    let port = port?;
                    if port.kind == PORT_IFINDEX {
                        let field = port.named("NET_DM_ATTR_PORT_NETDEV_IFINDEX");
                        alert.input = Some(field.u32(0)?);
                    }
                }
            }
            _ => {}
        }
    }
    alert.symbol = symbol.ok_or(WireError::Absent { what: "NET_DM_ATTR_SYMBOL" })?;
    Ok(Some(alert))
}

/// A number in a nested attribute.
fn inner<'a>(
    body: Field<'a>,
    outer: u16,
    name: &'static str,
    kind: u16,
) -> Result<Option<Field<'a>>, WireError> {
    for attribute in body.attributes(0) {
        let attribute = attribute?;
        if attribute.kind != outer {
            continue;
        }
        for part in attribute.named(name).attributes(0) {
            let part = part?;
            if part.kind == kind {
                return Ok(Some(part.named(name)));
            }
        }
    }
    Ok(None)
}

/// A string up to its first NUL, as far as it is text: borrowed, for there is one per dropped packet.
fn text(bytes: &[u8]) -> &str {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    match str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let valid = text.get(..error.valid_up_to()).unwrap_or_default();
            str::from_utf8(valid).unwrap_or_default()
        }
    }
}
