//! The table cell of carrier errors. Reports in JSON and YAML have the exact values.

use crate::report::Counters;
use crate::units::{Share, count, frequency};

/// The carrier errors of a span: `1204 (1 %)`, few of many `59 of 1.8e9`, with a rate where an interval was measured: `1204 (1 %), 12/s`.
///
/// Where only the column of `/proc/net/dev` is known, it bounds the counter from above: `at most 1204`.
/// Where the kernel does not export them (`exported` is false), the cell says so and has no number.
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
        let share = Share { part: errors, whole: attempts };
        text.push_str(&match share.percent() {
            Some(percent) => format!(" ({percent})"),
            None => format!(" of {}", count(attempts)),
        });
    }
    if let Some(rate) =
        interval.and_then(|span| frequency(of(span), span.milliseconds.unwrap_or(0)))
    {
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
    fn few_errors_among_many_packets_show_both_numbers() {
        assert_eq!(carrier(&span(1_820_000_000, Some(59), 59, None), None, true), "59 of 1.8e9");
        assert_eq!(carrier(&span(90, Some(10), 10, None), None, true), "10 (10 %)");
        assert_eq!(carrier(&span(997, Some(3), 3, None), None, true), "3 (0.3 %)");
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
