//! The chains of a hook, in the order in which the kernel asks them (`nf_hook_slow()`), and what they come to together.

use super::fate::{By, Doubt, Fate, How, Met};
use super::index::{Asked, Filter};
use super::packet::{Device, Packet, Tracking};
use super::walk::Walk;
use crate::snapshot::Family;
use crate::snapshot::filter::{Chain, Hook, Kind, Ruleset, TableFamily};
use std::borrow::Cow;

/// NF_IP_PRI_CONNTRACK.
const CONNTRACK: i32 = -200;
/// Rules that are looked at for one packet at one hook. A rule in a chain that several others jump to counts each time.
const MOST_RULES: usize = 200_000;

/// What becomes of the packet at this hook; the packet changes as the rules change it. `met` gets the rules whose conditions it meets.
pub fn hook<'r>(
    filter: &Filter<'r>,
    hook: Hook,
    packet: &mut Packet,
    met: &mut Vec<Met<'r>>,
) -> Fate<'r> {
    let asked = filter.asked(hook).iter();
    let chains: Vec<Asked<'r>> =
        asked.filter(|asked| is_asked(asked.chain, packet, hook)).copied().collect();
    let packet_family = packet.family;
    let mut walk = Walk { filter, packet, met, rules: MOST_RULES, is_certain: true };
    let mut open: Option<(Option<By<'r>>, Doubt<'r>)> = None;
    let mut is_translated = false;
    for Asked { chain, place, .. } in chains {
        let Some(base) = &chain.base else { continue };
        let comes_first = matches!(hook, Hook::Prerouting | Hook::Output) && place < CONNTRACK;
        walk.packet.is_seen = !comes_first && hook != Hook::Ingress;
        walk.is_certain = open.is_none();
        if base.kind == Kind::Nat {
            match walk.packet.tracking {
                // The first chain that translates is the last that is asked.
                _ if is_translated => continue,
                Tracking::New => walk.is_certain &= filter.tracks(packet_family),
                // Later packets of a connection are translated as its first one; a packet without one is not.
                Tracking::Established | Tracking::Invalid | Tracking::Untracked => continue,
                Tracking::Unknown => walk.is_certain = false,
            }
        }
        let was_certain = walk.is_certain;
        let before = walk.packet.translated.len();
        let end = walk.chain(chain, 0);
        is_translated |= walk.packet.translated.len() > before;
        let policy = By { chain, rule: None, how: How::Drop };
        let drop = end.drop.or((end.falls && base.drops).then_some(policy));
        let passes = end.accept || end.falls && !base.drops;
        let is_asked = was_certain || base.kind != Kind::Nat;
        match drop {
            // Whatever chains before did, it does not get past this one.
            Some(by) if !passes && is_asked => return Fate::Dropped(by),
            Some(by) => {
                let (chain, rule) = (Some(by.chain), by.rule);
                let other = Doubt { chain, rule, of: Cow::Borrowed("ct state") };
                open.get_or_insert((Some(by), end.doubt.unwrap_or(other)));
            }
            None => {}
        }
    }
    walk.packet.is_seen = hook != Hook::Ingress;
    match open {
        Some((by, doubt)) => Fate::Unknown(by, doubt),
        None => legacy(filter.ruleset, hook, packet),
    }
}

/// What the tables of the older iptables may do, whose rules are not read.
fn legacy<'r>(ruleset: &Ruleset, hook: Hook, packet: &Packet) -> Fate<'r> {
    let is_asked = |table: &str| match hook {
        Hook::Forward => matches!(table, "mangle" | "filter" | "security"),
        Hook::Input => matches!(table, "mangle" | "filter" | "security" | "nat"),
        Hook::Output => true,
        Hook::Prerouting => matches!(table, "raw" | "mangle" | "nat"),
        Hook::Postrouting => matches!(table, "mangle" | "nat"),
        Hook::Ingress | Hook::Egress => false,
    };
    let mut tables = ruleset.legacy.iter().filter(|legacy| sees(legacy.family, packet));
    match tables.find(|legacy| is_asked(&legacy.table)) {
        Some(legacy) => {
            let of = format!("table {} of iptables-legacy", legacy.table);
            Fate::Unknown(None, Doubt { chain: None, rule: None, of: Cow::Owned(of) })
        }
        None => Fate::Passes,
    }
}

/// Whether a base chain of the hook is asked for a packet.
fn is_asked(chain: &Chain, packet: &Packet, hook: Hook) -> bool {
    let devices = chain.base.as_ref().map_or(&[][..], |base| &base.devices);
    sees(chain.family, packet) && is_for(devices, packet, hook)
}

/// Whether the chains of a family see a packet.
fn sees(family: TableFamily, packet: &Packet) -> bool {
    match family {
        TableFamily::Ip => packet.family == Family::Inet,
        TableFamily::Ip6 => packet.family == Family::Inet6,
        TableFamily::Inet | TableFamily::Netdev => true,
        TableFamily::Bridge => false,
    }
}

/// Whether a chain is for the device of the packet: those of the hooks ingress and egress are for some.
fn is_for(devices: &[String], packet: &Packet, hook: Hook) -> bool {
    let device = match hook {
        Hook::Ingress => &packet.input,
        Hook::Egress => &packet.output,
        _ => return true,
    };
    match device {
        Device::Known { name, .. } => devices.contains(name),
        Device::None => false,
        Device::Unknown => true,
    }
}
