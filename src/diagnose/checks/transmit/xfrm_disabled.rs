//! VTI-106: disable_xfrm keeps the device from looking up any policy.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::kernel::Change;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::XfrmDisabled, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    Every IPv4 packet routed into the interface is dropped and counted
    as a carrier error. No counter of /proc/net/xfrm_stat moves. Only
    vti and vti6; an xfrm interface does not care (it does on kernels
    before 5.11, 5.10.13 and 5.4.95).

Why
    net.ipv4.conf.IFACE.disable_xfrm or net.ipv4.conf.all.disable_xfrm
    is 1: routes out of the device carry DST_NOXFRM, and the lookup
    without an if_id ends at once.

How to confirm
    {AllDisableXfrm}
    {DisableXfrm}

What to do
    Set both to 0. What many guides mean for VTIs is disable_policy.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::XfrmDisabled)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let counts = case.now.host.release().has(Change::DisableXfrmOfAll) != Some(false);
    let on_all = counts && case.now.sysctls.all_disable_xfrm.clone().unwrap_or(false);
    let of = if on_all { "all" } else { case.name };
    let setting = format!("net.ipv4.conf.{of}.disable_xfrm");
    Ok(Found::proven(case, first, format!("{setting} is 1: {} encrypts no IPv4 packet", case.name))
        .severity(case.grade(Severity::Fault))
        .seen(case, format!("{setting} = 1"), Source::AllDisableXfrm)
        .next(case, "clear it", Command::ClearDisableXfrm.with(Word::Scope, of)))
}
