//! Whether the packet filter lets packets of a flow through on a stretch of their way: several hooks, one after the other. It is asked twice, for
//! the first packet of a connection and for later ones, for most rulesets treat these differently.

use super::filter::{By, Device, Doubt, Fate, Filter, Packet, Tracking, hook};
use crate::snapshot::filter::Hook;

/// A hook on the way, and the devices that a packet has there.
#[derive(Clone, Debug)]
pub struct Station {
    /// The hook.
    pub hook: Hook,
    /// The device that the packet came in by.
    pub input: Device,
    /// The device below the VRF that it came in by.
    pub slave: Device,
    /// The device that it leaves by.
    pub output: Device,
}

/// What the packet filter does with the packets of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling<'r> {
    /// It lets all of them pass.
    Passes,
    /// It drops every one.
    Drops(Hook, By<'r>),
    /// It drops the first packet of a connection, and lets those pass that belong to one.
    DropsNew(Hook, By<'r>),
    /// It cannot be known.
    Unknown(Hook, Option<By<'r>>, Doubt<'r>),
}

/// What a packet meets: the first hook at which it does not pass for certain.
fn walk<'r>(
    filter: &Filter<'r>,
    packet: &mut Packet,
    stations: &[Station],
) -> Option<(Hook, Fate<'r>)> {
    let mut open = None;
    for Station { hook: at, input, slave, output } in stations {
        packet.input.clone_from(input);
        packet.slave.clone_from(slave);
        packet.output.clone_from(output);
        match hook(filter, *at, packet, &mut Vec::new()) {
            Fate::Passes => {}
            dropped @ Fate::Dropped(_) => return Some((*at, dropped)),
            unknown @ Fate::Unknown(..) => drop(open.get_or_insert((*at, unknown))),
        }
    }
    open
}

/// What the filter does with packets like this one; the packet afterwards, as the first of its connection.
pub fn passage<'r>(
    filter: &Filter<'r>,
    packet: &Packet,
    stations: &[Station],
) -> (Ruling<'r>, Packet) {
    let mut first = packet.clone();
    if !stations.iter().any(|station| filter.may_drop(station.hook)) {
        // Rules that drop nothing may still change it.
        let _ = walk(filter, &mut first, stations);
        return (Ruling::Passes, first);
    }
    let mut later = packet.clone();
    if packet.tracking == Tracking::New {
        later.tracking = Tracking::Established;
    }
    let (of_first, of_later) =
        (walk(filter, &mut first, stations), walk(filter, &mut later, stations));
    let ruling = match (of_first, of_later) {
        (None, None) => Ruling::Passes,
        (_, Some((at, Fate::Dropped(by)))) => Ruling::Drops(at, by),
        (Some((at, Fate::Dropped(by))), None | Some((_, Fate::Passes))) => Ruling::DropsNew(at, by),
        (Some((at, Fate::Dropped(by))), Some((_, Fate::Unknown(_, doubt)))) => {
            Ruling::Unknown(at, Some(by), doubt)
        }
        (Some((at, Fate::Unknown(by, doubt))), _) | (_, Some((at, Fate::Unknown(by, doubt)))) => {
            Ruling::Unknown(at, by, doubt)
        }
        (Some((_, Fate::Passes)) | None, Some((_, Fate::Passes)) | None) => Ruling::Passes,
    };
    (ruling, first)
}
