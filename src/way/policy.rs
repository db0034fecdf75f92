//! Policy lookup, `xfrm_policy_lookup()` and `xfrm_expand_policies()`, for both directions. What a policy then does to a packet is decided by
//! the direction.

use super::flow::Flow;
use super::trail::undecidable;
use crate::snapshot::{
    Action, IfId, Mark, Observed, Policy, PolicyDirection, PolicyType, Reason, Source, Template,
};
use crate::tunnel::State;
use std::fmt;

/// What a lookup compares beside the flow.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// 0 where no interface with an if_id is concerned.
    pub if_id: IfId,
    /// `flowi_mark`.
    pub mark: u32,
    /// `flowi_oif`.
    pub oif: u32,
}

/// The policies that one lookup returns: a sub policy and the main one, or one of them.
pub(super) struct Choice<'a> {
    /// In the order in which their templates are resolved.
    pub policies: Vec<&'a Policy>,
}

impl<'a> Choice<'a> {
    /// The policy that decides: the sub policy if there is one.
    pub fn first(&self) -> Option<&'a Policy> {
        self.policies.first().copied()
    }

    /// Everything that the path after the lookup depends on: marks, if_ids, flags and templates.
    pub fn asks_for(&self) -> Vec<(Mark, IfId, u8, &'a [Template])> {
        let of = |p: &&'a Policy| (p.mark, p.if_id, p.flags, p.templates.as_slice());
        self.policies.iter().map(of).collect()
    }

    pub fn blocks(&self) -> Option<&'a Policy> {
        self.policies.iter().copied().find(|p| p.action == Action::Block)
    }

    pub fn has_templates(&self) -> bool {
        self.policies.iter().any(|p| !p.templates.is_empty())
    }

    /// What it does to a packet, before any SA is looked at.
    pub fn effect(&self) -> (bool, bool) {
        (self.blocks().is_some(), self.has_templates())
    }
}

/// Which of several policies of equal priority the kernel uses depends on its tables, so they must all do the same.
pub(super) fn one_effect(choices: &[Choice<'_>]) -> Observed<()> {
    match choices {
        [first, rest @ ..] if rest.iter().any(|choice| choice.effect() != first.effect()) => {
            let what = "which policy is used: several have the same priority, but different actions or templates";
            Err(undecidable(Source::SecurityPolicies, what))
        }
        _ => Ok(()),
    }
}

/// `xfrm_policy_lookup()`: the sub policy type first, then main; after a sub policy also the main one, which `xfrm_expand_policies()` and
/// `__xfrm_policy_check()` add. It returns several choices only if several policies have the best priority.
pub(super) fn lookup<'a>(
    state: &'a State<'a>,
    direction: PolicyDirection,
    flow: &Flow,
    key: Key,
) -> Observed<Vec<Choice<'a>>> {
    let family = Some(flow.family());
    let best = |kind, direction| -> Observed<Vec<&'a Policy>> {
        let candidates = state.policies(direction, key.if_id, key.mark, family, Some(kind))?;
        let mut matching =
            candidates.into_iter().filter(|p| flow.matches(&p.selector, key.oif)).peekable();
        let priority = matching.peek().map(|p| p.priority);
        Ok(matching.take_while(|p| Some(p.priority) == priority).collect())
    };
    let sub = if state.has_sub_policies() { best(PolicyType::Sub, direction)? } else { Vec::new() };
    // `__xfrm_policy_check()` looks the main policy up in direction in, also where the sub policy was one for what is forwarded.
    let behind = match direction {
        PolicyDirection::Forward if !sub.is_empty() => PolicyDirection::In,
        direction => direction,
    };
    let main = best(PolicyType::Main, behind)?;
    if sub.is_empty() {
        return Ok(main.into_iter().map(|p| Choice { policies: vec![p] }).collect());
    }
    let main = main.first().copied();
    Ok(sub
        .into_iter()
        .map(|p| Choice { policies: [Some(p), main].into_iter().flatten().collect() })
        .collect())
}

/// Whether packets of a direction without a policy are dropped; older kernels cannot do that ([`crate::kernel::Change::DefaultPolicies`]).
pub(super) fn default_blocks(state: &State<'_>, direction: PolicyDirection) -> Observed<bool> {
    let action = match &state.snapshot.default_policies {
        Ok(defaults) => match direction {
            PolicyDirection::Forward => defaults.forward,
            PolicyDirection::Out => defaults.outbound,
            _ => defaults.inbound,
        },
        Err(missing) if missing.reason == Reason::Absent => return Ok(false),
        Err(missing) => return Err(missing.clone()),
    };
    Ok(action == Action::Block)
}

/// A policy in one line, in the words of `ip xfrm policy`.
pub(super) struct InWords<'a>(pub &'a Policy);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Policy { selector, if_id, mark, priority, .. } = self.0;
        write!(f, "{selector}")?;
        if *if_id != IfId(0) {
            write!(f, ", if_id {if_id}")?;
        }
        if mark.mask != 0 {
            write!(f, ", mark {mark}")?;
        }
        write!(f, ", priority {priority}")
    }
}
