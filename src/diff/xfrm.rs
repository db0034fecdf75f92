//! Policies and SAs: what ties them to a tunnel and to each other, not their SPIs and what they carried.

use super::changes::{Changes, only, was};
use crate::snapshot::{KernelCounter, Limits, Policy, PolicyDirection, Sa, Snapshot, Source};
use std::collections::BTreeMap;

/// A field by its name, and its value.
type Field = (&'static str, String);

pub(super) fn compare(a: &Snapshot, b: &Snapshot, changes: &mut Changes) {
    if let Some((before, now)) = changes.both(&a.policies, &b.policies) {
        // Outbound first: without it nothing leaves.
        let key = |policy: &Policy| {
            let (rank, direction) = match policy.direction {
                PolicyDirection::Out => (0, "out"),
                PolicyDirection::In => (1, "in"),
                PolicyDirection::Forward => (2, "fwd"),
                PolicyDirection::SocketIn | PolicyDirection::SocketOut => (3, "socket"),
            };
            (rank, format!("{direction} policy {}", policy.selector))
        };
        groups(before, now, key, policy, Source::SecurityPolicies, changes);
    }
    if let Some((before, now)) = changes.both(&a.sas, &b.sas) {
        let key = |sa: &Sa| (0, format!("SA {} -> {}", sa.source, sa.destination));
        groups(before, now, key, sa, Source::SecurityAssociations, changes);
        sa_counters(before, now, changes);
    }
    if let (Ok(before), Ok(now)) = (&a.xfrm_statistics, &b.xfrm_statistics) {
        for KernelCounter { name, value } in now {
            let old =
                before.iter().find(|counter| counter.name == *name).map(|counter| counter.value);
            if let Some(old) = old.filter(|old| value > old) {
                changes.count(Source::XfrmStatistics, None, format!("{name} {}", was(value, old)));
            }
        }
    }
}

/// Compares what has the same key: as many of the same fields are no change.
fn groups<T>(
    before: &[T],
    now: &[T],
    key: impl Fn(&T) -> (u8, String),
    fields: impl Fn(&T) -> Vec<Field>,
    source: Source,
    changes: &mut Changes,
) {
    type Both = (Vec<Vec<Field>>, Vec<Vec<Field>>);
    let mut all: BTreeMap<(u8, String), Both> = BTreeMap::new();
    for one in before {
        all.entry(key(one)).or_default().0.push(fields(one));
    }
    for one in now {
        all.entry(key(one)).or_default().1.push(fields(one));
    }
    for ((_, key), (before, now)) in all {
        let (gone, new) = (only(&before, &now), only(&now, &before));
        for (n, old) in gone.iter().enumerate() {
            match new.get(n) {
                Some(new) => {
                    let changed = new.iter().zip(old.iter()).filter(|(new, old)| new != old);
                    let changed: Vec<String> = changed
                        .map(|((name, new), (_, old))| format!("{name} {}", was(new, old)))
                        .collect();
                    changes.say(source, None, format!("{key}: {}", changed.join("; ")));
                }
                None if now.is_empty() => changes.say(source, None, format!("{key} is gone")),
                None => {
                    changes.say(source, None, format!("{key}: one of {} is gone", before.len()))
                }
            }
        }
        for new in new.iter().skip(gone.len()) {
            let what: Vec<String> = new
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            changes.say(source, None, format!("{key} is new: {}", what.join(", ")));
        }
    }
}

fn policy(of: &Policy) -> Vec<Field> {
    let templates = of.templates.iter().map(|t| {
        format!(
            "{} -> {} proto {} reqid {} {}",
            t.source, t.destination, t.protocol, t.reqid, t.mode
        )
    });
    let templates: Vec<String> = templates.collect();
    vec![
        ("action", format!("{:?}", of.action).to_lowercase()),
        ("if_id", of.if_id.to_string()),
        ("mark", of.mark.to_string()),
        ("template", if templates.is_empty() { "none".to_owned() } else { templates.join(" + ") }),
    ]
}

fn sa(of: &Sa) -> Vec<Field> {
    let has_limit = |limit: Option<u64>| if limit.is_some() { "set" } else { "none" }.to_owned();
    let Limits { hard_bytes, hard_packets, .. } = of.limits;
    let reached = |limit: Option<u64>, current: u64| limit.is_some_and(|limit| current >= limit);
    let is_used_up =
        reached(hard_bytes, of.current.bytes) || reached(hard_packets, of.current.packets);
    let last = if of.uses_esn() { u64::MAX } else { u64::from(u32::MAX) };
    let sequence = of.replay.is_some_and(|replay| replay.outbound >= last);
    vec![
        ("state", if of.is_larval() { "larval" } else { "valid" }.to_owned()),
        ("if_id", of.if_id.to_string()),
        ("mark", of.mark.to_string()),
        ("reqid", of.reqid.to_string()),
        ("mode", of.mode.to_string()),
        ("output mark", of.set_mark.to_string()),
        (
            "encapsulation",
            of.encapsulation.map_or_else(
                || "none".to_owned(),
                |e| format!("UDP {} -> {}", e.source_port, e.destination_port),
            ),
        ),
        ("selector", of.selector.to_string()),
        ("packet limit", has_limit(hard_packets)),
        ("byte limit", has_limit(hard_bytes)),
        ("limit", if is_used_up { "reached" } else { "not reached" }.to_owned()),
        ("sequence numbers", if sequence { "used up" } else { "left" }.to_owned()),
        ("replay window", of.replay.map_or(0, |replay| replay.window).to_string()),
        ("ESN", if of.uses_esn() { "on" } else { "off" }.to_owned()),
    ]
}

/// Packets that SAs refused, by direction.
fn sa_counters(before: &[Sa], now: &[Sa], changes: &mut Changes) {
    type Counter = (&'static str, fn(&Sa) -> u64);
    let counters: [Counter; 3] = [
        ("integrity failures", |sa| sa.integrity_failures.into()),
        ("replays", |sa| sa.replay_drops.into()),
        ("packets left of the replay window", |sa| sa.replay_window_drops.into()),
    ];
    let mut ends: Vec<_> = now.iter().map(|sa| (sa.source, sa.destination)).collect();
    ends.sort();
    ends.dedup();
    for (source, destination) in ends {
        let sum = |list: &[Sa], of: fn(&Sa) -> u64| -> u64 {
            list.iter()
                .filter(|sa| (sa.source, sa.destination) == (source, destination))
                .map(of)
                .sum()
        };
        for (name, of) in counters {
            let (old, new) = (sum(before, of), sum(now, of));
            if new > old {
                changes.say(
                    Source::SecurityAssociations,
                    None,
                    format!("SA {source} -> {destination}: {name} {}", was(new, old)),
                );
            }
        }
    }
}
