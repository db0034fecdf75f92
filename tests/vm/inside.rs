//! One case, in the router's namespace: builds the tunnel, breaks it, sends, counts, compares. Prints only what differs.

use crate::case::{self, Case, End};
use crate::counters::Counters;
use crate::scenario;
use crate::traffic::{self, Traffic};
use crate::{Fallible, compare, model, program};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// ESP that the router sends is decrypted in the peer's softirq, at the latest in the next tick of its ksoftirqd.
const SETTLE: Duration = Duration::from_millis(30);

/// What happened in one case.
#[derive(Debug, Default)]
pub struct Happened {
    pub counters: Counters,
    pub delivered: u64,
    pub unsent: u64,
    pub finding: Option<String>,
    pub prediction: Option<model::Prediction>,
}

/// True when everything is as the scenario expects.
pub fn run(file: &str, scenario: &str, case: &str) -> Fallible<bool> {
    let path = Path::new(file);
    let scenarios = scenario::load(path)?;
    let scenario =
        scenarios.iter().find(|candidate| candidate.name == scenario).ok_or("no such scenario")?;
    let kernel = crate::guest::kernel()?;
    let case = scenario
        .cases(&kernel)
        .into_iter()
        .find(|candidate| candidate.to_string() == case)
        .ok_or("no such case")?;
    let base = path.with_file_name("base");
    let base = std::fs::read_to_string(&base)
        .map_err(|error| format!("cannot read {}: {error}", base.display()))?;

    let [router, peer] = [End::Router, End::Peer].map(|end| case.variables(end));
    let veth =
        "ip link add wan address $MAC type veth peer name wan address $REMOTE_MAC netns peer";
    execute(&case::render(veth, &router)?, None)?;
    execute(&case::render(&base, &peer)?, Some("peer"))?;
    execute(&case::render(&base, &router)?, None)?;
    execute(&case::render(&scenario.setup, &router)?, None)?;
    execute(&case::render(&scenario.fault, &router)?, None)?;
    let traffic = scenario
        .traffic
        .iter()
        .map(|traffic| rendered(traffic, &router))
        .collect::<Fallible<Vec<_>>>()?;

    let happened = observe(&case, &traffic)?;
    let differences = compare::differences(scenario, &case, &happened);
    if differences.is_empty() {
        return Ok(true);
    }
    differences.iter().for_each(|difference| println!("{difference}"));
    println!(
        "--- counters that moved: {:?} {:?}",
        happened.counters.device, happened.counters.xfrm_stat
    );
    println!("--- vti-diagnostics show\n{}", program::text());
    Ok(false)
}

fn observe(case: &Case, traffic: &[Traffic]) -> Fallible<Happened> {
    let mut ends: Vec<End> = traffic.iter().map(|traffic| traffic.from.other()).collect();
    ends.dedup();
    let sinks = ends.into_iter().map(Sink::open).collect::<Fallible<Vec<_>>>()?;
    let prediction = model::model_prediction(case, traffic);
    let before = Counters::read()?;
    let mut unsent = 0;
    for traffic in traffic {
        unsent += send(traffic)?;
    }
    std::thread::sleep(SETTLE);
    let counters = Counters::read()?.since(&before);
    let mut delivered = 0;
    for sink in sinks {
        delivered += sink.close()?;
    }
    Ok(Happened { counters, delivered, unsent, finding: program::first_finding(), prediction })
}

fn rendered(traffic: &Traffic, variables: &BTreeMap<&'static str, String>) -> Fallible<Traffic> {
    let source =
        traffic.source.as_ref().map(|source| case::render(source, variables)).transpose()?;
    Ok(Traffic { udp: case::render(&traffic.udp, variables)?, source, ..traffic.clone() })
}

fn send(traffic: &Traffic) -> Fallible<u64> {
    if traffic.from == End::Router {
        return traffic::send(traffic);
    }
    let text = serde_json::to_string(traffic).map_err(|error| error.to_string())?;
    let output = command(traffic.from)
        .args(["--send", &text])
        .output()
        .map_err(|error| format!("cannot send: {error}"))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    answer
        .trim()
        .parse()
        .map_err(|_| format!("sender: {answer}{}", String::from_utf8_lossy(&output.stderr)))
}

/// This binary at one end of the tunnel.
fn command(end: End) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", end.namespace(), "./lab"]);
    command
}

/// The waiting socket at one end.
struct Sink {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Sink {
    fn open(end: End) -> Fallible<Sink> {
        let failed = |error: std::io::Error| format!("cannot start the sink: {error}");
        let mut process = command(end)
            .arg("--sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut output = BufReader::new(process.stdout.take().ok_or("the sink has no output")?);
        output.read_line(&mut String::new()).map_err(failed)?;
        Ok(Sink { process, output })
    }

    /// How many datagrams arrived.
    fn close(mut self) -> Fallible<u64> {
        drop(self.process.stdin.take());
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .map_err(|error| format!("cannot read the sink's answer: {error}"))?;
        self.process.wait().map_err(|error| format!("cannot wait for the sink: {error}"))?;
        line.trim().parse().map_err(|_| format!("sink: {line}"))
    }
}

/// Runs lines in a namespace (this process's own for None). Neighbouring `ip` lines share one `ip -batch`: starting a program is
/// most of what a line costs here. Other lines are bash's. The first failure ends the case.
fn execute(text: &str, namespace: Option<&str>) -> Fallible<()> {
    let mut batch = (String::new(), String::new());
    for line in
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (target, words) = match line
            .strip_prefix("ip -n ")
            .and_then(|rest| rest.split_once(' '))
        {
            Some((name, words)) => (name, words),
            None => (namespace.unwrap_or_default(), line.strip_prefix("ip ").unwrap_or_default()),
        };
        // Options and shell syntax are not for a batch.
        let batched = !words.is_empty()
            && !words.starts_with('-')
            && !line.contains(['|', '>', ';', '&', '"']);
        if !batched || target != batch.0 {
            flush(&mut batch)?;
            target.clone_into(&mut batch.0);
        }
        if batched {
            batch.1 += &format!("{words}\n");
        } else {
            checked(Command::new("bash").args(["-ec", line]), "", line)?;
        }
    }
    flush(&mut batch)
}

fn flush((target, lines): &mut (String, String)) -> Fallible<()> {
    let mut ip = Command::new("ip");
    if !target.is_empty() {
        ip.args(["-n", target]);
    }
    let lines = std::mem::take(lines);
    if lines.is_empty() { Ok(()) } else { checked(ip.args(["-batch", "-"]), &lines, &lines) }
}

fn checked(command: &mut Command, input: &str, what: &str) -> Fallible<()> {
    let failed = |error: std::io::Error| format!("cannot run {what}: {error}");
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = process.wait_with_output().map_err(failed)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{}{what}", String::from_utf8_lossy(&output.stderr)))
    }
}
