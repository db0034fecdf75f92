//! The state of a tunnel as plain values, for monitoring systems. It judges nothing: whether a tunnel that is up carries packets, the diagnoses
//! say.

use super::case::Case;
use crate::report::state::{PathLoss, SequenceUse, TunnelState};
use crate::snapshot::{Reason, Sa};
use crate::tunnel::{Control, Tunnel};
use crate::way::loss::Measure;

/// `control`: what charon has for the tunnel; none where charon was not read.
pub(super) fn of(case: &Case<'_>, control: Option<&Control<'_>>) -> TunnelState {
    let tunnel = case.tunnel.as_ref().ok();
    let outbound = tunnel.filter(|tunnel| !is_elsewhere(case, tunnel));
    let outbound = outbound.and_then(|tunnel| tunnel.outbound_sas().ok());
    let sas = || outbound.into_iter().flatten().copied();
    TunnelState {
        configured: configured(case, control),
        up: match (&case.absent, tunnel) {
            (Some(_), _) => Some(false),
            (None, Some(tunnel)) if !tunnel.link.admin_up => Some(false),
            (None, _) => outbound.map(|sas| !sas.is_empty()),
        },
        ike_up: control.filter(|control| negotiates(control)).map(|control| {
            let mut established = control.established();
            established.next().is_some()
        }),
        peer: peer(tunnel, control),
        // The comparison of VTI-211, which warns of the SA that has used most.
        sequence: sas()
            .filter_map(sequence)
            .max_by(|one, other| one.ratio().total_cmp(&other.ratio())),
        expires_seconds: expires(sas(), case.now.taken_at_ms / 1000),
        path: path(case),
    }
}

/// By the loss meter, of the newest SA: with the SAs before it, the sum would fall when these are deleted.
fn path(case: &Case<'_>) -> Option<PathLoss> {
    let losses = case.losses().ok()??;
    let measured = losses.iter().filter_map(|loss| Some((loss.sa, loss.over_life.as_ref().ok()?)));
    let (_, measure) = measured.max_by_key(|(sa, _)| sa.current.add_time)?;
    Some(path_loss(measure))
}

/// A number that is counted as lost and then comes too late is lost all the same: what is subtracted from the numbers is what was decrypted, and
/// what may still come.
fn path_loss(measure: &Measure) -> PathLoss {
    let expected = measure.numbers.saturating_sub(measure.unsettled);
    PathLoss { expected, lost: expected.saturating_sub(measure.arrived) }
}

/// Whether its SAs are not all to be seen here: in another network namespace, or named by each packet.
fn is_elsewhere(case: &Case<'_>, tunnel: &Tunnel<'_>) -> bool {
    case.works_elsewhere() || tunnel.collects_metadata()
}

fn configured(case: &Case<'_>, control: Option<&Control<'_>>) -> Option<bool> {
    // Of IP tunnels the configuration is not read.
    if case.ip_tunnel.is_some() {
        return None;
    }
    match &case.now.configuration {
        Ok(configuration) => {
            let mut vtis = configuration.interfaces.iter();
            // An interface that is disabled is configured not to exist, whatever is bound to it.
            let has = match vtis.find(|vti| vti.name == case.name) {
                Some(vti) => !vti.disabled,
                None => configuration.bound_to(case.name).any(|peer| !peer.disabled),
            };
            // What was not read of the configuration may have it.
            (has || configuration.unread.is_empty()).then_some(has)
        }
        Err(missing) if missing.reason == Reason::Absent => {
            control.map(|control| !control.connections.is_empty())
        }
        Err(_) => None,
    }
}

/// Whether charon has anything to do with it.
fn negotiates(control: &Control<'_>) -> bool {
    !(control.peers.is_empty() && control.connections.is_empty() && control.sas.is_empty())
}

fn peer(tunnel: Option<&Tunnel<'_>>, control: Option<&Control<'_>>) -> Option<String> {
    // The configured name is known without charon.
    let configured = tunnel.and_then(|tunnel| tunnel.configured_peers().first().copied());
    let configured = configured.map(|peer| peer.name.as_str());
    configured.or_else(|| control.and_then(Control::name)).map(str::to_owned)
}

fn sequence(sa: &Sa) -> Option<SequenceUse> {
    let last = if sa.uses_esn() { u64::MAX } else { u32::MAX.into() };
    Some(SequenceUse { used: sa.replay?.outbound.min(last), last })
}

/// `now`: seconds since the Unix epoch, as the kernel has the SA's times.
fn expires<'a>(sas: impl Iterator<Item = &'a Sa>, now: u64) -> Option<u64> {
    let ends: Option<Vec<u64>> = sas.map(ends).collect();
    Some(ends?.into_iter().max()?.saturating_sub(now))
}

/// When it reaches the first of its hard limits of time (`xfrm_timer_handler()`); none where it has none.
fn ends(sa: &Sa) -> Option<u64> {
    let added = sa.limits.hard_add_seconds.map(|limit| sa.current.add_time.saturating_add(limit));
    let used = sa.limits.hard_use_seconds.filter(|_| sa.current.use_time > 0);
    let used = used.map(|limit| sa.current.use_time.saturating_add(limit));
    added.into_iter().chain(used).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Limits, ReplayState};

    fn sa(flags: u8, outbound: u64, hard_add_seconds: Option<u64>) -> Sa {
        let mut sa: Sa = serde_json::from_str(SA).unwrap();
        sa.flags = flags;
        sa.replay = Some(ReplayState { outbound, ..ReplayState::default() });
        sa.limits = Limits { hard_add_seconds, ..Limits::default() };
        sa.current.add_time = 1000;
        sa
    }

    const SA: &str = r#"{"source": "192.0.2.1", "destination": "192.0.2.2", "protocol": 50, "spi": "0x00000001",
        "reqid": 1, "mode": "tunnel", "family": "inet",
        "selector": {"family": "unspec", "source": "0.0.0.0/0", "destination": "0.0.0.0/0"}}"#;

    #[test]
    fn an_sa_with_esn_has_more_sequence_numbers() {
        let half = u64::from(u32::MAX / 2);
        assert!((sequence(&sa(0, half, None)).unwrap().ratio() - 0.5).abs() < 1e-6);
        assert!(sequence(&sa(128, half, None)).unwrap().ratio() < 1e-6);
        assert_eq!(sequence(&sa(0, u64::MAX, None)).unwrap().ratio(), 1.0);
    }

    /// Prometheus takes a counter that falls for one that began again.
    #[test]
    fn neither_number_of_the_path_falls_when_packets_come_late() {
        let before = Measure {
            numbers: 10_000,
            arrived: 9_900,
            late: 10,
            failed: 0,
            duplicates: 3,
            lost: 70,
            unsettled: 20,
        };
        let counted = path_loss(&before);
        assert_eq!(counted, PathLoss { expected: 9_980, lost: 80 });
        // One comes too late; one of the window arrives; one of the window falls out of it.
        let late = Measure { late: 11, lost: 69, ..before };
        assert_eq!(path_loss(&late), counted);
        let arrives = Measure { arrived: 9_901, unsettled: 19, ..before };
        assert_eq!(path_loss(&arrives), PathLoss { expected: 9_981, lost: 80 });
        let falls_out = Measure { lost: 71, unsettled: 19, ..before };
        assert_eq!(path_loss(&falls_out), PathLoss { expected: 9_981, lost: 81 });
    }

    #[test]
    fn the_last_sa_to_expire_counts_and_one_without_a_limit_never_does() {
        let (old, new) = (sa(0, 0, Some(100)), sa(0, 0, Some(3600)));
        assert_eq!(expires([&old, &new].into_iter(), 1100), Some(3500));
        assert_eq!(expires([&old].into_iter(), 2000), Some(0));
        assert_eq!(expires([&old, &sa(0, 0, None)].into_iter(), 1000), None);
        assert_eq!(expires([].into_iter(), 1000), None);
    }
}
