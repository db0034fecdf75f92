//! VTI-408: the packet filter drops the tunnel's ESP before the SA is looked up.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::filtered;
use crate::way::around::{Ruling, esp_arrives};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::EspFilteredOnArrival,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[]),
    check,
};

const EXPLAIN: &str = "
What happens
    The peer's ESP (or UDP 4500) arrives, and this host's packet filter
    drops it before an SA is looked up. The inbound SA's counters and
    the interface's rx_packets stand still; no XFRM counter is rising.

Why
    A rule or the policy of a chain in PREROUTING or INPUT drops ESP
    from the peer: the rules for the WAN allow IKE but not ESP, or not
    UDP 4500, or a raw rule drops what is not tracked. Rules that only
    let packets of known connections pass drop ESP until this host has
    sent ESP to the peer itself.

How to confirm
    {Ruleset}\tthe counters of rules for ESP and UDP 4500
    {EspAndNat}

What to do
    Allow ESP and UDP 500 and 4500 from the peer in the input chain of
    the WAN (on VyOS: firewall ipv4 input filter, or the zone policy
    towards LOCAL).
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let Some(filter) = case.filter()? else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let mut rulings = Vec::new();
    for sa in &inbound.own {
        let (ruling, _) = esp_arrives(filter, tunnel, sa);
        if let Ruling::Drops(hook, by) = ruling {
            let what = if sa.encapsulation.is_some() { "ESP in UDP" } else { "ESP" };
            let summary = format!(
                "{} {} all {what} from {}: nothing comes out of {}",
                by.name(),
                by.does(),
                sa.source,
                case.name
            );
            let found = filtered::dropped(case, hook, &by, summary);
            return Ok(found.next(case, "check whether ESP arrives", Command::EspAndNat));
        }
        rulings.push(ruling);
    }
    Err(filtered::nothing(&rulings))
}
