//! The index of policies, and what is looked up in it: by if_id or mark, in the order of priority. Selectors are not compared here.

use super::order::{Group, Order};
use super::ownership::{Asked, MarkOrIfId};
use crate::snapshot::{Family, IfId, Policy, PolicyDirection, PolicyType, Sa};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// Policies in the order of their priority.
pub(super) struct PolicyIndex {
    by_if_id: Order,
    /// Policies without an if_id by mask and value, as `(mark & m) == v` needs them.
    by_mark: Order,
    /// The masks of policies without an if_id.
    masks: BTreeSet<(PolicyDirection, u32)>,
    /// Whether there is a policy of the sub type: these are rare, but each lookup asks for them first.
    pub has_sub: bool,
    /// Whether the selector of one names a device.
    pub has_device: bool,
    /// What the templates of all policies require, sorted and without duplicates: shows to which interface an SA belongs. Rarely needed, so it
    /// is built on first use.
    asked: OnceCell<Vec<(PolicyDirection, Asked)>>,
}

type PolicyRank = (u32, u32);

const fn policy_rank(policy: &Policy) -> PolicyRank {
    (policy.priority, policy.index)
}

const fn policy_if_id(policy: &Policy) -> (PolicyDirection, IfId) {
    (policy.direction, policy.if_id)
}

const fn policy_mark(policy: &Policy) -> (PolicyDirection, IfId, u32, u32) {
    (policy.direction, policy.if_id, policy.mark.mask, policy.mark.value)
}

impl PolicyIndex {
    /// Indexes the list of policies, which all other functions are given again.
    pub(super) fn new(policies: &[Policy]) -> Self {
        let unbound = policies.iter().filter(|policy| policy.if_id == IfId(0));
        Self {
            by_if_id: Order::by(policies, |p| (policy_if_id(p), policy_rank(p))),
            by_mark: Order::among(
                policies,
                |p| p.if_id == IfId(0),
                |p| (policy_mark(p), policy_rank(p)),
            ),
            has_sub: policies.iter().any(|policy| policy.policy_type == PolicyType::Sub),
            has_device: policies.iter().any(|policy| policy.selector.ifindex != 0),
            masks: unbound.map(|policy| (policy.direction, policy.mark.mask)).collect(),
            asked: OnceCell::new(),
        }
    }

    /// See [`super::State::policies`].
    pub(super) fn matching<'l>(
        &'l self,
        list: &'l [Policy],
        direction: PolicyDirection,
        if_id: IfId,
        mark: u32,
        family: Option<Family>,
        policy_type: Option<PolicyType>,
    ) -> Vec<&'l Policy> {
        let fits = |p: &&Policy| {
            p.mark.admits(mark)
                && family.is_none_or(|f| p.selector.family == f)
                && policy_type.is_none_or(|t| p.policy_type == t)
        };
        if if_id != IfId(0) {
            return self.of_if_id(list, direction, if_id).iter().filter(fits).collect();
        }
        let masks = self.masks.range((direction, 0)..=(direction, u32::MAX));
        let groups = masks.map(|(_, mask)| {
            let wanted = (direction, IfId(0), *mask, mark & mask);
            self.by_mark.find(list, |policy| policy_mark(policy).cmp(&wanted))
        });
        let mut found: Vec<&Policy> = groups.flatten().filter(fits).collect();
        found.sort_by_key(|policy| policy_rank(policy));
        found
    }

    fn of_if_id<'l>(
        &'l self,
        list: &'l [Policy],
        direction: PolicyDirection,
        if_id: IfId,
    ) -> Group<'l, Policy> {
        let wanted = (direction, if_id);
        self.by_if_id.find(list, |policy| policy_if_id(policy).cmp(&wanted))
    }

    /// The policies of a VTI that are its own, by priority.
    pub(super) fn own<'l>(
        &'l self,
        list: &'l [Policy],
        mark_or_if_id: MarkOrIfId,
        direction: PolicyDirection,
    ) -> Vec<&'l Policy> {
        let mut found = match mark_or_if_id {
            MarkOrIfId::IfId(if_id) => self.of_if_id(list, direction, if_id).iter().collect(),
            MarkOrIfId::Mark { input, output } => {
                let mark = if direction == PolicyDirection::Out { output } else { input };
                self.matching(list, direction, IfId(0), mark, None, None)
            }
        };
        found.retain(|p| mark_or_if_id.owns_policy(direction, p.if_id, p.mark));
        found
    }

    /// Whether the template of a policy of this direction selects this SA.
    pub(super) fn is_wanted(&self, list: &[Policy], direction: PolicyDirection, sa: &Sa) -> bool {
        let asked = self.asked(list);
        let of = |(direction, asked): &(PolicyDirection, Asked)| {
            (*direction, asked.reqid, asked.destination)
        };
        let wanted = (direction, sa.reqid, sa.destination);
        let start = asked.partition_point(|entry| of(entry) < wanted);
        let mut alike = asked.iter().skip(start).take_while(|entry| of(entry) == wanted);
        alike.any(|(_, asked)| asked.selects(sa))
    }

    /// See [`PolicyIndex::asked`].
    fn asked(&self, policies: &[Policy]) -> &[(PolicyDirection, Asked)] {
        self.asked.get_or_init(|| {
            let all = policies.iter().flat_map(|policy| {
                let of = |template| (policy.direction, Asked::of(policy, template));
                policy.templates.iter().map(of)
            });
            let mut asked: Vec<_> = all.collect();
            asked.sort_unstable();
            asked.dedup();
            asked
        })
    }
}
