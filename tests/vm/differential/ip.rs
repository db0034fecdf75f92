//! Runs the lines of a case by `ip`.

use crate::Fallible;
use crate::lines;
use std::process::Command;

/// One `ip` for all lines, in this thread's namespace or in a named one; its messages about those that the kernel refused.
pub fn build(namespace: Option<&str>, batch: &[String]) -> Fallible<String> {
    let mut ip = Command::new("ip");
    if let Some(name) = namespace {
        ip.args(["-n", name]);
    }
    let output = lines::fed(ip.args(["-force", "-batch", "-"]), &(batch.join("\n") + "\n"))
        .map_err(|error| format!("cannot run ip: {error}"))?;
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    // At a word that it does not know, ip ends, and the lines behind it are lost.
    if messages.contains("Usage:")
        || messages.lines().any(|line| line.starts_with("Error: a") || line.contains(" is wrong"))
    {
        return Err(format!("a line is not one of ip: {messages}{}", batch.join("\n")));
    }
    Ok(messages)
}
