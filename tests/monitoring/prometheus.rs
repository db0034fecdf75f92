//! Prometheus's own programs: promtool reads what `metrics` prints, node_exporter serves the file, Prometheus scrapes it and answers each query of the
//! dashboard, and its own parser of OpenMetrics reads the other form.

use super::{dashboard, http, run, scenario};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use vti_diagnostics::metrics::{Facts, Format, METRICS, Recorder, write};

/// How long a program may take to answer for the first time; a machine that builds at the same time is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Running {
    let program = command.get_program().to_owned();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Running(child.unwrap_or_else(|error| {
        panic!("{program:?} (Debian: prometheus, prometheus-node-exporter): {error}")
    }))
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_there() {
        assert!(began.elapsed() < PATIENCE, "no {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn node_exporter(directory: &Path) -> (Running, u16) {
    let port = http::free_port();
    let running = start(
        Command::new("prometheus-node-exporter")
            .args(["--collector.disable-defaults", "--collector.textfile"])
            .arg(format!("--collector.textfile.directory={}", directory.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}")),
    );
    wait_for("node_exporter", || http::get(port, "/metrics").is_some());
    (running, port)
}

#[test]
fn promtool_finds_nothing_to_mend() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    for name in ["ok-site", "912-recorded-sa-gap-vti", "603-counters-not-exported-xfrm", "full"] {
        let program = env!("CARGO_BIN_EXE_vti-diagnostics");
        let file = folder.join(format!("{name}.yaml"));
        let line =
            format!("{program} metrics --capture {} | promtool check metrics", file.display());
        let (success, said) = run(Command::new("sh").args(["-c", &line]));
        assert!(success && said.is_empty(), "{name}: {said}");
    }
}

#[test]
fn node_exporter_serves_the_file_without_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("textfile");
    fs::create_dir(&folder).unwrap();
    scenario::write(directory.path(), 0);
    let (_node, port) = node_exporter(&folder);
    let served = http::get(port, "/metrics").unwrap();
    assert!(served.contains("\nnode_textfile_scrape_error 0\n"), "{served}");
    let text = fs::read_to_string(folder.join("vti.prom")).unwrap();
    let lines = |text: &str| {
        let of = text.lines().filter(|line| line.starts_with("vti_"));
        of.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&served).len(), lines(&text).len());
    // A text that is not of the form is an error there: the comparison can fail.
    fs::write(folder.join("bad.prom"), "vti_up{interface=\"vti1\"} 1 2\n").unwrap();
    let served = http::get(port, "/metrics").unwrap();
    assert!(served.contains("\nnode_textfile_scrape_error 1\n"), "{served}");
}

#[test]
fn prometheus_answers_each_query_of_the_dashboard() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("textfile");
    fs::create_dir(&folder).unwrap();
    scenario::write(directory.path(), 0);
    let (_node, node) = node_exporter(&folder);
    let now = scenario::router(0);
    let facts = Facts::of(&now, Recorder::of_capture(&now.recorded)).unwrap();
    let open = write(&facts, Format::OpenMetrics);
    let samples = open.lines().filter(|line| line.starts_with("vti_")).count();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let served = http::serve(open, kind);

    let configuration = directory.path().join("prometheus.yml");
    let rules = super::shipped("prometheus-rules.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [\"{}\"]\nscrape_configs:\n\
         - {{job_name: node, static_configs: [{{targets: [\"127.0.0.1:{node}\"]}}]}}\n\
         - {{job_name: openmetrics, static_configs: [{{targets: [\"127.0.0.1:{served}\"]}}]}}\n",
        rules.display()
    );
    fs::write(&configuration, text).unwrap();
    let port = http::free_port();
    let _prometheus = start(
        Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}")),
    );
    wait_for("prometheus", || http::get(port, "/-/ready").is_some());
    let is_scraped = |query: &str| !http::query(port, query, None).is_empty();
    wait_for("sample", || is_scraped("vti_up{job=\"node\"}") && is_scraped("up == 1"));
    for second in 1..=6 {
        scenario::write(directory.path(), second);
        std::thread::sleep(Duration::from_secs(1));
    }

    // Its own parser reads OpenMetrics: all samples, and their types.
    assert_eq!(http::query(port, "up{job=\"openmetrics\"} == 1", None).len(), 1);
    let read = http::query(port, "count({__name__=~\"vti_.*\",job=\"openmetrics\"})", None);
    assert_eq!(read[0]["value"][1], samples.to_string());
    let target = "/api/v1/targets/metadata?match_target=%7Bjob%3D%22openmetrics%22%7D";
    let types = http::get(port, target).unwrap();
    for kind in ["\"info\"", "\"counter\"", "\"gauge\"", "\"unit\":\"seconds\""] {
        assert!(types.contains(kind), "{kind}: {types}");
    }
    assert_eq!(http::query(port, "node_textfile_scrape_error == 0", None).len(), 1);

    let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    for (title, query) in dashboard::queries() {
        let query = query
            .replace("$instance", &format!("127.0.0.1:{node}"))
            .replace("$__rate_interval", "5s")
            .replace("$interface", "vti1");
        let range = dashboard::over_time(title).then_some((end - 5.0, end));
        assert!(!http::query(port, &query, range).is_empty(), "{title}: {query}");
    }
    // And each metric of the table is there by its name.
    for metric in METRICS {
        assert!(is_scraped(&format!("{}{{job=\"node\"}}", metric.name)), "{}", metric.name);
    }
    // The rules are evaluated: what needs no time to fire does, and the fault waits.
    let alerts =
        |state| http::query(port, &format!("ALERTS{{alertstate=\"{state}\",job=\"node\"}}"), None);
    let names = |state| {
        let each = alerts(state).into_iter();
        each.map(|alert| format!("{} {}", alert["metric"]["alertname"], alert["metric"]["code"]))
            .collect::<Vec<_>>()
    };
    wait_for("alert", || names("firing").contains(&"\"VtiLosses\" \"VTI-911\"".to_owned()));
    assert!(
        names("pending").contains(&"\"VtiFault\" \"VTI-301\"".to_owned()),
        "{:?}",
        names("pending")
    );
}
