//! Which received packets disable_policy exempts from the policies. The setting that counts is that of the device by which the packet was
//! routed: for xfrm the interface itself, for vti the device by which the encrypted packet came, because its check comes before the packet is
//! routed again; in transport mode also the latter for xfrm.

use super::asked::Asked;
use super::packet::Encrypted;
use crate::kernel::Change;
use crate::snapshot::{
    Driver, Family, Link, Missing, Mode, Observed, Reason, Sa, Snapshot, Source,
};
use crate::tunnel::{State, Tunnel};

/// Whether the policy check of `asked` is left out for a packet of this inner family.
///
/// # Errors
/// Where the settings were not read, or the kernel's release does not tell.
pub(super) fn exempts(state: &State<'_>, family: Family, asked: &Asked) -> Observed<bool> {
    let device = match asked.by {
        Some(Driver::Vti | Driver::Vti6) => {
            let Some(tunnel) = state.link(asked.input)?.and_then(|link| Tunnel::new(state, link))
            else {
                return Ok(false);
            };
            return match asked.outside {
                Some(device) if tunnel.driver == Driver::Vti => {
                    exempts_by(&tunnel, state.link(device)?, family)
                }
                _ => is_exempt(&tunnel, family),
            };
        }
        Some(Driver::Xfrm) | None => state.link(asked.input)?,
    };
    // The settings of IPv6 (net.ipv6.conf) are not read.
    Ok(family == Family::Inet && by_device(state, device)?)
}

/// Whether what came in transport mode is exempt already: it is not received anew, and keeps IPSKB_NOPOLICY of the device by which the encrypted
/// packet came, also behind an xfrm interface (seen on 5.10.223 and 6.18.15).
pub(super) fn keeps_exemption(state: &State<'_>, packet: &Encrypted, sa: &Sa) -> Observed<bool> {
    Ok(sa.mode == Mode::Transport && exempts_outer(state, packet)?)
}

/// Whether the encrypted packet itself is exempt, before a vti or a UDP socket.
pub(super) fn exempts_outer(state: &State<'_>, packet: &Encrypted) -> Observed<bool> {
    if packet.destination.is_ipv6() {
        return Ok(false);
    }
    if let Some(input) = packet.input {
        return by_device(state, state.link(input)?);
    }
    if by_device(state, None)? {
        return Ok(true);
    }
    // By which device the packet comes is not known; where all that it may come by have the same setting, it does not matter.
    let outside = state.outside_links()?.iter().filter(|link| link.admin_up);
    let settings = outside.filter(|link| !link.loopback);
    let is_set = |link: &Link| link.ipv4.as_ref().is_some_and(|c| c.disable_policy);
    let (set, not): (Vec<&Link>, Vec<&Link>) = settings.partition(|link| is_set(link));
    if !set.is_empty() && !not.is_empty() {
        let what = "by which device the packet comes: disable_policy is set on some";
        return Err(Missing::new(Source::Links, Reason::Undecidable, what));
    }
    Ok(!set.is_empty())
}

/// Whether disable_policy exempts the decrypted packets of a family from the policies of a tunnel (`ip_route_input_slow()` marks IPv4 packets
/// with IPSKB_NOPOLICY).
///
/// # Errors
/// Where the settings were not read, or the kernel's release does not tell.
pub fn is_exempt(tunnel: &Tunnel<'_>, family: Family) -> Observed<bool> {
    let device = match tunnel.driver {
        Driver::Xfrm => Some(tunnel.link),
        Driver::Vti => underlay(tunnel)?,
        // The encrypted packet of vti6 is IPv6, whose settings are others.
        Driver::Vti6 => return Ok(false),
    };
    exempts_by(tunnel, device, family)
}

/// The same, by the device whose setting counts.
fn exempts_by(tunnel: &Tunnel<'_>, device: Option<&Link>, family: Family) -> Observed<bool> {
    let state = tunnel.state;
    let exempts = by_device(state, device)?;
    if !exempts || family == Family::Inet {
        return Ok(exempts);
    }
    if tunnel.driver == Driver::Xfrm {
        return Ok(false);
    }
    // Before [`Change::DisablePolicyOfIpv4Only`] the route of the encrypted packet exempted all that was inside.
    state.kernel.has(Change::DisablePolicyOfIpv4Only).map(|only| !only).ok_or_else(|| {
        let what = "whether disable_policy of this kernel exempts IPv6 packets in a vti, too";
        Missing::new(Source::DeviceConfiguration, Reason::Undecidable, what)
    })
}

/// disable_policy of the device, or of all.
fn by_device(state: &State<'_>, device: Option<&Link>) -> Observed<bool> {
    if let Some(device) = device {
        // A packet of a VRF's port is routed as one of the VRF (`l3mdev_ip_rcv()`).
        let device = state.vrf_of(device.ifindex)?.unwrap_or(device);
        if device.ipv4.as_ref().is_some_and(|c| c.disable_policy) {
            return Ok(true);
        }
    }
    // A capture of an earlier version has no such setting: what rests on its absence says so.
    let of_all = match &state.snapshot.sysctls.all_disable_policy {
        Err(missing) if missing.reason == Reason::NotInCapture => Ok(false),
        read => read.clone(),
    };
    match state.kernel.has(Change::DisableXfrmOfAll) {
        Some(false) => Ok(false),
        Some(true) => of_all,
        None => of_all.and_then(|is_set| match is_set {
            false => Ok(false),
            true => Err(Missing::new(
                Source::AllDisablePolicy,
                Reason::Undecidable,
                "whether this kernel applies it to all interfaces",
            )),
        }),
    }
}

/// The device by which encrypted packets leave, and so, by all that can be read, come; none where there is no route.
fn underlay<'a>(tunnel: &Tunnel<'a>) -> Observed<Option<&'a Link>> {
    let vrf = tunnel.outer_vrf()?.map(|link| link.ifindex);
    let Some(sa) = tunnel.outbound_sas()?.first() else { return Ok(None) };
    let query = Snapshot::outer_query(sa, vrf, tunnel.lookup_mark(0));
    tunnel.state.route_device(&query)
}
