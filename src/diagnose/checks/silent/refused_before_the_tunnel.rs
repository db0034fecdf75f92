//! VTI-312: what this host forwards or sends into the tunnel is dropped by its own packet filter before the interface.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::filtered;
use crate::diagnose::lans;
use crate::diagnose::remotes;
use crate::snapshot::Family;
use crate::way::around::filter::Packet;
use crate::way::around::{Ruling, enters, own_enters};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::RefusedBeforeTheTunnel,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets from the networks behind this host, or its own, are routed
    into the tunnel, but this host's packet filter drops them before
    they reach the interface. Neither tx_packets nor tx_errors of the
    interface is rising.

Why
    A rule or the policy of a chain in PREROUTING, FORWARD or
    POSTROUTING (OUTPUT for this host's own packets) drops packets for
    this interface. On VyOS: the interface is in a zone without a policy
    from the LAN's zone, or the forward filter's default action is drop
    and no rule names the interface.

How to confirm
    {Ruleset}\tthe counters of the rules

What to do
    Allow packets for this interface in the forward chain (on VyOS:
    firewall ipv4 forward filter, or the policy of its zone).
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(filter) = case.filter()? else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let (mut rulings, mut own) = (Vec::new(), Vec::new());
    for remote in remotes::of(case.tunnel()?, &case.tried)? {
        if !tunnel.state.local_addresses(remote.local)?.is_empty() {
            let packet = Packet::any(remote.local, remote.address);
            own.push((remote, own_enters(filter, tunnel, &packet).0));
        }
        for lan in lans::that_send(tunnel, Family::of(remote.address))? {
            let packet = Packet::any(lan.host, remote.address);
            let (ruling, _) = enters(filter, tunnel, lan.link, &packet);
            rulings.push((lan.link.name.as_str(), remote, ruling));
        }
    }
    let is_dropped = |ruling: &Ruling<'_>| matches!(ruling, Ruling::Drops(..));
    if let Some((lan, remote, Ruling::Drops(hook, by))) = rulings.first() {
        if rulings.iter().all(|(.., ruling)| is_dropped(ruling)) {
            let more = rulings.iter().any(|(other, ..)| other != lan);
            let lans = if more { format!("{lan} and others") } else { (*lan).to_owned() };
            let summary = format!(
                "{} {} all that hosts behind {lans} send into {}, as to {}",
                by.name(),
                by.does(),
                case.name,
                remote.address
            );
            return Ok(filtered::dropped(case, *hook, by, summary));
        }
    }
    if let Some((remote, Ruling::Drops(hook, by))) = own.first() {
        if own.iter().all(|(_, ruling)| is_dropped(ruling)) {
            let summary = format!(
                "{} {} all that this host itself sends into {}, as from {} to {}",
                by.name(),
                by.does(),
                case.name,
                remote.local,
                remote.address
            );
            let found = filtered::dropped(case, *hook, by, summary);
            // A router that only forwards may want that.
            let is_all = rulings.is_empty();
            return Ok(if is_all { found } else { found.severity(Severity::Warning) });
        }
    }
    let of_own = own.iter().map(|(_, ruling)| ruling);
    Err(filtered::nothing(rulings.iter().map(|(.., ruling)| ruling).chain(of_own)))
}
