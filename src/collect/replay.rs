//! Lists of SAs and policies, updated by the kernel's messages about changes. The kernel walks a list while it sends it, message by message, and
//! does not report that the list changed meanwhile (`xfrm_dump_sa()` has no NLM_F_DUMP_INTR): an entry that is added behind the walker is not
//! sent. Entries that did not change are in the list; for those that did, the last message has their present state. It reads nothing.

use crate::snapshot::notification::Notification;
use crate::snapshot::{Changed, Mark, Observed, Policy, Sa, Spi};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What identifies an SA in the kernel: `__xfrm_state_lookup()`.
type SaKey = (IpAddr, u8, Spi, Mark);

fn key(sa: &Sa) -> SaKey {
    (sa.destination, sa.protocol, sa.spi, sa.mark)
}

/// Applies the changes to the lists that were read.
pub(super) fn take_in(
    changes: Vec<Notification>,
    sas: &mut Observed<Vec<Sa>>,
    policies: &mut Observed<Vec<Policy>>,
) {
    if changes.is_empty() {
        return;
    }
    // Without an SPI it is larval, and several may be equal.
    let (mut larval, mut by_key, mut by_index) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for sa in sas.iter_mut().flat_map(std::mem::take) {
        if sa.spi == Spi(0) {
            larval.push(sa);
        } else {
            by_key.insert(key(&sa), sa);
        }
    }
    for policy in policies.iter_mut().flat_map(std::mem::take) {
        by_index.insert((policy.policy_type as u8, policy.index), policy);
    }
    for change in changes {
        match change {
            Notification::SaAdded(sa) | Notification::SaUpdated(sa) => {
                // An SPI that `xfrm_alloc_spi()` reserved has no mark yet, and no message reports that the SA replaced it.
                let reserved = SaKey::from((sa.destination, sa.protocol, sa.spi, Mark::default()));
                if by_key.get(&reserved).is_some_and(Sa::is_larval) {
                    by_key.remove(&reserved);
                }
                let before = by_key.remove(&key(&sa));
                by_key.insert(key(&sa), as_used(sa, before));
            }
            Notification::SaDeleted(sa) | Notification::SaExpired(sa) => {
                by_key.remove(&key(&sa));
                if sa.spi == Spi(0) {
                    let same = |a: &Sa| key(a) == key(&sa) && a.source == sa.source;
                    larval.retain(|a| !(same(a) && a.reqid == sa.reqid && a.if_id == sa.if_id));
                }
            }
            Notification::SasFlushed(protocol) => {
                let is_kept = |sa: &Sa| !matches!(protocol, 0 | 255) && sa.protocol != protocol;
                by_key.retain(|_, sa| is_kept(sa));
                larval.retain(is_kept);
            }
            Notification::PolicyAdded(policy) => {
                by_index.insert((policy.policy_type as u8, policy.index), policy);
            }
            Notification::PolicyDeleted(policy) => {
                by_index.remove(&(policy.policy_type as u8, policy.index));
            }
            Notification::PoliciesFlushed => by_index.clear(),
            Notification::LinkChanged(_)
            | Notification::LinkDeleted { .. }
            | Notification::AddressAdded(_)
            | Notification::AddressDeleted(_)
            | Notification::RouteAdded(_)
            | Notification::RouteDeleted(_) => {}
        }
    }
    if let Ok(sas) = sas {
        *sas = by_key.into_values().chain(larval).collect();
    }
    if let Ok(policies) = policies {
        *policies = by_index.into_values().collect();
    }
}

/// The SA of a message with the counters of the list, which are newer.
fn as_used(sa: Sa, listed: Option<Sa>) -> Sa {
    match listed.filter(|listed| !listed.is_larval()) {
        None => sa,
        Some(listed) => Sa {
            current: listed.current,
            replay: listed.replay,
            replay_window_drops: listed.replay_window_drops,
            replay_drops: listed.replay_drops,
            integrity_failures: listed.integrity_failures,
            last_used: listed.last_used,
            ..sa
        },
    }
}

/// What the changes apply to; none where that is unknown. A larval SA is no change: it comes and goes while packets wait for a missing SA.
pub(super) fn changed(changes: &[Notification]) -> Option<BTreeSet<Changed>> {
    let mut changed = BTreeSet::new();
    for change in changes {
        match change {
            Notification::SasFlushed(_) | Notification::PoliciesFlushed => return None,
            Notification::SaAdded(sa)
            | Notification::SaUpdated(sa)
            | Notification::SaDeleted(sa) => {
                if !sa.is_larval() {
                    changed.insert(Changed::from(sa));
                }
            }
            // It names no algorithm, so larval SAs with an SPI look the same.
            Notification::SaExpired(sa) => {
                if sa.spi != Spi(0) {
                    changed.insert(Changed::from(sa));
                }
            }
            Notification::PolicyAdded(policy) | Notification::PolicyDeleted(policy) => {
                changed.insert(Changed::from(policy));
            }
            Notification::LinkChanged(_)
            | Notification::LinkDeleted { .. }
            | Notification::AddressAdded(_)
            | Notification::AddressDeleted(_)
            | Notification::RouteAdded(_)
            | Notification::RouteDeleted(_) => {}
        }
    }
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::IfId;

    fn sa(spi: u32, mark: u32) -> Sa {
        let yaml = format!(
            "{{source: 192.0.2.1, destination: 192.0.2.2, protocol: 50, spi: '{spi:#010x}', reqid: 1, mode: tunnel, \
             family: inet, selector: {{family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}}}"
        );
        let sa: Sa = serde_yaml::from_str(&yaml).unwrap();
        Sa { mark: Mark { value: mark, mask: if mark == 0 { 0 } else { u32::MAX } }, ..sa }
    }

    fn after(sas: Vec<Sa>, changes: Vec<Notification>) -> Vec<Sa> {
        let mut sas = Ok(sas);
        take_in(changes, &mut sas, &mut Ok(Vec::new()));
        sas.unwrap()
    }

    #[test]
    fn an_sa_takes_the_place_of_the_one_that_reserved_its_spi() {
        let reserved = Sa { larval: true, ..sa(7, 0) };
        assert_eq!(after(vec![reserved], vec![Notification::SaAdded(sa(7, 3))]), [sa(7, 3)]);
    }

    #[test]
    fn sas_of_one_spi_and_two_marks_are_two() {
        let both = vec![sa(7, 3), sa(7, 4)];
        assert_eq!(after(both, vec![Notification::SaDeleted(sa(7, 3))]), [sa(7, 4)]);
    }

    #[test]
    fn an_sa_that_was_listed_keeps_its_use() {
        let mut listed = sa(7, 3);
        (listed.current.packets, listed.replay_drops) = (5, 2);
        let updated = Sa { if_id: IfId(9), ..sa(7, 3) };
        let [sa] = after(vec![listed], vec![Notification::SaAdded(updated)]).try_into().unwrap();
        assert_eq!((sa.if_id, sa.current.packets, sa.replay_drops), (IfId(9), 5, 2));
    }

    #[test]
    fn a_flush_leaves_what_came_after_it_and_other_protocols() {
        let ah = Sa { protocol: 51, ..sa(8, 0) };
        let changes = vec![Notification::SasFlushed(50), Notification::SaAdded(sa(9, 0))];
        assert_eq!(after(vec![sa(7, 0), ah.clone()], changes), [sa(9, 0), ah]);
    }

    #[test]
    fn a_list_that_was_not_read_is_not_made_up() {
        use crate::snapshot::{Missing, Reason, Source};
        let missing = Missing::new(Source::SecurityAssociations, Reason::Denied, "");
        let mut sas = Err(missing.clone());
        take_in(vec![Notification::SaAdded(sa(7, 0))], &mut sas, &mut Ok(Vec::new()));
        assert_eq!(sas, Err(missing));
    }

    #[test]
    fn a_larval_sa_is_no_change() {
        let larval = Sa { larval: true, ..sa(0, 0) };
        let of = |change| changed(&[change]).unwrap().len();
        assert_eq!(of(Notification::SaAdded(larval.clone())), 0);
        assert_eq!(of(Notification::SaExpired(larval)), 0);
        assert_eq!(of(Notification::SaExpired(Sa { larval: true, ..sa(7, 0) })), 1);
        assert_eq!(changed(&[Notification::PoliciesFlushed]), None);
    }
}
