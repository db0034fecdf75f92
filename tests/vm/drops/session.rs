//! One run of `vti-diagnostics drops` while something is sent.

use crate::Fallible;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The kernel's worker hands the last alerts over.
const SETTLE: Duration = Duration::from_millis(50);

/// A run that has begun: the monitor is on.
pub struct Session {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// What it came to.
#[derive(Debug)]
pub struct Seen {
    /// Its lines of the type `row`.
    pub rows: Vec<Value>,
    /// Its line of the type `summary`.
    pub summary: Value,
}

impl Session {
    /// Starts the program and waits for its first line.
    pub fn start(arguments: &[&str]) -> Fallible<Self> {
        let failed = |error: std::io::Error| format!("cannot run vti-diagnostics drops: {error}");
        let mut child = Command::new("./vti-diagnostics")
            .args(["drops", "--format", "json", "--duration", "300"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(failed)?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut first = String::new();
        output.read_line(&mut first).map_err(failed)?;
        match first.contains(r#""type":"start""#) {
            true => Ok(Self { child, output }),
            false => Err(format!("drops began with: {first}")),
        }
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Ctrl-C, and what it then says.
    pub fn finish(self) -> Fallible<Seen> {
        std::thread::sleep(SETTLE);
        kill(self.pid(), Signal::SIGINT)
            .map_err(|error| format!("cannot signal drops: {error}"))?;
        self.end()
    }

    /// Waits until it ends by itself.
    pub fn end(mut self) -> Fallible<Seen> {
        let failed = |error: std::io::Error| format!("cannot read what drops says: {error}");
        let mut text = String::new();
        self.output.read_to_string(&mut text).map_err(failed)?;
        let status = self.child.wait().map_err(failed)?;
        if !status.success() {
            return Err(format!("drops ended with {status}"));
        }
        let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        let (mut rows, mut summary) = (Vec::new(), Value::Null);
        for line in lines.map_err(|error| format!("{error} in: {text}"))? {
            match line.get("type").and_then(Value::as_str) {
                Some("row") => rows.push(line),
                Some("summary") => summary = line,
                _ => {}
            }
        }
        Ok(Seen { rows, summary })
    }
}

impl Seen {
    /// A number of the summary.
    pub fn sum(&self, name: &str) -> u64 {
        self.summary.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX)
    }

    /// The rows as `interfaces codes flow packets`, for comparing and for a person.
    pub fn lines(&self) -> Vec<String> {
        let list = |row: &Value, name: &str| {
            let all = row.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")
        };
        let text =
            |row: &Value, name: &str| row.get(name).map(Value::to_string).unwrap_or_default();
        let line = |row: &Value| {
            let why = row.get("why").map_or_else(String::new, |why| format!(" ({why})"));
            let flow = text(row, "flow");
            let flow = flow.trim_matches('"');
            format!(
                "{} {} {flow}: {}{why}",
                list(row, "interfaces"),
                list(row, "codes"),
                text(row, "packets")
            )
        };
        self.rows.iter().map(line).collect()
    }

    /// Packets of one interface and code alone; without a code those whose reason holds these words.
    pub fn packets(&self, interface: &str, code: &str, words: &str) -> u64 {
        let list = |row: &Value, name: &str| -> Vec<String> {
            let all = row.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let is_it = |row: &&Value| {
            let codes: Vec<&str> = if code.is_empty() { Vec::new() } else { vec![code] };
            let why = row.get("why").and_then(Value::as_str).unwrap_or_default();
            list(row, "interfaces") == [interface]
                && list(row, "codes") == codes
                && why.contains(words)
        };
        let packets = |row: &Value| row.get("packets").and_then(Value::as_u64);
        self.rows.iter().filter(is_it).filter_map(packets).sum()
    }

    /// Counts that must be 0 and are not: not attributed, lost, not listed, malformed; and devices that count otherwise.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = ["not_attributed", "lost", "not_listed", "malformed"]
            .iter()
            .filter(|name| self.sum(name) != 0)
            .map(|name| format!("{name}: {}", self.sum(name)))
            .collect();
        let counters = self.summary.get("counters").and_then(Value::as_array);
        for counter in counters.into_iter().flatten() {
            if counter.get("agree") != Some(&Value::Bool(true)) {
                faults.push(format!("counters differ: {counter}"));
            }
        }
        faults
    }
}
