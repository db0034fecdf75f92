//! The kernel's receive path of ESP, as a pure function: the state and an encrypted packet in, [`Verdict`] out.
//!
//! The order is the kernel's: outer destination, the vti that takes the packet and its check of the packet itself, the SA by SPI, its checks,
//! what is inside, the interface by mark or if_id, the IN or FWD policy. If the state that was read does not determine a step, the verdict is
//! [`Site::Undecided`] and says what is missing; the model never guesses. What only the packet knows, its sequence number and its integrity
//! value, is no step: the SA's counters tell of it afterwards. tests/vm compares it with real kernels.
//!
//! Not modelled: hardware offload, GRO before the handlers (`esp4_gro_receive()`), ESP in TCP, IPComp, and packets that several SAs encrypt.

mod asked;
mod bucket;
mod device;
mod exempt;
mod packet;
mod policy;
pub mod reach;
mod sa;
mod site;

pub use exempt::is_exempt;
pub use packet::{ESP, Encrypted};
pub use site::{Direction, Effect, Moves, Outcome, Refusal, SaCounts, Site, Taken, counted};

use super::flow::Flow;
use super::trail::{At, End, Trail};
use crate::snapshot::{Driver, Family, IfId, Mode, Source, Spi};
use crate::tunnel::State;
use crate::way::trail::undecidable;
use asked::Asked;
use site::Walk;

/// The model's answer for one received packet.
pub type Verdict = super::trail::Verdict<Site, Effect>;

/// What the kernel does with an encrypted packet.
pub fn receive(state: &State<'_>, packet: &Encrypted) -> Verdict {
    follow(state, packet, Trail::kept())
}

/// The same, but without the steps if the packet is let in.
pub fn end(state: &State<'_>, packet: &Encrypted) -> Verdict {
    let verdict = follow(state, packet, Trail::forgotten());
    if verdict.effect.outcome == Outcome::LetIn { verdict } else { receive(state, packet) }
}

/// Why the kernel refuses a packet that comes in clear by the device `input`; none if the policies let it in.
///
/// # Errors
/// Where the state that was read does not determine it.
pub fn clear(
    state: &State<'_>,
    flow: &Flow,
    input: u32,
) -> Result<Option<(Direction, Refusal)>, crate::snapshot::Missing> {
    let direction = match policy::direction(state, flow, input) {
        Ok(direction) => direction,
        Err(End(Site::Undecided(missing))) => return Err(missing),
        Err(End(_)) => return Ok(None),
    };
    let asked =
        Asked { direction, if_id: IfId(0), mark: flow.mark, input, outside: None, by: None };
    Ok(policy::check(state, flow, &asked, None)?.map(|refusal| (direction, refusal)))
}

fn follow(state: &State<'_>, packet: &Encrypted, mut trail: Trail) -> Verdict {
    let mut taken = None;
    let (Ok(site) | Err(End(site))) = walk(state, packet, &mut taken, &mut trail);
    if let Site::Undecided(missing) = &site {
        trail.step(At::Undecided, missing, "undetermined");
    }
    Verdict { effect: site.effect(taken), site, trail: trail.steps() }
}

/// The path; `taken` is the interface, as soon as it is known.
fn walk(
    state: &State<'_>,
    packet: &Encrypted,
    taken: &mut Option<Taken>,
    trail: &mut Trail,
) -> Walk<Site> {
    let Encrypted { source, destination, .. } = packet;
    if state.local_addresses(*destination)?.is_empty() {
        trail.step(At::Arrival, destination, "no address of this host");
        return Err(End(Site::NotForThisHost { destination: *destination }));
    }
    let what = if packet.in_udp { "ESP in UDP" } else { "ESP" };
    let spi = packet.spi;
    trail.step(At::Arrival, format_args!("{what} {source} -> {destination}, SPI {spi}"), "ok");
    let vti = device::vti(state, packet, trail)?;
    *taken = vti.as_ref().map(|vti| Taken { ifindex: vti.link.ifindex, driver: vti.driver });
    device::check_outer(state, packet, vti.as_ref(), trail)?;
    let mark = vti.as_ref().map_or(packet.mark, |vti| vti.input_mark);
    let sa = sa::find(state, packet, mark, trail)?;
    if vti.is_none() {
        *taken = device::xfrm(state, sa, trail)?;
        sa::knows_device(sa, state, taken)?;
    }
    sa::check(state, sa, packet, vti.is_some(), trail)?;
    sa::check_inside(state, sa, packet, taken.as_ref(), trail)?;
    let inner = &sa::decrypted(sa, packet);
    // `xfrm_input()`: the SA's output mark is put on what it decrypted, too.
    let mark = sa.set_mark.put_on(packet.mark);
    if let Some(vti) = &vti {
        let asked = Asked {
            direction: Direction::In,
            if_id: IfId(0),
            mark: vti.input_mark,
            input: vti.link.ifindex,
            outside: packet.input,
            by: Some(vti.driver),
        };
        if let Some(refusal) = policy::check_by_vti(state, inner, &asked, sa, trail)? {
            return Err(End(Site::Policy { spi, direction: Direction::In, refusal }));
        }
        let out = Decrypted { spi, inner, inside: sa::ends_inside(sa, packet), mark };
        return behind_vti(state, out, vti.link.ifindex, trail);
    }
    let Some(input) = taken.as_ref().map(|taken| taken.ifindex).or(packet.input) else {
        let what = "which device a packet of an SA without an interface comes by";
        return Err(undecidable(Source::Links, what).into());
    };
    let if_id = if taken.is_some() { sa.if_id } else { IfId(0) };
    // In transport mode it goes on behind `ip6_rcv_core()` (`xfrm6_transport_finish2()`).
    if sa.mode != Mode::Transport {
        takes_ipv6(state, inner, input)?;
    }
    let direction = policy::direction(state, inner, input)?;
    if let (Direction::In, Some(site)) = (direction, sa::ends_inside(sa, packet)) {
        return Err(end_inside(site, trail));
    }
    let by = taken.as_ref().map(|_| Driver::Xfrm);
    let asked = Asked { direction, if_id, mark, input, outside: packet.input, by };
    if exempt::keeps_exemption(state, packet, sa)? {
        trail.step(asked.at(), "disable_policy of the device by which it came", "let in");
        return Ok(Site::LetIn { spi, direction });
    }
    match policy::check_with_steps(state, inner, &asked, Some(sa), trail)? {
        Some(refusal) => Err(End(Site::Policy { spi, direction, refusal })),
        None => Ok(Site::LetIn { spi, direction }),
    }
}

/// The end of an IP packet inside of what was decrypted, for this host: handlers of IP in IP ask no policy (`no_policy` of their
/// `net_protocol`).
fn end_inside(site: Site, trail: &mut Trail) -> End<Site> {
    trail.step(At::Inside, "an IP packet, SA of mode beet", "no SA");
    End(site)
}

/// A packet that a vti let in.
struct Decrypted<'a> {
    spi: Spi,
    inner: &'a Flow,
    /// Where it ends if it is for this host and an IP packet is inside.
    inside: Option<Site>,
    mark: u32,
}

/// What a vti let in comes to the host without its secpath, like a packet in clear.
fn behind_vti(
    state: &State<'_>,
    Decrypted { spi, inner, inside, mark }: Decrypted<'_>,
    input: u32,
    trail: &mut Trail,
) -> Walk<Site> {
    takes_ipv6(state, inner, input)?;
    let direction = policy::direction(state, inner, input)?;
    if let (Direction::In, Some(site)) = (direction, inside) {
        return Err(end_inside(site, trail));
    }
    let asked = Asked { direction, if_id: IfId(0), mark, input, outside: None, by: None };
    if let Some(refusal) = policy::check(state, inner, &asked, None)? {
        trail.step(At::PolicyOfClear, inner, reach::result(&refusal));
        return Err(End(Site::AsClear { spi, direction, refusal }));
    }
    Ok(Site::LetIn { spi, direction })
}

/// `ip6_rcv_core()` drops what comes by a device without IPv6.
fn takes_ipv6(state: &State<'_>, inner: &Flow, input: u32) -> Walk<()> {
    if inner.family() != Family::Inet6 {
        return Ok(());
    }
    let link = state.link(input)?;
    match link.and_then(|link| link.ipv6.as_ref()) {
        Some(ipv6) if !ipv6.disable_ipv6 => Ok(()),
        _ => Err(End(Site::NoIpv6)),
    }
}
