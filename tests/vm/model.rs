//! What the model says the kernel will do with a scenario's packets, asked before they are sent.
//! The state comes from the program's own capture, so that reading, writing and loading are held against the kernel too.

use crate::Fallible;
use crate::case::{Case, End};
use crate::counters::Counters;
use crate::program;
use crate::received;
use crate::traffic::Traffic;
use std::collections::BTreeMap;
use std::net::IpAddr;
use vti_diagnostics::snapshot::{Snapshot, Spi};
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::{Flow, Site, counters, receive, transmit};

/// A prediction in the same words as the kernel's counters, without those that do not move.
#[derive(Debug)]
pub struct Prediction {
    pub counters: Counters,
    /// The kernel function and condition where the first packet ends.
    pub site: String,
}

/// The prediction for this traffic through the tunnel, from the state of this thread's namespace and, for packets from there, of the peer's.
/// None: nothing of it is sent through it, or the source of a packet is the kernel's choice and not known.
pub fn model_prediction(
    case: &Case,
    traffic: &[Traffic],
    mut snapshot: Snapshot,
    peer: Option<&Snapshot>,
) -> Fallible<Option<Prediction>> {
    let mut prediction = Prediction { counters: Counters::default(), site: String::new() };
    for traffic in traffic {
        let Some(flow) = flow(case, traffic) else { return Ok(None) };
        if traffic.from == End::Peer {
            let Some(peer) = peer else { return Ok(None) };
            let Some(packet) = received::encrypted(case, peer, &flow)? else { return Ok(None) };
            for _ in 0..traffic.count {
                let verdict = received::received(&snapshot, &packet);
                arrived(case, &mut prediction, &snapshot, &verdict);
                received::follow(&mut snapshot, &packet, &verdict);
            }
            continue;
        }
        for _ in 0..traffic.count {
            let (verdict, moved) = {
                let state = State::new(&snapshot);
                let tunnels = state.tunnels().map_err(|missing| missing.to_string())?;
                let Some(tunnel) = tunnels.iter().find(|t| t.link.name == case.interface) else {
                    return Ok(None);
                };
                let verdict = transmit::send(tunnel, &flow);
                if prediction.site.is_empty() {
                    prediction.site = verdict.effect.function.to_string();
                }
                let release = snapshot.host.release();
                let moved = counters::moved(verdict.effect.moves, tunnel.driver, release);
                (verdict, moved)
            };
            let device = moved.iter().map(|counter| counter.name());
            count(&mut prediction.counters.device, device);
            count(
                &mut prediction.counters.xfrm_stat,
                verdict.effect.xfrm_stats.iter().map(|mib| mib.name()),
            );
            follow(&mut snapshot, &verdict.site, &flow);
        }
    }
    Ok(Some(prediction))
}

/// What a received packet counts.
fn arrived(
    case: &Case,
    prediction: &mut Prediction,
    router: &Snapshot,
    verdict: &receive::Verdict,
) {
    let effect = &verdict.effect;
    if prediction.site.is_empty() {
        prediction.site = effect.function.to_owned();
    }
    let tunnel = router.links.iter().flatten().find(|link| link.name == case.interface);
    if effect.device.is_some() && effect.device == tunnel.map(|link| link.ifindex) {
        let moved = receive::counted(effect.moves, case.driver, router.host.release());
        count(&mut prediction.counters.device, moved.iter().map(|counter| counter.name()));
    }
    let stats = effect.xfrm_stats.iter().map(|stat| stat.name());
    count(&mut prediction.counters.xfrm_stat, stats);
}

fn count<'a>(counters: &mut BTreeMap<String, u64>, names: impl Iterator<Item = &'a str>) {
    for name in names {
        *counters.entry(name.to_owned()).or_default() += 1;
    }
}

/// What a packet changes for the next one: an SA at its limit is gone, one that sent has sent.
fn follow(snapshot: &mut Snapshot, site: &Site, flow: &Flow) {
    let Ok(sas) = &mut snapshot.sas else { return };
    match site {
        Site::LimitReached { spi, .. } => sas.retain(|a| a.spi != *spi),
        Site::Sent { spi: Spi(number), .. } => {
            for sa in sas.iter_mut().filter(|a| a.spi.0 == *number) {
                sa.current.packets += 1;
                sa.current.bytes += u64::from(flow.size);
                if let Some(replay) = &mut sa.replay {
                    replay.outbound += 1;
                }
            }
        }
        _ => {}
    }
}

/// The flow of one datagram.
fn flow(case: &Case, traffic: &Traffic) -> Option<Flow> {
    let destination: IpAddr = traffic.udp.parse().ok()?;
    let usual = case.variables(traffic.from).remove("INNER_LOCAL");
    let source: IpAddr = traffic.source.clone().or(usual)?.parse().ok()?;
    if source.is_ipv4() != destination.is_ipv4() {
        return None;
    }
    let headers = if destination.is_ipv4() { 28 } else { 48 };
    Some(Flow {
        destination_port: 9,
        mark: traffic.mark.unwrap_or(0),
        size: u32::try_from(traffic.size).ok()? + headers,
        dont_fragment: true,
        ..Flow::probe(source, destination)
    })
}

/// The program's capture of this namespace.
pub fn capture() -> Fallible<Snapshot> {
    let text = program::output(&["capture"])?;
    let capture = vti_diagnostics::capture::from_yaml(&text).map_err(|error| error.to_string())?;
    capture.snapshots.into_iter().next_back().ok_or_else(|| "an empty capture".into())
}
