//! The two ends of a tunnel, from a capture of each: which tunnel and which SAs of the other end belong to this one's. It counts no packet and
//! judges nothing.
//!
//! The two kernels name an SA alike: its SPI and protocol, and its destination unless a NAT changes that.

use super::clocks::{Clocks, SAME_MOMENT_S, seconds, signed};
use super::inbound::Inbound;
use super::passed::{Samples, Stream, other_side};
use super::unconfirmed::Unconfirmed;
use crate::code::Code;
use crate::report::ends::{Ends as Report, Passed, other_end};
use crate::report::{Finding, InterfaceReport};
use crate::snapshot::{
    Missing, Observed, Policy, PolicyDirection, PolicyType, Reason, Sa, Snapshot, Source,
};
use crate::tunnel::{State, Tunnel};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Why nothing is said of both ends where one was read.
const ONE_END: Unconfirmed =
    Unconfirmed::NotApplicable("the state of the other end was not given (--peer-capture)");

/// The other end's host: its samples, and what is diagnosed from them alone.
pub(super) struct OtherEnd<'a> {
    pub state: &'a State<'a>,
    pub earlier: Option<&'a Snapshot>,
    pub interfaces: &'a [InterfaceReport],
}

/// A tunnel with its other end.
pub(super) struct Ends<'a> {
    /// The other end's side of the tunnel.
    pub tunnel: Tunnel<'a>,
    /// What is diagnosed there from the other end's capture alone.
    pub there: &'a InterfaceReport,
    /// The samples of this end and of the other.
    samples: [Samples<'a>; 2],
    /// From here.
    pub outward: Stream<'a>,
    /// From there.
    pub inward: Stream<'a>,
    /// What became of what this end sent, and of what the other end sent.
    pub passed_outward: Passed,
    pub passed_inward: Passed,
    /// How far the other end's clock is ahead of this one's.
    clocks: Clocks,
}

impl<'a> Ends<'a> {
    /// The other end of a tunnel. `NotApplicable` where the other end's host was not read, or has no tunnel to this one.
    pub fn of(
        tunnel: &Tunnel<'a>,
        earlier: Option<&'a Snapshot>,
        other: Option<&'a OtherEnd<'a>>,
    ) -> Result<Self, Unconfirmed> {
        let other = other.ok_or(ONE_END)?;
        let sas_there = other.state.snapshot.sas.as_deref().map_err(there)?;
        let sas_here = tunnel.state.snapshot.sas.as_deref().map_err(Clone::clone)?;
        let found = counterpart(tunnel, other.state)?;
        let sent = tunnel.outbound_sas()?;
        let received = inbound(tunnel)?;
        let sent_there = found.outbound_sas().map_err(|missing| there(&missing))?;
        let received_there = inbound(&found).map_err(|missing| there(&missing))?;
        let outward = Stream::of(sent, sas_there, received_there);
        let inward = Stream::of(sent_there, sas_here, received);
        let interface = other.interfaces.iter().find(|i| i.name == found.link.name);
        let interface = interface.ok_or(Unconfirmed::NotApplicable(NO_TUNNEL))?;
        let here = Samples { now: &tunnel.state.snapshot, earlier };
        let away = Samples { now: &other.state.snapshot, earlier: other.earlier };
        let (mine, theirs) = ((tunnel.link, here), (found.link, away));
        let own = outward.pairs.iter().map(|(here, there)| (*here, *there));
        let others = inward.pairs.iter().map(|(there, here)| (*here, *there));
        let pairs: Vec<(&Sa, &Sa)> = own.chain(others).collect();
        let clocks = Clocks::of(&pairs, here.now, away.now);
        let passed_outward = outward.passed(mine, theirs, clocks);
        let passed_inward = inward.passed(theirs, mine, clocks.reversed());
        let samples = [here, away];
        let there = interface;
        Ok(Self {
            tunnel: found,
            there,
            samples,
            outward,
            inward,
            passed_outward,
            passed_inward,
            clocks,
        })
    }

    /// What to call the other end: its name, where that tells it from this one.
    pub fn name(&self) -> &'a str {
        let [here, there] = self.samples.map(|samples| samples.now.host.hostname.as_str());
        other_end(here, there)
    }

    /// What to call the interface there: `t0 of gw2`.
    pub fn other(&self) -> String {
        format!("{} of {}", self.tunnel.link.name, self.name())
    }

    /// For the report, beside these findings.
    pub fn report(&self, findings: &[Finding]) -> Report {
        let [_, there] = self.samples;
        let is_named_there = || self.there.findings.iter().any(|f| UNCOUNTED.contains(&f.code));
        let explains = |code: &Code| {
            UNCOUNTED.contains(code) || *code == Code::RefusedAtTheOtherEnd && is_named_there()
        };
        let explained_by = findings.iter().map(|finding| finding.code).find(explains);
        Report {
            hostname: there.now.host.hostname.clone(),
            interface: self.tunnel.link.name.clone(),
            outward: self.passed_outward.clone(),
            inward: self.passed_inward.clone(),
            explained_by,
        }
    }

    /// The sender's newest SA, where the receiver does not have it, though it was installed before the receiver was looked at; and whether two
    /// samples of the receiver say so.
    pub fn newest_unknown(&self, outward: bool) -> Option<(&'a Sa, bool)> {
        let [here, there] = self.samples;
        let (stream, clocks, receiver) = match outward {
            true => (&self.outward, self.clocks, there),
            false => (&self.inward, self.clocks.reversed(), here),
        };
        let ahead_s = clocks.ahead_s()?;
        let added = |sa: &&Sa| signed(sa.current.add_time);
        let newest_known = stream.pairs.iter().map(|(sa, _)| added(sa)).max();
        let newest = stream.unpaired.iter().copied().max_by_key(added)?;
        let is_newer = newest_known.is_none_or(|known| added(&newest) > known);
        let was_there = |sample: &Snapshot| {
            let seen_s = seconds(sample).saturating_sub(ahead_s);
            added(&newest).saturating_add(SAME_MOMENT_S) < seen_s
        };
        let twice = receiver.earlier.is_some_and(|earlier| {
            let lacks = |list: &[Sa]| other_side(list, newest).is_none();
            was_there(earlier) && earlier.sas.as_deref().is_ok_and(lacks)
        });
        (is_newer && was_there(receiver.now)).then_some((newest, twice))
    }
}

/// Causes for which packets end before an SA of the receiver counts them, and not on the way.
const UNCOUNTED: [Code; 7] = [
    Code::EndsUseDifferentSas,
    Code::EndsDifferInParameters,
    Code::OuterQueueDrops,
    Code::OuterPathDead,
    Code::NoInboundAssociation,
    Code::InboundAssociationMismatch,
    Code::EspFilteredOnArrival,
];

/// Why a tunnel of this end has none at the other.
const NO_TUNNEL: &str =
    "the other end's capture has no tunnel to this host (redacted apart, or another host)";

/// What is missing at the other end, said so.
fn there(missing: &Missing) -> Missing {
    let detail = format!("of the other end: {}", missing.detail);
    Missing { detail, ..missing.clone() }
}

/// The inbound SAs of a tunnel.
fn inbound<'a>(tunnel: &Tunnel<'a>) -> Observed<Vec<&'a Sa>> {
    Ok(match Inbound::of(tunnel)? {
        Some(inbound) => inbound.own,
        // Without an outbound SA, or with the interface down, what comes in still has its SA.
        None => tunnel.sas_with_inbound_mark_or_if_id()?,
    })
}

/// The tunnel of the other end that belongs to this one: by its SAs, else by its addresses, and among several of those by what its policies
/// let in.
pub(super) fn counterpart<'a>(
    tunnel: &Tunnel<'_>,
    other: &'a State<'a>,
) -> Result<Tunnel<'a>, Unconfirmed> {
    let sas_there = other.snapshot.sas.as_deref().map_err(there)?;
    let sas_here = tunnel.state.snapshot.sas.as_deref().map_err(Clone::clone)?;
    let sent: Vec<&Sa> =
        tunnel.outbound_sas()?.iter().filter_map(|sa| other_side(sas_there, sa)).collect();
    let own: BTreeSet<(u32, IpAddr)> =
        inbound(tunnel)?.iter().map(|sa| (sa.spi.0, sa.destination)).collect();
    let candidates = || -> Result<Vec<Tunnel<'a>>, Missing> {
        let all = other.tunnels().map_err(|missing| there(&missing))?;
        Ok(all.into_iter().filter(|other| !other.link.is_fallback_device()).collect())
    };
    // The cheapest question first: there may be a thousand of them.
    let takes = |t: &Tunnel<'_>| sent.iter().any(|sa| t.owns_inbound(sa).unwrap_or(false));
    if let Some(found) = candidates()?.into_iter().find(takes) {
        return Ok(found);
    }
    let is_own = |sa: &&Sa| {
        let here = other_side(sas_here, sa);
        here.is_some_and(|sa| own.contains(&(sa.spi.0, sa.destination)))
    };
    let sends = |t: &Tunnel<'_>| t.outbound_sas().unwrap_or_default().iter().any(is_own);
    if let Some(found) = candidates()?.into_iter().find(sends) {
        return Ok(found);
    }
    let here = addresses(&tunnel.state.snapshot)?;
    let away = addresses(&other.snapshot).map_err(|missing| there(&missing))?;
    if !tunnel.peers()?.iter().any(|peer| away.contains(peer)) {
        return Err(Unconfirmed::NotApplicable(NO_TUNNEL));
    }
    let names_us =
        |t: &Tunnel<'_>| t.peers().is_ok_and(|peers| peers.iter().any(|p| here.contains(p)));
    let mut by_address: Vec<Tunnel<'a>> = candidates()?.into_iter().filter(names_us).collect();
    if by_address.len() > 1 {
        let out = tunnel.own_policies(PolicyDirection::Out)?;
        by_address.retain(|other| {
            let taken = other.own_policies(PolicyDirection::In).unwrap_or_default();
            out.iter().any(|policy| taken.iter().any(|other| other.selector == policy.selector))
        });
    }
    match by_address.len() {
        0 => Err(Unconfirmed::NotApplicable(NO_TUNNEL)),
        1 => by_address.pop().ok_or(Unconfirmed::NotApplicable(NO_TUNNEL)),
        _ => {
            let names: Vec<&str> = by_address.iter().map(|t| t.link.name.as_str()).collect();
            let detail =
                format!("{} of the other end may belong to {}", names.join(", "), tunnel.link.name);
            Err(Missing::new(Source::SecurityAssociations, Reason::Undecidable, detail).into())
        }
    }
}

fn addresses(snapshot: &Snapshot) -> Observed<BTreeSet<IpAddr>> {
    let list = snapshot.addresses.as_ref().map_err(Clone::clone)?;
    Ok(list.iter().map(|address| address.prefix.addr()).collect())
}

/// The policies of the type that decides.
pub(super) fn main_policies<'a>(
    tunnel: &Tunnel<'a>,
    direction: PolicyDirection,
) -> Observed<Vec<&'a Policy>> {
    let all = tunnel.own_policies(direction)?;
    Ok(all.iter().copied().filter(|policy| policy.policy_type == PolicyType::Main).collect())
}
