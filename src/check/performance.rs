//! Performance data: `'label'=value[UOM];[warn];[crit];[min];[max]`, separated by blanks. Bounded: of a host its sums, and of an interface its
//! counters where it alone is asked for, for NRPE's older form carries 1,024 bytes.

use super::status::{Counts, Thresholds};
use crate::report::InterfaceReport;

/// Of a host: how many VTIs have which verdict, with the thresholds that were applied.
pub(super) fn of_host(counts: &Counts, thresholds: &Thresholds) -> String {
    let Counts { all, faults, unknown, .. } = *counts;
    let impaired = counts.impaired();
    let Thresholds { warning, critical } = thresholds;
    format!(
        "'vtis'={all};;;0 'vtis_at_fault'={faults};;{critical};0;{all} \
         'vtis_impaired'={impaired};{warning};;0;{all} 'vtis_unknown'={unknown};;;0;{all}"
    )
}

/// Of an interface: its counters since it was created, and how much of an SA's sequence numbers is used. What was not read is left out.
pub(super) fn of_interface(vti: &InterfaceReport) -> String {
    let counters = vti.counters.since_boot.as_ref().filter(|_| !vti.absent);
    let counter = |label, value: Option<u64>| Some(format!("'{label}'={}c;;;0", value?));
    let used = vti.state.sequence.map(|sequence| sequence.ratio() * 100.0);
    let used = used.map(|percent| format!("'sequence_used'={percent:.3}%;;;0;100"));
    let expires = vti.state.expires_seconds;
    let all = [
        counter("tx_packets", counters.map(|c| c.tx_packets)),
        counter("rx_packets", counters.map(|c| c.rx_packets)),
        counter("tx_carrier_errors", counters.and_then(|c| c.tx_carrier_errors)),
        counter("tx_errors", counters.map(|c| c.tx_errors)),
        used,
        expires.map(|seconds| format!("'sa_expires'={seconds}s;;;0")),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
