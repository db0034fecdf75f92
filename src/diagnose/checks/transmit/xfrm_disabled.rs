//! VTI-106: because of disable_xfrm the interface does not look up any policy.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::kernel::Change;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::XfrmDisabled, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The interface drops every IPv4 packet routed into it and counts a
    carrier error for each. No counter of /proc/net/xfrm_stat rises.
    This concerns only vti and vti6; an xfrm interface ignores the
    setting (except on kernels before 5.11, 5.10.13 and 5.4.95).

Why
    net.ipv4.conf.IFACE.disable_xfrm or net.ipv4.conf.all.disable_xfrm
    is 1. Routes out of the interface then have DST_NOXFRM, and a lookup
    without an if_id ends there without looking up a policy.

How to confirm
    {AllDisableXfrm}
    {DisableXfrm}

What to do
    Set both to 0. Many guides for VTIs confuse this setting with
    disable_policy.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::XfrmDisabled)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let counts = case.now.host.release().has(Change::DisableXfrmOfAll) != Some(false);
    let on_all = counts && case.now.sysctls.all_disable_xfrm.clone().unwrap_or(false);
    let of = if on_all { "all" } else { case.name };
    let setting = format!("net.ipv4.conf.{of}.disable_xfrm");
    Ok(Found::proven(case, first, format!("{} drops every IPv4 packet: {setting} is 1", case.name))
        .severity(case.grade(Severity::Fault))
        .seen(case, format!("{setting} = 1"), Source::AllDisableXfrm)
        .next(case, "set it to 0", Command::ClearDisableXfrm.with(Word::Scope, of)))
}
