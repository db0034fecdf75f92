//! VTI-407: what the tunnel delivers is dropped by this host's own packet filter.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::filtered;
use crate::diagnose::found::Found;
use crate::diagnose::lans;
use crate::diagnose::remotes::{self, Remote};
use crate::snapshot::filter::Hook;
use crate::snapshot::{Family, Observed, Source};
use crate::units::PACKET;
use crate::way::around::filter::{By, Filter, Packet};
use crate::way::around::{Ruling, To, delivered, esp_arrives};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::RefusedAfterDecryption,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(super::NOT_DECRYPTED),
    check,
};

const EXPLAIN: &str = "
What happens
    The tunnel decrypts and delivers packets (rx_packets of the
    interface is rising), but this host's packet filter then drops them.
    No error counter of the interface is rising.

Why
    A rule or the policy of a chain in PREROUTING, INPUT or FORWARD
    drops packets from this interface. On VyOS: the interface is in
    no zone while the LAN is in one, or the forward filter's default
    action is drop and no rule names the interface. In a VRF the rules
    see the VRF's name as the input interface.

How to confirm
    {Ruleset}\tthe counters of the rules
    {Counters}

What to do
    Allow packets from this interface in the forward chain (on VyOS:
    firewall ipv4 forward filter), or put the interface into a zone and
    add a policy from it. Also allow the answers in the other direction.
";

/// What the filter does with packets out of the tunnel.
struct Rulings<'r> {
    /// To hosts of the networks that this host is connected to: the network's device, and what it does.
    forwarded: Vec<(&'r str, Remote, Ruling<'r>)>,
    /// To this host.
    local: Vec<(Remote, Ruling<'r>)>,
}

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let Some(sa) = inbound.own.first() else { return Err(Unconfirmed::RuledOut) };
    let Some(filter) = case.filter()? else { return Err(Unconfirmed::RuledOut) };
    let (_, arrived) = esp_arrives(filter, case.tunnel()?, sa);
    let rulings = rulings(case, filter, sa, &arrived)?;
    let all = || {
        let local = rulings.local.iter().map(|(_, ruling)| ruling);
        rulings.forwarded.iter().map(|(.., ruling)| ruling).chain(local)
    };
    if let Some(found) = all_of_forwarded(case, &rulings) {
        return Ok(found);
    }
    if let Some(found) = all_of_local(case, &rulings) {
        return Ok(found);
    }
    if let Some(found) = counted(case, all()) {
        return Ok(found);
    }
    Err(filtered::nothing(all()))
}

fn rulings<'r>(
    case: &Case<'r>,
    filter: &Filter<'r>,
    sa: &crate::snapshot::Sa,
    arrived: &Packet,
) -> Observed<Rulings<'r>> {
    let tunnel = case.tunnel()?;
    let (mut forwarded, mut local) = (Vec::new(), Vec::new());
    for remote in remotes::of(case.tunnel()?, &case.tried)? {
        for lan in lans::that_receive(tunnel, Family::of(remote.address))? {
            let inside = Packet::any(remote.address, lan.host);
            let out = To::Out(Some(lan.link));
            let ruling = delivered(filter, tunnel, sa, arrived, &inside, out, Vec::new());
            forwarded.push((lan.link.name.as_str(), remote, ruling));
        }
        if !tunnel.state.local_addresses(remote.local)?.is_empty() {
            let inside = Packet::any(remote.address, remote.local);
            let ruling = delivered(filter, tunnel, sa, arrived, &inside, To::Here, Vec::new());
            local.push((remote, ruling));
        }
    }
    Ok(Rulings { forwarded, local })
}

/// Nothing that the tunnel delivers gets to any of the networks behind this host.
fn all_of_forwarded(case: &Case<'_>, rulings: &Rulings<'_>) -> Option<Found> {
    let (_, remote, Ruling::Drops(hook, by)) = rulings.forwarded.first()? else { return None };
    if !rulings.forwarded.iter().all(|(.., ruling)| matches!(ruling, Ruling::Drops(..))) {
        return None;
    }
    let mut names: Vec<&str> = rulings.forwarded.iter().map(|(name, ..)| *name).collect();
    names.dedup();
    let lans = match names.as_slice() {
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, rest @ ..] => format!("{one} and {} other interfaces", rest.len()),
        [] => return None,
    };
    let (by_name, does) = (by.name(), by.does());
    let summary = format!(
        "{by_name} {does} all that {} delivers to hosts behind {lans}, as from {}",
        case.name, remote.address
    );
    Some(found(case, *hook, by, summary))
}

/// Nothing that the tunnel delivers gets to this host itself, answers included.
fn all_of_local(case: &Case<'_>, rulings: &Rulings<'_>) -> Option<Found> {
    let (remote, Ruling::Drops(hook, by)) = rulings.local.first()? else { return None };
    if !rulings.local.iter().all(|(_, ruling)| matches!(ruling, Ruling::Drops(..))) {
        return None;
    }
    let summary = format!(
        "{} {} all that {} delivers to this host, answers included, as from {} to {}",
        by.name(),
        by.does(),
        case.name,
        remote.address,
        remote.local
    );
    let found = found(case, *hook, by, summary);
    // A router that only forwards may want that.
    Some(if rulings.forwarded.is_empty() { found } else { found.severity(Severity::Warning) })
}

/// A rule for packets of this interface that dropped some of them between the two samples: it may be meant so.
fn counted<'r>(case: &Case<'_>, rulings: impl Iterator<Item = &'r Ruling<'r>>) -> Option<Found> {
    for ruling in rulings {
        let (hook, by, what) = match ruling {
            Ruling::Drops(hook, by) => (hook, by, "packets"),
            Ruling::DropsNew(hook, by) => (hook, by, "first packets of connections"),
            Ruling::Unknown(hook, Some(by), _) => (hook, by, "packets"),
            Ruling::Unknown(_, None, _) | Ruling::Passes => continue,
        };
        let rise = filtered::risen(case, by).ok().flatten().unwrap_or(0);
        if rise == 0 || !filtered::names(by, case.name) {
            continue;
        }
        let dropped = PACKET.of(rise);
        let summary = format!(
            "{} dropped {dropped} that {} delivered {}: it drops {what}, and lets others pass",
            by.name(),
            case.name,
            case.during()
        );
        return Some(found(case, *hook, by, summary).severity(Severity::Warning));
    }
    None
}

fn found(case: &Case<'_>, hook: Hook, by: &By<'_>, summary: String) -> Found {
    let received = case.counted.words("rx_packets", |c| c.rx_packets);
    filtered::dropped(case, hook, by, summary).seen_if(case, received, Source::Links)
}
