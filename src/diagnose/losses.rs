//! What was lost on the way to the inbound SAs of a tunnel: the loss meter (`way::loss`) read once for the diagnoses and the report. It judges
//! nothing.

use super::inbound::Inbound;
use crate::report::inbound::{Arrival, Arrived, InboundSa};
use crate::snapshot::{Missing, Observed, Reason, Sa, Snapshot, Source, Spi, rank};
use crate::tunnel::Tunnel;
use crate::units;
use crate::way::loss::{self, Blind, Measure};

/// What is known of each inbound SA, in the order of the SAs.
pub(super) type Losses<'a> = Vec<Loss<'a>>;

/// What is known of one inbound SA.
pub(super) struct Loss<'a> {
    pub sa: &'a Sa,
    /// Since it was installed.
    pub over_life: Result<Measure, Blind>,
    /// Between the two samples.
    pub interval: Result<Measure, Blind>,
}

impl Loss<'_> {
    /// Of the interval where that was measured, else of the SA's life.
    pub fn newest(&self) -> Option<&Measure> {
        self.interval.as_ref().or(self.over_life.as_ref()).ok()
    }

    /// Why neither was measured.
    pub fn why(&self) -> Option<Missing> {
        match (&self.interval, &self.over_life) {
            (Ok(_), _) | (_, Ok(_)) => None,
            // A second sample helps only where the first number is what is missing.
            (Err(Blind::NoEarlier(missing)), Err(Blind::FirstNumberUnknown)) => {
                Some(missing.clone())
            }
            (Err(Blind::NoEarlier(_)), Err(blind)) | (Err(blind), _) => {
                let (source, reason) = (Source::SequenceNumbers, Reason::Undecidable);
                Some(Missing::new(source, reason, format!("SA {}: {blind}", self.sa.spi)))
            }
        }
    }
}

/// What was lost on the way to each inbound SA of a tunnel.
pub(super) fn of<'a>(
    tunnel: &Tunnel<'a>,
    inbound: &Inbound<'a>,
    earlier: Observed<&'a Snapshot>,
) -> Losses<'a> {
    let made_by_ike = made_by_ike(tunnel, inbound);
    let earlier = earlier.and_then(sas);
    let of = |sa: &'a Sa| {
        let begins_at_one = made_by_ike.contains(&sa.spi);
        let before = earlier.as_ref().map(|list| find(list, sa)).map_err(Clone::clone);
        Loss {
            sa,
            over_life: loss::over_life(sa, begins_at_one),
            interval: loss::between(sa, before, begins_at_one),
        }
    };
    inbound.own.iter().copied().map(of).collect()
}

/// SPIs of the inbound SAs that charon negotiated: their peers count from 1 (RFC 4303 2.2).
fn made_by_ike(tunnel: &Tunnel<'_>, inbound: &Inbound<'_>) -> Vec<Spi> {
    let control = tunnel.control();
    let children = control.as_ref().map(|control| control.children.as_slice()).unwrap_or_default();
    let spis = children.iter().map(|(_, child)| child.spi_in);
    spis.filter(|spi| inbound.own.iter().any(|sa| sa.spi == *spi)).collect()
}

fn sas(snapshot: &Snapshot) -> Observed<&[Sa]> {
    snapshot.sas.as_deref().map_err(Clone::clone)
}

/// The SA in a list that is sorted, except in a capture that was edited by hand.
fn find<'a>(list: &'a [Sa], sa: &Sa) -> Option<&'a Sa> {
    let key = |sa: &Sa| (rank(sa.source), rank(sa.destination), sa.protocol, sa.spi);
    let sorted = list.binary_search_by_key(&key(sa), key).ok().and_then(|at| list.get(at));
    let is_it = |other: &&Sa| loss::is_same(sa, other);
    sorted.filter(is_it).or_else(|| list.iter().find(is_it))
}

/// The inbound SAs, for the report.
pub(super) fn report(
    losses: &Losses<'_>,
    now: &Snapshot,
    earlier: Option<&Snapshot>,
) -> Vec<InboundSa> {
    let of_interval = earlier.map(|earlier| now.milliseconds_since(earlier));
    let each = losses.iter().map(|loss| {
        let sa = loss.sa;
        let of_life = now.taken_at_ms.checked_sub(sa.current.add_time.saturating_mul(1_000));
        InboundSa {
            spi: sa.spi.to_string(),
            source: units::address(sa.source),
            destination: units::address(sa.destination),
            replay_window: sa.replay.map(|replay| replay.window),
            esn: sa.uses_esn(),
            over_life: arrival(&loss.over_life, of_life.filter(|_| sa.current.add_time > 0)),
            interval: arrival(&loss.interval, of_interval),
        }
    });
    each.collect()
}

fn arrival(measured: &Result<Measure, Blind>, milliseconds: Option<u64>) -> Arrival {
    match measured {
        Ok(measure) => Arrival::Measured(Arrived {
            sequence_numbers: measure.numbers,
            arrived: measure.arrived,
            late: measure.late,
            failed: measure.failed,
            duplicates: measure.duplicates,
            lost: measure.lost,
            unsettled: measure.unsettled,
            milliseconds,
        }),
        Err(blind) => Arrival::Undetermined { undetermined: blind.to_string() },
    }
}
