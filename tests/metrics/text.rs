//! What the texts say: of every capture in both forms, of sources that could not be read, of names that try to leave their label, and of a tunnel
//! that is rekeyed.

use super::series::{Series, by, series};
use super::{CAPTURES, captured, metrics, states};
use std::collections::BTreeSet;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::metrics::{Format, METRICS};
use vti_diagnostics::report::InterfaceReport;
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};

#[test]
fn a_tunnel_that_lost_packets_in_both_forms() {
    let now = captured("912-recorded-sa-gap-vti");
    insta::assert_snapshot!("prometheus", metrics(&now, Format::Prometheus));
    insta::assert_snapshot!("openmetrics", metrics(&now, Format::OpenMetrics));
}

#[test]
fn both_forms_have_the_same_samples_and_each_is_in_the_table() {
    let mut seen = BTreeSet::new();
    for (name, capture) in CAPTURES.iter() {
        let now = capture.snapshots.last().unwrap();
        let [text, open] =
            [Format::Prometheus, Format::OpenMetrics].map(|f| series(&metrics(now, f), f));
        assert_eq!(text, open, "{name}");
        seen.extend(text.into_keys().map(|(metric, _)| metric));
    }
    for made in [losing(), measured()] {
        seen.extend(made.into_keys().map(|(metric, _)| metric));
    }
    let all: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(seen, all, "each metric has a sample in some capture");
}

/// Of a tunnel whose losses have not ended: no capture was taken while a recorder counted.
fn losing() -> Series {
    let mut now = captured("912-recorded-sa-gap-vti");
    let recorded = now.recorded.as_mut().unwrap();
    recorded.running = true;
    recorded.episodes.iter_mut().for_each(|episode| episode.open = true);
    series(&metrics(&now, Format::Prometheus), Format::Prometheus)
}

/// Of a tunnel that charon negotiated and whose peer has sent a lot: the captures of such tunnels were taken after some pings.
fn measured() -> Series {
    let mut now = captured("ok-site");
    for sa in now.sas.iter_mut().flatten() {
        if let Some(replay) = &mut sa.replay {
            replay.inbound = 100_000;
            sa.current.packets = 99_000;
        }
    }
    series(&metrics(&now, Format::Prometheus), Format::Prometheus)
}

#[test]
fn what_was_lost_on_the_way_is_counted_where_it_was_measured() {
    let text = measured();
    let expected = by(&text, "vti_path_expected_packets_total", "interface");
    let lost = by(&text, "vti_path_lost_packets_total", "interface");
    assert_eq!(expected.keys().collect::<Vec<_>>(), lost.keys().collect::<Vec<_>>());
    assert!(expected.len() >= 5, "{expected:?}");
    assert!(
        expected.iter().all(|(vti, of)| (900.0..=1000.0).contains(&lost[vti]) && *of > 99_000.0)
    );
    // After some pings there is no measure, and so no sample.
    let few = metrics(&captured("ok-site"), Format::Prometheus);
    let few = series(&few, Format::Prometheus);
    assert!(by(&few, "vti_path_lost_packets_total", "interface").is_empty());
}

#[test]
fn losses_that_have_not_ended_belong_to_no_cause() {
    let text = losing();
    assert_eq!(by(&text, "vti_losing_packets", "interface")["vti7"], 21.0);
    assert!(by(&text, "vti_lost_packets_total", "code").is_empty());
}

/// The verdict and the findings are those of `show`, but for what lies in the past.
#[test]
fn verdicts_and_findings_are_those_of_the_report() {
    for (name, capture) in CAPTURES.iter() {
        let now = capture.snapshots.last().unwrap();
        let text = series(&metrics(now, Format::Prometheus), Format::Prometheus);
        let report = diagnose::run(&Observation { now, earlier: None }, None).unwrap();
        let vtis = report.interfaces.into_iter().filter(|vti| !vti.fallback_device);
        for vti in vtis.map(InterfaceReport::present) {
            let of_vti: Vec<_> =
                text.iter().filter(|((_, l), _)| l.get("interface") == Some(&vti.name)).collect();
            let holds = of_vti.iter().filter(|((m, _), v)| m == "vti_verdict" && **v == 1.0);
            let verdicts: Vec<&str> = holds.map(|((_, l), _)| l["verdict"].as_str()).collect();
            assert_eq!(verdicts, [vti.verdict.to_string().to_lowercase()], "{name} {}", vti.name);
            let codes: BTreeSet<String> = of_vti
                .iter()
                .filter(|((metric, _), _)| metric == "vti_finding")
                .map(|((_, labels), _)| labels["code"].clone())
                .collect();
            let found: BTreeSet<String> =
                vti.findings.iter().map(|finding| finding.code.to_string()).collect();
            assert_eq!(codes, found, "{name} {}", vti.name);
        }
    }
}

type Withhold = fn(&mut Snapshot, Reason);

/// Sources, how each is taken away, and the metrics that then have no sample.
const WITHHELD: &[(Source, Withhold, &[&str])] = &[
    (
        Source::SecurityAssociations,
        |now, reason| now.sas = Err(Missing::new(Source::SecurityAssociations, reason, "")),
        &["vti_up", "vti_sa_sequence_used_ratio", "vti_sa_expires_seconds"],
    ),
    (
        Source::Charon,
        |now, reason| now.ike = Err(Missing::new(Source::Charon, reason, "")),
        &["vti_ike_up"],
    ),
    (
        Source::Configuration,
        |now, reason| now.configuration = Err(Missing::new(Source::Configuration, reason, "")),
        &["vti_configured"],
    ),
    (
        Source::Journal,
        |now, reason| now.recorded = Err(Missing::new(Source::Journal, reason, "")),
        &["vti_lost_packets_total"],
    ),
];

#[test]
fn what_was_not_read_has_no_sample() {
    let mut now = captured("ok-charon-hook-knows-all-vti");
    now.recorded = captured("912-recorded-sa-gap-vti").recorded;
    let whole = series(&metrics(&now, Format::Prometheus), Format::Prometheus);
    for (source, withhold, gone) in WITHHELD {
        let mut less = now.clone();
        withhold(&mut less, Reason::Denied);
        let text = series(&metrics(&less, Format::Prometheus), Format::Prometheus);
        for metric in *gone {
            assert!(!by(&whole, metric, "interface").is_empty(), "{metric} is there with it");
            assert!(by(&text, metric, "interface").is_empty(), "{metric} without {source:?}");
        }
        let readable = by(&text, "vti_source_readable", "source");
        assert_eq!(readable[source.name()], 0.0, "{source:?}");
        // What this host does not have is no failure.
        withhold(&mut less, Reason::Absent);
        let text = series(&metrics(&less, Format::Prometheus), Format::Prometheus);
        assert!(!by(&text, "vti_source_readable", "source").contains_key(source.name()));
    }
    let mut less = now.clone();
    less.links.iter_mut().flatten().for_each(|link| link.statistics = None);
    less.proc_net_dev = Err(Missing::new(Source::ProcNetDev, Reason::Failed, ""));
    let text = series(&metrics(&less, Format::Prometheus), Format::Prometheus);
    for metric in ["vti_transmit_errors_total", "vti_transmit_carrier_errors_total"] {
        assert!(by(&text, metric, "interface").is_empty(), "{metric}");
    }
}

#[test]
fn errors_that_the_kernel_does_not_export_are_no_zero() {
    let text = metrics(&captured("603-counters-not-exported-xfrm"), Format::Prometheus);
    let text = series(&text, Format::Prometheus);
    let classes: Vec<String> =
        by(&text, "vti_transmit_errors_total", "class").into_keys().collect();
    assert_eq!(classes, ["dropped"]);
    assert!(by(&text, "vti_transmit_carrier_errors_total", "interface").is_empty());
}

#[test]
fn an_interface_that_is_configured_and_missing_is_down_and_has_no_counters() {
    let text = metrics(&captured("307-charon-interface-missing-vti"), Format::Prometheus);
    let text = series(&text, Format::Prometheus);
    let missing = by(&text, "vti_up", "interface").into_iter().filter(|(_, up)| *up == 0.0);
    let missing: Vec<String> = missing.map(|(name, _)| name).collect();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(by(&text, "vti_configured", "interface")[&missing[0]], 1.0);
    assert!(!by(&text, "vti_transmit_errors_total", "interface").contains_key(&missing[0]));
}

#[test]
fn names_of_links_and_peers_stay_in_their_labels() {
    let mut now = captured("ok-charon-hook-knows-all-vti");
    let name = "v\"} 1\\\x1b|é";
    let configuration = now.configuration.as_mut().unwrap();
    let old = std::mem::replace(&mut configuration.interfaces[0].name, name.to_owned());
    for link in now.links.iter_mut().flatten().filter(|link| link.name == old) {
        link.name = name.to_owned();
    }
    for peer in configuration.peers.iter_mut().filter(|peer| peer.bind.as_ref() == Some(&old)) {
        peer.bind = Some(name.to_owned());
        peer.name = "P\"\nvti_up 1".to_owned();
    }
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = series(&metrics(&now, format), format);
        let up = by(&text, "vti_up", "interface");
        assert_eq!(up.into_keys().collect::<Vec<_>>(), ["v\\\"} 1\\\\\\\\x1b|é"]);
        let peers = by(&text, "vti_info", "peer");
        assert_eq!(peers.into_keys().collect::<Vec<_>>(), ["P\\\"\\\\nvti_up 1"]);
    }
    // No kernel has two links of a name, but a capture may.
    let twin = now.links.as_ref().unwrap().iter().find(|link| link.name == name).cloned();
    now.links.as_mut().unwrap().extend(twin.map(|mut link| {
        link.ifindex += 1000;
        link
    }));
    series(&metrics(&now, Format::Prometheus), Format::Prometheus);
}

/// Everything that a rekey changes, 50 times: SPIs, reqids, numbers of IKE_SAs and CHILD_SAs, times.
#[test]
fn fifty_rekeys_add_no_series() {
    let mut now = captured("ok-charon-hook-knows-all-vti");
    let keys = |now: &Snapshot| -> BTreeSet<_> {
        series(&metrics(now, Format::Prometheus), Format::Prometheus).into_keys().collect()
    };
    let before = keys(&now);
    let mut all = before.clone();
    for round in 1..=50 {
        now.taken_at_ms += 3_600_000;
        for sa in now.sas.iter_mut().flatten() {
            sa.spi.0 = sa.spi.0.wrapping_add(0x0101_0101);
            sa.current.add_time += 3600;
            sa.replay.iter_mut().for_each(|replay| replay.outbound = round);
        }
        for policy in now.policies.iter_mut().flatten() {
            for template in policy.templates.iter_mut().filter(|template| template.spi.0 != 0) {
                template.spi.0 = template.spi.0.wrapping_add(0x0101_0101);
            }
        }
        for ike in now.ike.iter_mut().flat_map(|ike| &mut ike.sas) {
            ike.unique_id += round;
            for child in &mut ike.children {
                child.unique_id += round;
                child.spi_in.0 = child.spi_in.0.wrapping_add(0x0101_0101);
                child.spi_out.0 = child.spi_out.0.wrapping_add(0x0101_0101);
            }
        }
        all.extend(keys(&now));
    }
    assert_eq!(all, before);
}

/// As the man page says: so many series for a tunnel, and the rest for the host.
#[test]
fn a_tunnel_has_18_series_at_most_and_a_thousand_have_a_thousand_times_as_many() {
    let count = |now: &Snapshot| {
        let text = series(&metrics(now, Format::Prometheus), Format::Prometheus);
        let of_tunnels = text.keys().filter(|(_, labels)| labels.contains_key("interface")).count();
        (of_tunnels, text.len() - of_tunnels)
    };
    let (of_one, of_host) = count(&states::healthy(1));
    assert_eq!(count(&states::healthy(1000)), (1000 * of_one, of_host));
    // With charon and VyOS's configuration, and without a finding or a loss.
    let site = captured("ok-site");
    let text = series(&metrics(&site, Format::Prometheus), Format::Prometheus);
    for interface in by(&text, "vti_up", "interface").into_keys() {
        let has = |labels: &std::collections::BTreeMap<String, String>| {
            labels.get("interface") == Some(&interface)
        };
        let found = |metric: &String| metric == "vti_finding" || metric == "vti_lost_packets_total";
        let of_it = text.keys().filter(|(metric, labels)| has(labels) && !found(metric)).count();
        assert!(of_it <= 18, "{interface}: {of_it}");
    }
    assert!(of_host <= 30, "{of_host}");
}

/// The table as the man page has it.
#[test]
fn the_table_of_metrics_for_the_man_page() {
    let entry = |metric: &vti_diagnostics::metrics::Metric| {
        let labels = metric.labels.join(", ");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        let mut text = format!("{}{labels}\n", metric.name);
        let mut line = String::from("   ");
        for word in metric.help.split(' ') {
            if line.len() + 1 + word.len() > 78 {
                text += &format!("{line}\n");
                line = String::from("   ");
            }
            line += &format!(" {word}");
        }
        text + &line + "\n"
    };
    insta::assert_snapshot!("table", METRICS.iter().map(entry).collect::<String>());
}
