//! Counts, ratios and rates as a person reads them in a table. Reports in JSON and YAML carry the exact values.

use crate::report::Counters;

/// Packets: exact up to 9,999,999, above that `1.8e9`.
pub(super) fn count(value: u64) -> String {
    if value < 10_000_000 { value.to_string() } else { format!("{:.1e}", value as f64) }
}

/// How long ago, in the largest unit that fills: `45s`, `36m`, `5h`, `3d`.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A share: `12 %` from one percent on, below that `3.2e-8`.
fn ratio(part: u64, whole: u64) -> String {
    let share = part as f64 / whole as f64;
    if share >= 0.01 { format!("{:.0} %", (share * 100.0).floor()) } else { format!("{share:.1e}") }
}

/// Events a second: `12/s`, below ten `0.3/s`, and seldom ones as they are: `1 in 60 s`; none where no time passed.
fn rate(events: u64, milliseconds: u64) -> Option<String> {
    let per_second = events as f64 * 1000.0 / milliseconds as f64;
    match milliseconds {
        0 => None,
        _ if events == 0 => Some("0/s".to_string()),
        _ if per_second >= 10.0 => Some(format!("{}/s", count(per_second.round() as u64))),
        _ if per_second >= 0.1 => Some(format!("{per_second:.1}/s")),
        _ => Some(format!("{events} in {} s", milliseconds / 1000)),
    }
}

/// The carrier errors of a span: `59 (3.2e-8)`, with a rate where an interval was measured: `1204 (1 %), 12/s`.
///
/// Where only the column of `/proc/net/dev` is known, it bounds the counter from above: `at most 1204`.
/// Where the kernel does not count them (`exported` is false), that is said and no number.
pub(super) fn carrier(total: &Counters, interval: Option<&Counters>, exported: bool) -> String {
    if !exported && total.tx_carrier_errors.is_none() {
        return "not exported".to_string();
    }
    let errors = of(total);
    let mut text = match total.tx_carrier_errors {
        None if errors > 0 => format!("at most {}", count(errors)),
        _ => count(errors),
    };
    if errors > 0 && total.tx_packets > 0 {
        let attempts = total.tx_packets.saturating_add(total.tx_errors.max(errors));
        text.push_str(&format!(" ({})", ratio(errors, attempts)));
    }
    if let Some(rate) = interval.and_then(|span| rate(of(span), span.milliseconds.unwrap_or(0))) {
        text.push_str(&format!(", {rate}"));
    }
    text
}

/// The counter itself, or the sum that contains it.
fn of(span: &Counters) -> u64 {
    span.tx_carrier_errors.unwrap_or(span.tx_carrier_column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(packets: u64, carrier: Option<u64>, column: u64, ms: Option<u64>) -> Counters {
        Counters {
            tx_packets: packets,
            tx_errors: column,
            tx_carrier_errors: carrier,
            tx_carrier_column: column,
            milliseconds: ms,
            ..Counters::default()
        }
    }

    #[test]
    fn packets_are_exact_up_to_seven_digits() {
        assert_eq!(count(0), "0");
        assert_eq!(count(9_999_999), "9999999");
        assert_eq!(count(10_000_000), "1.0e7");
        assert_eq!(count(1_800_000_000), "1.8e9");
        assert_eq!(count(u64::MAX), "1.8e19");
    }

    #[test]
    fn few_errors_among_many_packets_show_as_a_ratio() {
        assert_eq!(carrier(&span(1_820_000_000, Some(59), 59, None), None, true), "59 (3.2e-8)");
        assert_eq!(carrier(&span(90, Some(10), 10, None), None, true), "10 (10 %)");
        assert_eq!(carrier(&span(1, Some(9999), 9999, None), None, true), "9999 (99 %)");
        assert_eq!(carrier(&span(90, Some(0), 0, None), None, true), "0");
    }

    #[test]
    fn a_tunnel_that_sent_nothing_has_no_ratio() {
        assert_eq!(carrier(&span(0, Some(1204), 1204, None), None, true), "1204");
    }

    #[test]
    fn an_interval_gives_a_rate() {
        let total = span(0, Some(1204), 1204, None);
        let rate = |errors, ms| carrier(&total, Some(&span(0, Some(errors), 0, Some(ms))), true);
        assert_eq!(rate(120, 10_000), "1204, 12/s");
        assert_eq!(rate(3, 10_000), "1204, 0.3/s");
        assert_eq!(rate(1, 60_000), "1204, 1 in 60 s");
        assert_eq!(rate(0, 10_000), "1204, 0/s");
        assert_eq!(rate(5, 0), "1204");
    }

    #[test]
    fn a_sum_of_proc_net_dev_is_only_a_bound() {
        assert_eq!(carrier(&span(0, None, 66_337, None), None, true), "at most 66337");
        assert_eq!(carrier(&span(0, None, 0, None), None, true), "0");
    }

    #[test]
    fn a_counter_that_the_kernel_does_not_export_is_not_zero() {
        assert_eq!(carrier(&span(7, None, 0, None), None, false), "not exported");
    }
}
