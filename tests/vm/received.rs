//! What the models say of packets from the peer: its own transmit model encrypts them, from a capture of its namespace, and the router's receive
//! model takes them.

use crate::Fallible;
use crate::case::Case;
use vti_diagnostics::snapshot::Snapshot;
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::receive::{self, Encrypted, SaCounts};
use vti_diagnostics::way::{Flow, Site, transmit};

/// The encrypted packet of a flow that the peer sends; none if it does not send it.
pub fn encrypted(case: &Case, peer: &Snapshot, flow: &Flow) -> Fallible<Option<Encrypted>> {
    let state = State::new(peer);
    let tunnels = state.tunnels().map_err(|missing| missing.to_string())?;
    let Some(tunnel) = tunnels.iter().find(|t| t.link.name == case.interface) else {
        return Ok(None);
    };
    let Site::Sent { spi, .. } = transmit::send(tunnel, flow).site else { return Ok(None) };
    let sas = peer.sas.as_ref().map_err(|missing| missing.to_string())?;
    // The peer's SA as the router sees its packets: without a mark, by the device outside.
    let own = sas.iter().find(|sa| sa.spi == spi);
    Ok(own.map(|sa| Encrypted::of(sa, flow.clone())))
}

/// What the router does with it.
pub fn received(router: &Snapshot, packet: &Encrypted) -> receive::Verdict {
    let input = router.links.iter().flatten().find(|link| link.name == "wan");
    let packet = Encrypted { input: input.map(|link| link.ifindex), ..packet.clone() };
    receive::receive(&State::new(router), &packet)
}

/// What it changes for the next one: an SA at its limit is gone, one that decrypted has counted.
pub fn follow(router: &mut Snapshot, packet: &Encrypted, verdict: &receive::Verdict) {
    let Ok(sas) = &mut router.sas else { return };
    if matches!(verdict.site, receive::Site::LimitReached { .. }) {
        sas.retain(|sa| sa.spi != packet.spi);
    }
    if verdict.effect.sa == SaCounts::Packet {
        for sa in sas.iter_mut().filter(|sa| sa.spi == packet.spi) {
            sa.current.packets += 1;
            sa.current.bytes += u64::from(packet.inner.size);
        }
    }
}
