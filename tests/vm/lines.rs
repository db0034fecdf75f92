//! Runs the lines of a scenario: `ip` lines in batches, the others by bash.

use crate::Fallible;
use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

/// Runs lines in this thread's namespaces; `ip -n NAME …` lines run in another. Neighbouring `ip` lines share one `ip -batch`:
/// starting a program is most of what a line costs. The first failure ends the case.
pub fn run(text: &str) -> Fallible<()> {
    let mut batch = Batch::default();
    for line in
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (target, words) =
            match line.strip_prefix("ip -n ").and_then(|rest| rest.split_once(' ')) {
                Some(named) => named,
                None => ("", line.strip_prefix("ip ").unwrap_or_default()),
            };
        // Options and shell syntax are not for a batch.
        let batched = !words.is_empty()
            && !words.starts_with('-')
            && !words.contains(['|', '>', ';', '&', '"', '\'']);
        if !batched || target != batch.target {
            batch.flush()?;
            target.clone_into(&mut batch.target);
        }
        match batched {
            true => batch.lines += &format!("{words}\n"),
            false => checked(Command::new("bash").args(["-ec", line]), "", line)?,
        }
        // `ip xfrm … deleteall` exits when it is done, and takes the rest of its batch along.
        if words.contains(" deleteall") {
            batch.flush()?;
        }
    }
    batch.flush()
}

/// Runs a whole script by bash.
pub fn script(text: &str) -> Fallible<()> {
    checked(Command::new("bash").args(["-c", text]), "", "the script")
}

/// `ip` lines for one namespace; the empty name is this thread's own.
#[derive(Default)]
struct Batch {
    target: String,
    lines: String,
}

impl Batch {
    fn flush(&mut self) -> Fallible<()> {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return Ok(());
        }
        let mut ip = Command::new("ip");
        if !self.target.is_empty() {
            ip.args(["-n", &self.target]);
        }
        checked(ip.args(["-batch", "-"]), &lines, &lines)
    }
}

fn checked(command: &mut Command, input: &str, what: &str) -> Fallible<()> {
    let output = fed(command, input).map_err(|error| format!("cannot run {what}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{}{what}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Runs a program with this input; what it says on stderr is in the output.
pub fn fed(command: &mut Command, input: &str) -> io::Result<Output> {
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let written = process.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = process.wait_with_output()?;
    // A program that fails early does not read all of it; its own message is the better one.
    if output.stderr.is_empty() {
        written.transpose()?;
    }
    Ok(output)
}
