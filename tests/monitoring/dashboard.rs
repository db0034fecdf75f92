//! The dashboard for Grafana: all routers, one tunnel, and losses by cause over time. Each panel explains itself with the help text of its metric.

use super::rules;
use serde_json::{Value, json};
use vti_diagnostics::code::Code;
use vti_diagnostics::metrics::METRICS;

/// How a panel shows its query.
#[derive(Clone, Copy)]
enum Look {
    /// A number.
    Stat,
    /// A number that is red above 0.
    Alarm,
    /// yes and no.
    State,
    /// A list of series with their labels.
    Table,
    /// Lines over time.
    Lines,
    /// Bars over time, one on the other.
    Bars,
}

/// A panel: title, look, unit, width of 24, its query, and the legend of a series.
struct Panel(&'static str, Look, &'static str, u64, &'static str, &'static str);

/// A row and its panels.
struct Row(&'static str, &'static [Panel]);

/// Of all routers that were chosen, and of the one tunnel that was.
const ROWS: &[Row] = &[
    Row(
        "Overview",
        &[
            Panel(
                "Routers",
                Look::Stat,
                "none",
                3,
                "count(vti_build_info{instance=~\"$instance\"})",
                "",
            ),
            Panel("VTIs", Look::Stat, "none", 3, "count(vti_info{instance=~\"$instance\"})", ""),
            Panel(
                "VTIs at fault",
                Look::Alarm,
                "none",
                3,
                "sum(vti_verdict{instance=~\"$instance\",verdict=\"fault\"})",
                "",
            ),
            Panel(
                "VTIs with a warning",
                Look::Alarm,
                "none",
                3,
                "sum(vti_verdict{instance=~\"$instance\",verdict=\"warning\"})",
                "",
            ),
            Panel(
                "VTIs unknown",
                Look::Alarm,
                "none",
                3,
                "sum(vti_verdict{instance=~\"$instance\",verdict=\"unknown\"})",
                "",
            ),
            Panel(
                "Configured and down",
                Look::Alarm,
                "none",
                3,
                "count((vti_up{instance=~\"$instance\"} == 0 and vti_configured == 1) unless ignoring (verdict) vti_verdict{verdict=~\"ok|notice\"} == 1) or vector(0)",
                "",
            ),
            Panel(
                "Sources that cannot be read",
                Look::Alarm,
                "none",
                3,
                "count(vti_source_readable{instance=~\"$instance\"} == 0) or vector(0)",
                "",
            ),
            Panel(
                "Age of the oldest metrics",
                Look::Stat,
                "s",
                3,
                "max(time() - vti_last_success_timestamp_seconds{instance=~\"$instance\"})",
                "",
            ),
            Panel(
                "Findings",
                Look::Table,
                "none",
                12,
                "vti_finding{instance=~\"$instance\"} == 1",
                "",
            ),
            Panel(
                "VTIs by verdict",
                Look::Bars,
                "none",
                12,
                "sum by (verdict) (vti_verdict{instance=~\"$instance\"})",
                "{{verdict}}",
            ),
        ],
    ),
    Row(
        "Losses by cause",
        &[
            Panel(
                "Packets lost, by cause",
                Look::Bars,
                "none",
                12,
                "sum by (code) (increase(vti_lost_packets_total{instance=~\"$instance\"}[$__rate_interval]))",
                "{{code}}",
            ),
            Panel(
                "Losses that have not ended",
                Look::Bars,
                "none",
                12,
                "vti_losing_packets{instance=~\"$instance\"}",
                "{{instance}} {{interface}}",
            ),
            Panel(
                "Transmit errors, by interface",
                Look::Lines,
                "pps",
                12,
                "topk(10, sum by (instance, interface) (rate(vti_transmit_errors_total{instance=~\"$instance\"}[$__rate_interval])) > 0)",
                "{{instance}} {{interface}}",
            ),
            Panel(
                "Carrier errors, by interface",
                Look::Lines,
                "pps",
                12,
                "topk(10, rate(vti_transmit_carrier_errors_total{instance=~\"$instance\"}[$__rate_interval]) > 0)",
                "{{instance}} {{interface}}",
            ),
        ],
    ),
    Row(
        "One tunnel: $interface",
        &[
            Panel(
                "Up",
                Look::State,
                "none",
                4,
                "vti_up{instance=~\"$instance\",interface=\"$interface\"}",
                "{{instance}}",
            ),
            Panel(
                "Configured",
                Look::State,
                "none",
                4,
                "vti_configured{instance=~\"$instance\",interface=\"$interface\"}",
                "{{instance}}",
            ),
            Panel(
                "IKE",
                Look::State,
                "none",
                4,
                "vti_ike_up{instance=~\"$instance\",interface=\"$interface\"}",
                "{{instance}}",
            ),
            Panel(
                "Sequence numbers used",
                Look::Stat,
                "percentunit",
                4,
                "vti_sa_sequence_used_ratio{instance=~\"$instance\",interface=\"$interface\"}",
                "{{instance}}",
            ),
            Panel(
                "SA expires in",
                Look::Stat,
                "s",
                4,
                "vti_sa_expires_seconds{instance=~\"$instance\",interface=\"$interface\"}",
                "{{instance}}",
            ),
            Panel(
                "Driver and peer",
                Look::Table,
                "none",
                4,
                "vti_info{instance=~\"$instance\",interface=\"$interface\"}",
                "",
            ),
            Panel(
                "Verdict",
                Look::Bars,
                "none",
                12,
                "sum by (verdict) (vti_verdict{instance=~\"$instance\",interface=\"$interface\"})",
                "{{verdict}}",
            ),
            Panel(
                "Transmit errors, by class",
                Look::Lines,
                "pps",
                12,
                "sum by (class) (rate(vti_transmit_errors_total{instance=~\"$instance\",interface=\"$interface\"}[$__rate_interval]))",
                "{{class}}",
            ),
            Panel(
                "Packets lost since the recording began, by cause",
                Look::Lines,
                "none",
                12,
                "sum by (code) (vti_lost_packets_total{instance=~\"$instance\",interface=\"$interface\"})",
                "{{code}}",
            ),
            Panel(
                "Loss on the way from the peer",
                Look::Lines,
                "percentunit",
                12,
                "sum by (instance) (rate(vti_path_lost_packets_total{instance=~\"$instance\",interface=\"$interface\"}[$__rate_interval])) / sum by (instance) (rate(vti_path_expected_packets_total{instance=~\"$instance\",interface=\"$interface\"}[$__rate_interval]))",
                "{{instance}}",
            ),
            Panel(
                "Sequence numbers used, over time",
                Look::Lines,
                "percentunit",
                12,
                "vti_sa_sequence_used_ratio{instance=~\"$instance\",interface=\"$interface\"}",
                "{{instance}}",
            ),
        ],
    ),
];

/// Every panel's title and query.
pub fn queries() -> Vec<(&'static str, String)> {
    let panels = ROWS.iter().flat_map(|Row(_, panels)| panels.iter());
    panels.map(|Panel(title, _, _, _, query, _)| (*title, (*query).to_owned())).collect()
}

/// The queries of the panels that draw over time.
pub fn over_time(title: &str) -> bool {
    let mut panels = ROWS.iter().flat_map(|Row(_, panels)| panels.iter());
    panels.any(|Panel(of, look, ..)| *of == title && matches!(look, Look::Lines | Look::Bars))
}

/// The file.
pub fn text() -> String {
    let (mut panels, mut y, mut id) = (Vec::new(), 0, 0);
    for Row(title, of) in ROWS {
        id += 1;
        panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }));
        y += 1;
        let (mut x, mut height) = (0, 0);
        for panel in *of {
            let (width, own) = (panel.3, height_of(panel));
            if x + width > 24 {
                (x, y, height) = (0, y + height, 0);
            }
            id += 1;
            panels.push(one(panel, id, json!({"x": x, "y": y, "w": width, "h": own})));
            (x, height) = (x + width, height.max(own));
        }
        y += height;
    }
    let dashboard = json!({
        "title": "VTIs (vti-diagnostics)",
        "uid": "vti-diagnostics",
        "description": "Made from the table of metrics of vti-diagnostics by its test `monitoring`.",
        "tags": ["ipsec", "vti"],
        "schemaVersion": 38,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
            variable("instance", "Router", "label_values(vti_build_info, instance)", true),
            variable("interface", "VTI", "label_values(vti_up{instance=~\"$instance\"}, interface)", false),
        ]},
        "panels": panels,
    });
    serde_json::to_string_pretty(&dashboard).unwrap() + "\n"
}

fn variable(name: &str, label: &str, query: &str, several: bool) -> Value {
    json!({
        "name": name, "label": label, "type": "query", "query": query, "refresh": 2, "sort": 7,
        "datasource": source(), "multi": several, "includeAll": several,
        "current": if several { json!({"text": "All", "value": "$__all"}) } else { json!({}) },
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

const fn height_of(panel: &Panel) -> u64 {
    match panel.1 {
        Look::Stat | Look::Alarm | Look::State => 4,
        Look::Table if panel.3 < 6 => 4,
        Look::Table | Look::Lines | Look::Bars => 8,
    }
}

/// A panel, with the help texts of its metrics.
fn one(panel: &Panel, id: u64, place: Value) -> Value {
    let Panel(title, look, unit, _, query, legend) = panel;
    let named = super::named(query);
    let help: Vec<&str> = METRICS
        .iter()
        .filter(|metric| named.contains(metric.name))
        .map(|metric| metric.help)
        .collect();
    let thresholds = match look {
        Look::Alarm => json!([{"color": "green", "value": null}, {"color": "red", "value": 1}]),
        Look::State => json!([{"color": "red", "value": null}, {"color": "green", "value": 1}]),
        _ => json!([{"color": "blue", "value": null}]),
    };
    let mappings = match look {
        Look::State => {
            json!([{"type": "value", "options": {"0": {"text": "no"}, "1": {"text": "yes"}}}])
        }
        _ => json!([]),
    };
    let (kind, custom) = match look {
        Look::Stat | Look::Alarm | Look::State => ("stat", json!({})),
        Look::Table => ("table", json!({})),
        Look::Lines => ("timeseries", json!({"drawStyle": "line", "fillOpacity": 0})),
        Look::Bars => (
            "timeseries",
            json!({"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": {"mode": "normal"}}),
        ),
    };
    let is_table = matches!(look, Look::Table);
    let mut made = json!({
        "id": id, "type": kind, "title": title, "description": help.join("\n"), "gridPos": place,
        "datasource": source(),
        "fieldConfig": {
            "defaults": {
                "unit": unit, "min": 0, "custom": custom, "mappings": mappings,
                "thresholds": {"mode": "absolute", "steps": thresholds},
            },
            "overrides": overrides(legend, is_table),
        },
        "targets": [{
            "refId": "A", "datasource": source(), "expr": query, "legendFormat": legend,
            "instant": !matches!(look, Look::Lines | Look::Bars),
            "format": if is_table { "table" } else { "time_series" },
        }],
    });
    if is_table {
        // Labels are what is read; the value is 1, and the rest is of Prometheus.
        let hidden = json!({"Time": true, "Value": true, "__name__": true, "job": true});
        made["transformations"] = json!([{"id": "organize", "options": {"excludeByName": hidden}}]);
    }
    made
}

/// What a series or a column is called, and its colour: a verdict has always the same one, and a code has its title from the catalogue.
fn overrides(legend: &str, is_table: bool) -> Value {
    let named = |name: &str, id: &str, value: Value| json!({"matcher": {"id": "byName", "options": name}, "properties": [{"id": id, "value": value}]});
    let titled = |code: &Code| format!("{code} {}", code.title());
    match legend {
        "{{verdict}}" => {
            let colours = [
                ("ok", "green"),
                ("notice", "blue"),
                ("unknown", "text"),
                ("warning", "orange"),
                ("fault", "red"),
            ];
            let fixed = |colour: &str| json!({"mode": "fixed", "fixedColor": colour});
            colours.iter().map(|(verdict, colour)| named(verdict, "color", fixed(colour))).collect()
        }
        "{{code}}" => Code::ALL
            .iter()
            .filter(|code| rules::loses(**code))
            .map(|code| named(&code.to_string(), "displayName", json!(titled(code))))
            .collect(),
        _ if is_table => {
            let texts =
                Code::ALL.iter().map(|code| (code.to_string(), json!({"text": titled(code)})));
            let texts: serde_json::Map<String, Value> = texts.collect();
            json!([named("code", "mappings", json!([{"type": "value", "options": texts}]))])
        }
        _ => json!([]),
    }
}

#[test]
fn panels_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(&text()).unwrap();
    let mut cells = std::collections::BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for (x, y) in (0..at("w")).flat_map(|x| (0..at("h")).map(move |y| (x, y))) {
            assert!(at("x") + x < 24);
            assert!(cells.insert((at("x") + x, at("y") + y)), "{}", panel["title"]);
        }
    }
}
