//! The SA of a received packet, and what `xfrm_input()` compares of it before and after decryption. Which policy lets the packet in is
//! decided in `policy`.

use super::packet::{ESP, Encrypted};
use super::site::{Site, Taken, Walk, is_of_other_family};
use crate::kernel::Change;
use crate::snapshot::{Direction, Family, Mode, Sa, Source};
use crate::tunnel::State;
use crate::way::flow::Flow;
use crate::way::limits::{Use, limit_reached};
use crate::way::site::Mismatch;
use crate::way::trail::{At, End, Trail, undecidable};

/// `xfrm_state_lookup()`: by destination, SPI, protocol and family, and a mark that fits. The source, the if_id and the mode are not compared.
pub(super) fn find<'a>(
    state: &'a State<'a>,
    packet: &Encrypted,
    mark: u32,
    trail: &mut Trail,
) -> Walk<&'a Sa> {
    let spi = packet.spi;
    let with_spi = state.sas_with_spi(packet.destination, spi)?.iter();
    let chain = with_spi.filter(|sa| sa.protocol == ESP);
    let fitting: Vec<&Sa> = chain.clone().filter(|sa| sa.mark.admits(mark)).collect();
    let mut found = |result: &str| {
        let to = packet.destination;
        trail.step(At::SaBySpi, format_args!("SPI {spi} to {to}, mark {mark:#x}"), result);
    };
    let Some(first) = fitting.first().copied() else {
        let nearest = chain.clone().next().map(|sa| {
            let mismatch =
                Mismatch { field: "mark", have: sa.mark.to_string(), want: format!("{mark:#x}") };
            (sa.spi, vec![mismatch])
        });
        found(if nearest.is_some() { "other mark" } else { "none" });
        return Err(End(Site::NoSa { nearest }));
    };
    // The newest stands first in its chain (`__xfrm_state_insert()`); a cache of those that were used last may come before
    // (`xfrm_input_state_lookup()`).
    let newest = fitting.iter().copied().max_by_key(|sa| sa.current.add_time).unwrap_or(first);
    let rival = fitting.iter().find(|sa| !std::ptr::eq(**sa, newest) && !are_alike(sa, newest));
    let cached = state.kernel.has(Change::InboundSaCache) != Some(false);
    if rival.is_some_and(|sa| cached || sa.current.add_time == newest.current.add_time) {
        let what = format!("which of the SAs with SPI {spi} is used: their marks all fit");
        return Err(undecidable(Source::SecurityAssociations, what).into());
    }
    found("found");
    Ok(newest)
}

/// Whether two SAs treat a received packet in the same way.
fn are_alike(a: &Sa, b: &Sa) -> bool {
    let of = |sa: &Sa| {
        (
            sa.source,
            sa.if_id,
            sa.reqid,
            sa.mode,
            sa.selector.clone(),
            sa.set_mark,
            sa.encapsulation.map(|encapsulation| encapsulation.encap_type),
            sa.direction,
            sa.is_larval(),
            limit_reached(sa, Use::default()),
        )
    };
    of(a) == of(b)
}

/// For an SA of the outbound direction `xfrm_input()` asks no interface: it takes the secpath away before it looks for one.
pub(super) fn knows_device(sa: &Sa, state: &State<'_>, taken: &mut Option<Taken>) -> Walk<()> {
    if is_outbound(sa, state)? {
        *taken = None;
    }
    Ok(())
}

fn is_outbound(sa: &Sa, state: &State<'_>) -> Walk<bool> {
    if sa.direction != Some(Direction::Out) {
        return Ok(false);
    }
    state.kernel.has(Change::StateDirectionErrors).ok_or_else(|| {
        let what = "whether this kernel refuses packets of an outbound SA";
        undecidable(Source::SecurityAssociations, what).into()
    })
}

/// The checks before decryption.
pub(super) fn check(
    state: &State<'_>,
    sa: &Sa,
    packet: &Encrypted,
    by_vti: bool,
    trail: &mut Trail,
) -> Walk<()> {
    let spi = sa.spi;
    let mut refuse = |what: String, result: &str, site: Site| -> Walk<()> {
        trail.step(At::SaAccepts, what, result);
        Err(End(site))
    };
    if is_outbound(sa, state)? {
        return refuse("direction out".to_owned(), "refused", Site::SaDirection { spi });
    }
    if sa.is_larval() {
        return refuse("only reserved".to_owned(), "refused", Site::LarvalSa { spi });
    }
    let wanted = sa.encapsulation.is_some();
    if wanted != packet.in_udp {
        let (sa, packet) = if wanted { ("in UDP", "without") } else { ("without UDP", "in UDP") };
        let what = format!("encapsulation: SA {sa}, packet {packet}");
        return refuse(what, "refused", Site::Encapsulation { spi, wanted });
    }
    if limit_reached(sa, Use::default()) {
        let what = "byte or packet limit reached".to_owned();
        return refuse(what, "expired", Site::LimitReached { spi });
    }
    if by_vti && !matches!(sa.mode, Mode::Tunnel | Mode::Beet | Mode::Iptfs) {
        let site = Site::NotTunnelMode { spi, mode: sa.mode };
        return refuse(format!("mode {}", sa.mode), "refused", site);
    }
    trail.step(At::SaAccepts, format_args!("SA {spi}, mode {}", sa.mode), "ok");
    let Sa { replay_window_drops, replay_drops, integrity_failures, current, .. } = sa;
    trail.step(
        At::OnlyThePacketKnows,
        format_args!(
            "so far: {} passed, replay-window {replay_window_drops}, replay {replay_drops}, failed {integrity_failures}",
            current.packets
        ),
        "not known in advance",
    );
    Ok(())
}

/// What comes out of decryption, against the mode and the family of the SA.
pub(super) fn check_inside(
    state: &State<'_>,
    sa: &Sa,
    packet: &Encrypted,
    taken: Option<&Taken>,
    trail: &mut Trail,
) -> Walk<()> {
    let spi = sa.spi;
    let inner = packet.inner.family();
    if sa.mode == Mode::Tunnel && packet.mode == Mode::Tunnel {
        // Older kernels take the family of the SA's selector for that of the packet inside.
        if is_of_other_family(sa, inner) {
            match state.kernel.has(Change::InnerFamilyByHeader) {
                Some(true) => {}
                Some(false) => {
                    trail.step(At::Inside, family_word(inner), "not the SA's family");
                    return Err(End(Site::InnerMode { spi }));
                }
                None => {
                    let what = "whether this kernel takes the other family in an SA of one family";
                    return Err(undecidable(Source::SecurityAssociations, what).into());
                }
            }
        }
        return Ok(());
    }
    let is_xfrm = taken.is_none_or(|taken| matches!(taken.driver, crate::snapshot::Driver::Xfrm));
    match (sa.mode, packet.mode) {
        // `esp_input()` hands on what the next header says; that is IP, for which the kernel has an IPIP SA or none (`xfrm_tunnel_rcv()`).
        (Mode::Transport, Mode::Tunnel) if is_xfrm => {
            trail.step(At::Inside, format_args!("an IP packet, SA of mode {}", sa.mode), "no SA");
            Err(End(Site::InnerSa { spi, has_number: has_number(sa, packet) }))
        }
        (Mode::Tunnel, Mode::Transport | Mode::Beet) => {
            trail.step(At::Inside, "no IP packet inside", "refused");
            Err(End(Site::InnerMode { spi }))
        }
        // It goes on as a packet of the selector's addresses with an IP packet inside; [`ends_inside`] says where that ends.
        (Mode::Beet, Mode::Tunnel) => Ok(()),
        (own, other) if own == other && matches!(own, Mode::Transport | Mode::Beet) => Ok(()),
        (own, other) => {
            let what = format!("what becomes of a packet of mode {other} in an SA of mode {own}");
            Err(undecidable(Source::SecurityAssociations, what).into())
        }
    }
}

/// The packet as it comes out of decryption: in BEET mode its addresses are those of the SA's selector (`xfrm4_remove_beet_encap()`), and what
/// the peer encrypted in tunnel mode is an IP packet in it.
pub(super) fn decrypted(sa: &Sa, packet: &Encrypted) -> Flow {
    let inner = packet.inner.clone();
    if sa.mode != Mode::Beet {
        return inner;
    }
    let (source, destination) = (sa.selector.source.addr(), sa.selector.destination.addr());
    if packet.mode != Mode::Tunnel {
        return Flow { source, destination, ..inner };
    }
    let protocol = if inner.family() == Family::Inet6 { IPV6 } else { IPIP };
    Flow { source, destination, protocol, ..inner }
}

/// IPPROTO_IPIP and IPPROTO_IPV6.
const IPIP: u8 = 4;
const IPV6: u8 = 41;

/// Where a packet of mode tunnel ends that an SA of mode BEET decrypted, and that is for this host: the IP packet in it is one of an IPIP SA.
pub(super) fn ends_inside(sa: &Sa, packet: &Encrypted) -> Option<Site> {
    let is_inside = sa.mode == Mode::Beet && packet.mode == Mode::Tunnel;
    is_inside.then(|| Site::InnerSa { spi: sa.spi, has_number: has_number(sa, packet) })
}

/// Whether the IPIP SA of what is inside has a number to be looked for by: that is the IPv4 source (`xfrm_tunnel_rcv()`).
fn has_number(sa: &Sa, packet: &Encrypted) -> bool {
    let source = if sa.mode == Mode::Beet { sa.selector.source.addr() } else { packet.source };
    source.is_ipv4() && !source.is_unspecified()
}

const fn family_word(family: Family) -> &'static str {
    match family {
        Family::Inet6 => "IPv6",
        _ => "IPv4",
    }
}
