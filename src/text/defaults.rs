//! What every kernel has unless it was changed, and what texts seldom show: it is assumed where the text does not say it, and listed as
//! assumed. Nothing else is.

use super::names::MAIN;
use crate::kernel::Change;
use crate::snapshot::route::FR_ACT_TO_TBL;
use crate::snapshot::{
    Action, DefaultPolicies, Family, Mark, Missing, Reason, Rule, Snapshot, Source,
};

/// The default of `net.core.xfrm_acq_expires` in seconds.
const ACQ_EXPIRES: u32 = 30;

/// Sets what every kernel has until somebody changes it, where the text does not say it. Routing rules: only those that each host has.
pub(super) fn assume(now: &mut Snapshot) {
    let mut assumed = Vec::new();
    let mut say =
        |source, detail: &str| assumed.push(Missing::new(source, Reason::NotInText, detail));
    let unknown = |missing: Option<&Missing>| {
        missing.is_some_and(|missing| missing.reason == Reason::NotInText)
    };
    if unknown(now.sysctls.xfrm_larval_drop.as_ref().err()) {
        now.sysctls.xfrm_larval_drop = Ok(true);
        say(Source::LarvalDrop, "taken to be 1, the kernel's default");
    }
    if unknown(now.sysctls.xfrm_acq_expires.as_ref().err()) {
        now.sysctls.xfrm_acq_expires = Ok(ACQ_EXPIRES);
        say(Source::AcqExpires, "taken to be 30, the kernel's default");
    }
    if unknown(now.sysctls.all_disable_xfrm.as_ref().err()) {
        now.sysctls.all_disable_xfrm = Ok(false);
        say(Source::AllDisableXfrm, "taken to be 0, the kernel's default");
    }
    if unknown(now.sysctls.all_disable_policy.as_ref().err()) {
        now.sysctls.all_disable_policy = Ok(false);
        say(Source::AllDisablePolicy, "taken to be 0, the kernel's default");
    }
    if now.host.release().has(Change::DefaultPolicies) == Some(false) {
        let why = format!("kernels before {} have none", Change::DefaultPolicies.since());
        now.default_policies = Err(Missing::new(Source::DefaultPolicies, Reason::Absent, why));
    } else if let Err(Missing { reason: reason @ (Reason::NotInText | Reason::Absent), .. }) =
        now.default_policies
    {
        now.default_policies = Ok(DefaultPolicies {
            inbound: Action::Allow,
            forward: Action::Allow,
            outbound: Action::Allow,
        });
        let detail = "taken to accept, the kernel's default";
        now.assumed.push(Missing::new(Source::DefaultPolicies, reason, detail));
    }
    // Of rules that are partly in the text, the others are not those that each host has.
    let is_part = now.rules.as_ref().is_err_and(|missing| !missing.detail.is_empty());
    let families = if is_part { Vec::new() } else { vec![Family::Inet, Family::Inet6] };
    let has = |family| now.rules.iter().flatten().any(|rule| rule.family == family);
    let without: Vec<Family> = families.iter().copied().filter(|family| !has(*family)).collect();
    if !without.is_empty() {
        let rules = without.iter().flat_map(|family| usual_rules(*family));
        let mut all: Vec<Rule> = now.rules.iter().flatten().cloned().collect();
        all.extend(rules);
        if without.len() == families.len() || now.rules.is_err() {
            say(Source::Rules, "taken to be those that each host has: `ip rule show`");
        }
        now.rules = Ok(all);
    }
    now.assumed.extend(assumed);
}

/// The rules that the kernel makes for each namespace (`fib_default_rules_init()`, `fib6_rules_net_init()`), and that of VRFs.
fn usual_rules(family: Family) -> Vec<Rule> {
    let rule = |priority, table, l3mdev| Rule {
        family,
        priority,
        action: FR_ACT_TO_TBL,
        table,
        source: None,
        destination: None,
        fwmark: Mark::default(),
        iif: None,
        oif: None,
        l3mdev,
        invert: false,
    };
    let mut rules = vec![rule(0, 255, false), rule(1000, 0, true), rule(32_766, MAIN, false)];
    if family == Family::Inet {
        rules.push(rule(32_767, 253, false));
    }
    rules
}
