//! The two ends of a tunnel, from a capture of each: which tunnel and which SAs of the other end belong to this one's, and what of the packets
//! that one end sent the other one counted. It judges nothing.
//!
//! The two kernels name an SA alike: its SPI and protocol, and its destination unless a NAT changes that. They install both sides of a
//! CHILD_SA within a moment, so that their SAs' add_time tells how far their clocks are apart.

use super::inbound::Inbound;
use super::unconfirmed::Unconfirmed;
use crate::report::InterfaceReport;
use crate::report::ends::{Ends as Report, Passed, other_end};
use crate::snapshot::{
    Link, Missing, Observed, Policy, PolicyDirection, PolicyType, Reason, ReplayState, Sa,
    Snapshot, Source, Statistics,
};
use crate::tunnel::{State, Tunnel};
use crate::units;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The two sides of an SA are installed so many seconds apart at most: clocks that differ less are taken for equal.
const SAME_MOMENT_S: i64 = 3;
const CLOCKS_DIFFER_MS: u64 = 3_000;

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
    /// How many seconds the other end's clock is ahead of this one's.
    ahead_s: i64,
}

/// The samples of one end.
#[derive(Clone, Copy)]
struct Samples<'a> {
    now: &'a Snapshot,
    earlier: Option<&'a Snapshot>,
}

/// The SAs of one direction.
pub(super) struct Stream<'a> {
    /// The sender's SA and the receiver's.
    pub pairs: Vec<(&'a Sa, &'a Sa)>,
    /// The sender's SAs that the receiver does not have.
    pub unpaired: Vec<&'a Sa>,
    /// The receiver's SAs of the tunnel.
    pub received: Vec<&'a Sa>,
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
        let ahead_s = ahead(&outward, &inward);
        let here = Samples { now: &tunnel.state.snapshot, earlier };
        let away = Samples { now: &other.state.snapshot, earlier: other.earlier };
        let (mine, theirs) = ((tunnel.link, here), (found.link, away));
        let passed_outward = outward.passed(mine, theirs, ahead_s);
        let passed_inward = inward.passed(theirs, mine, ahead_s.saturating_neg());
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
            ahead_s,
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

    /// For the report.
    pub fn report(&self) -> Report {
        let [_, there] = self.samples;
        Report {
            hostname: there.now.host.hostname.clone(),
            interface: self.tunnel.link.name.clone(),
            outward: self.passed_outward.clone(),
            inward: self.passed_inward.clone(),
        }
    }

    /// The sender's newest SA, where the receiver does not have it, though it was installed before the receiver was looked at; and whether two
    /// samples of the receiver say so.
    pub fn newest_unknown(&self, outward: bool) -> Option<(&'a Sa, bool)> {
        let [here, there] = self.samples;
        let (stream, ahead_s, receiver) = match outward {
            true => (&self.outward, self.ahead_s, there),
            false => (&self.inward, self.ahead_s.saturating_neg(), here),
        };
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

/// Why a tunnel of this end has none at the other.
const NO_TUNNEL: &str = "the other end's capture has no tunnel to this host";

/// What is missing at the other end, said so.
fn there(missing: &Missing) -> Missing {
    let detail = format!("of the other end: {}", missing.detail);
    Missing { detail, ..missing.clone() }
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn seconds(snapshot: &Snapshot) -> i64 {
    signed(snapshot.taken_at_ms / 1_000)
}

/// The inbound SAs of a tunnel.
fn inbound<'a>(tunnel: &Tunnel<'a>) -> Observed<Vec<&'a Sa>> {
    Ok(match Inbound::of(tunnel)? {
        Some(inbound) => inbound.own,
        // Without an outbound SA, or with the interface down, what comes in still has its SA.
        None => tunnel.sas_with_inbound_mark_or_if_id()?,
    })
}

/// The other side of an SA.
fn other_side<'a>(list: &'a [Sa], sa: &Sa) -> Option<&'a Sa> {
    let in_udp = |a: &Sa| a.encapsulation.is_some();
    list.iter().find(|other| {
        other.spi == sa.spi
            && other.protocol == sa.protocol
            && !other.is_larval()
            && (other.destination == sa.destination || in_udp(other) && in_udp(sa))
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

/// How many seconds the other clock is ahead: the middle of what the pairs say; 0 where the two sides may have been installed so far apart.
fn ahead(outward: &Stream<'_>, inward: &Stream<'_>) -> i64 {
    let time = |sa: &Sa| signed(sa.current.add_time);
    let out = outward.pairs.iter().map(|(here, there)| time(there).saturating_sub(time(here)));
    let back = inward.pairs.iter().map(|(there, here)| time(there).saturating_sub(time(here)));
    let mut all: Vec<i64> = out.chain(back).collect();
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied().unwrap_or(0);
    if middle.abs() <= SAME_MOMENT_S { 0 } else { middle }
}

impl<'a> Stream<'a> {
    fn of(sent: &[&'a Sa], receiver: &'a [Sa], received: Vec<&'a Sa>) -> Self {
        let (mut pairs, mut unpaired) = (Vec::new(), Vec::new());
        for sa in sent {
            match other_side(receiver, sa) {
                Some(other) => pairs.push((*sa, other)),
                None => unpaired.push(*sa),
            }
        }
        Self { pairs, unpaired, received }
    }

    /// The account of the direction; `ahead_s`: how many seconds the receiver's clock is ahead of the sender's.
    fn passed(
        &self,
        sender: (&Link, Samples<'_>),
        receiver: (&Link, Samples<'_>),
        ahead_s: i64,
    ) -> Passed {
        // The sender's clock when the receiver was looked at.
        let seen_ms =
            receiver.1.now.taken_at_ms.saturating_add_signed(ahead_s.saturating_mul(-1_000));
        let samples = [Some(sender.1.now), sender.1.earlier];
        // The last sample of the sender that was taken before, also where the clocks differ by as much as is taken for nothing.
        let is_before =
            |sample: &&Snapshot| sample.taken_at_ms.saturating_add(CLOCKS_DIFFER_MS) <= seen_ms;
        let before = samples.into_iter().flatten().find(is_before);
        let mut passed = Passed {
            sas: self.pairs.len(),
            dropped_before: risen(sender.0, sender.1, |statistics| statistics.tx_errors),
            undelivered: self.undelivered(receiver),
            ..Passed::default()
        };
        let mut lost: Result<u64, &str> = Ok(0);
        for (sent, received) in &self.pairs {
            let counted = counted(received);
            passed.sent = passed.sent.saturating_add(numbers(sent));
            passed.arrived = passed.arrived.saturating_add(counted);
            passed.decrypted = passed.decrypted.saturating_add(received.current.packets);
            lost = lost.and_then(|sum| Ok(sum.saturating_add(missing(sent, received, before)?)));
        }
        passed.refused = passed.arrived.saturating_sub(passed.decrypted);
        match lost {
            Ok(lost) => passed.lost = Some(lost),
            Err(why) => passed.undetermined = Some(why.to_owned()),
        }
        passed
    }

    /// Packets that the receiver's SAs decrypted between its two samples, and that its interface did not deliver.
    fn undelivered(&self, (link, samples): (&Link, Samples<'_>)) -> Option<u64> {
        let earlier = samples.earlier?;
        let before = earlier.sas.as_deref().ok()?;
        let same = |sa: &Sa| before.iter().find(|other| crate::way::loss::is_same(sa, other));
        let rise = |sa: &&Sa| {
            let then = same(sa).map_or(0, |then| then.current.packets);
            sa.current.packets.saturating_sub(then)
        };
        let decrypted = units::sum(self.received.iter().map(rise));
        let delivered = risen(link, samples, |statistics| statistics.rx_packets)?;
        Some(decrypted.saturating_sub(delivered))
    }
}

/// How much a counter of an interface rose between two samples.
fn risen(link: &Link, samples: Samples<'_>, counter: fn(&Statistics) -> u64) -> Option<u64> {
    let of = |snapshot: &Snapshot| {
        let same = snapshot.links.iter().flatten().find(|other| other.name == link.name)?;
        same.statistics.as_ref().map(counter)
    };
    of(samples.now)?.checked_sub(of(samples.earlier?)?)
}

/// Sequence numbers that an outbound SA gave out. A device that encrypts counts a large segment once, and numbers its parts.
fn numbers(sa: &Sa) -> u64 {
    match (sa.offload, sa.replay) {
        (Some(_), Some(replay)) => replay.outbound,
        _ => sa.current.packets,
    }
}

/// Packets that an inbound SA counted: decrypted, late, or failed. A duplicate has the number of a packet that is counted already.
fn counted(sa: &Sa) -> u64 {
    let refused = u64::from(sa.replay_window_drops).saturating_add(sa.integrity_failures.into());
    sa.current.packets.saturating_add(refused)
}

/// Packets that the sender sent and the receiver never counted: those that it had sent before the receiver was looked at (`before` is its last
/// sample of that time), or those whose numbers are below the highest that arrived, whichever are more.
fn missing(sent: &Sa, received: &Sa, before: Option<&Snapshot>) -> Result<u64, &'static str> {
    if sent.is_offloaded_whole() || received.is_offloaded_whole() {
        return Err("the SA is in the device, which counts by itself");
    }
    let counted = counted(received);
    let passed_over = match passed_over(sent, received, counted) {
        // Nothing is missing.
        None if counted >= numbers(sent) => Some(0),
        known => known,
    };
    let then = match before.map(|before| before.sas.as_deref()) {
        // Where it was installed since, what it carried by then is not known.
        Some(Ok(list)) => list.iter().find(|other| crate::way::loss::is_same(sent, other)),
        Some(Err(_)) if passed_over.is_none() => return Err("the sender's SAs were not read"),
        None if passed_over.is_none() => {
            return Err("no sample of the sender is 3 s older than the last one of the receiver");
        }
        _ => None,
    };
    let by_then = then.map_or(0, |then| numbers(then).saturating_sub(counted));
    Ok(by_then.max(passed_over.unwrap_or(0)))
}

/// Numbers that the receiver has not counted, of those that left its replay window. None where the kernel keeps no highest number, or where the
/// sender did not begin at 1.
fn passed_over(sent: &Sa, received: &Sa, counted: u64) -> Option<u64> {
    let begins_at_one = sent.replay?.outbound == sent.current.packets;
    let ReplayState { inbound: highest, window, unseen, .. } = received.replay?;
    if !begins_at_one || window == 0 {
        return None;
    }
    let in_window = unseen.map_or(u64::from(window).min(highest), u64::from);
    Some(highest.saturating_sub(counted).saturating_sub(in_window))
}

/// The policies of the type that decides.
pub(super) fn main_policies<'a>(
    tunnel: &Tunnel<'a>,
    direction: PolicyDirection,
) -> Observed<Vec<&'a Policy>> {
    let all = tunnel.own_policies(direction)?;
    Ok(all.iter().copied().filter(|policy| policy.policy_type == PolicyType::Main).collect())
}
