//! vti-diagnostics explains transmit errors and silent losses of VTI and XFRM interfaces. This file: arguments, one run, exit status.
//!
//! The way of the data, and where each step is:
//!
//! ```text
//!  kernel (rtnetlink, XFRM, /proc), charon (VICI, log), VyOS (configuration, hook)     a capture file, a saved /proc/net/dev
//!        └──────── collect ────────┐                                        │ capture::load
//!                                  ▼                                        │
//!                              Snapshot  ◄──────────────────────────────────┘
//!                                  │  tunnel          one Tunnel per VTI: link, policies, SAs, routes; peer, IKE_SAs, CHILD_SAs
//!                                  ▼
//!                               Tunnel
//!                                  │  way             what the kernel does with a packet of this flow, and which counters move
//!                                  │  diagnose        every diagnosis of the registry, what masks what, the order
//!                                  ▼
//!                               Report
//!                                  │  render          text, JSON, YAML
//!                                  ▼
//!                               String ──► output     standard output, a file, the exit status
//! ```
//!
//! A live system and a capture take the same way: a `Snapshot` is plain data. What could not be read is in it as `Missing`, with the
//! reason; it is never an empty list or a zero.
//!
//! | module | may use, of ours | never |
//! |---|---|---|
//! | `code` | nothing | I/O, the clock, the environment |
//! | `error` | nothing | anything of ours |
//! | `kernel` | nothing | I/O, the clock, the environment |
//! | `units` | nothing; and all may use it | I/O, the clock, the environment |
//! | `yaml` | nothing | I/O, the clock, the environment |
//! | `snapshot` | `kernel` | I/O, the clock, the environment |
//! | `report` | `code`, `snapshot` | I/O, the clock, the environment |
//! | `wire` | `snapshot` | files, sockets |
//! | `journal` | `code`, `snapshot`, `error` | the kernel's state |
//! | `collect` | `wire`, `journal`, `snapshot`, `kernel`, `error` | deciding anything about a tunnel |
//! | `text` | `collect` (its reader of rows), `wire` (what VyOS's rules validate), `report`, `snapshot`, `kernel`, `error` | I/O, the clock, the environment |
//! | `capture` | `code`, `collect`, `snapshot`, `text`, `yaml`, `error` | the kernel's state |
//! | `tunnel` | `snapshot`, `kernel` | I/O, the clock, the environment |
//! | `way` | `code`, `tunnel`, `snapshot`, `report`, `kernel` | I/O, the clock, the environment |
//! | `diagnose` | `code`, `way`, `tunnel`, `snapshot`, `report`, `kernel`, `error` | I/O, the clock, the environment |
//! | `timeline` | `code`, `way`, `tunnel`, `snapshot` | I/O, the clock, the environment |
//! | `record` | `code`, `collect`, `journal`, `timeline`, `diagnose`, `metrics`, `way`, `report`, `signals`, `snapshot`, `kernel`, `error` | changing anything but its journal |
//! | `metrics` | `code`, `journal`, `diagnose`, `render`, `report`, `snapshot`, `error` | I/O, the clock, the environment |
//! | `check` | `report`, `render`, `error` | I/O, the clock, the environment |
//! | `diff` | `report`, `snapshot` | I/O, the clock, the environment |
//! | `history` | `code`, `journal`, `diagnose`, `report`, `snapshot`, `error` | I/O, the clock, the environment |
//! | `drops` | `code`, `collect`, `wire`, `signals`, `diagnose`, `way`, `tunnel`, `report`, `snapshot`, `error` | the drop monitor but by `collect::drops` |
//! | `render` | `code`, `report`, `snapshot`, `yaml`, `error` | I/O, the clock, the environment |
//! | `opmode` | `error` | I/O, the clock, the environment |
//! | `signals` | nothing | anything of ours |
//! | `monitor` | `code`, `collect`, `diagnose`, `report`, `signals`, `snapshot`, `error` | writing but the lines of its caller |
//! | `cli` | nothing | anything of ours |
//! | `line_queue` | `render`, `error` | waiting for whoever reads the lines |
//! | `run`, `given`, `vyos`, `output`, `main` | all | deciding anything about a tunnel |
//!
//! `kernel` knows what a release of Linux does and another does not, and which were tested; whoever depends on a release asks it.
//!
//! The recorder stays: `record` follows the kernel's messages and the counters, `timeline` says which gap explains which loss, `journal`
//! keeps it, `history` tells of it. `monitor` stays too, and keeps nothing: it says what changes from one report to the next.
//!
//! `drops` watches packets die: `collect::drops` switches the kernel's drop monitor on, and each alert's flow goes through `way` with
//! the state read beside it.
//!
//! Beside that way, `opmode` makes what VyOS must have to know our commands, and checks what VyOS hands them; `vyos` puts it into files
//! for the package. `vti-diagnostics op-mode` is the one entry that operators of a router can run as root with arguments of their choice:
//! it reads, takes no path, and writes standard output alone.
//!
//! The pure modules deny the methods in `clippy.toml` at their heads. Nothing in the program is unsafe. One module changes the state of the
//! system: `collect::drops`, for as long as `drops` runs. Two start a process: that one, which starts this program once more, to leave the
//! drop monitor as it was if the first ends without that, or does not end in its time; and `collect::journalctl`, which starts systemd's
//! reader of the journal. `record` alone keeps files (its journal, and the metrics where they are asked for), and starts no process.
//!
//! Exit status: 0 if the question could be answered, whatever the answer; 1 if not, with one sentence on standard error (`op-mode`: on standard
//! output, as VyOS's own commands). `check` has the four of monitoring plugins instead.

#![forbid(unsafe_code)]

mod given;
mod line_queue;
mod output;
mod run;
mod vyos;

use clap::Parser;
use clap::error::ErrorKind;
use std::process::ExitCode;
use vti_diagnostics::cli::Arguments;

fn main() -> ExitCode {
    leave_no_dump();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    match run::run(&arguments, output::width()) {
        Ok(run::Answer { text, status }) => output::print(&text, status),
        Err(error) => fail(&error.to_string()),
    }
}

/// A crash leaves no dump of this process, for in the middle of a message about an SA its memory has the keys. prctl(2), PR_SET_DUMPABLE: a
/// process that is not dumpable leaves none. RLIMIT_CORE does not suffice: core(5) says under "Piping core dumps to a program" that it is not
/// enforced for a program in core_pattern. Where the system refuses, the program goes on.
fn leave_no_dump() {
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Fails with one sentence where whoever called will see it: a system that runs plugins shows standard output, and takes status 1 for a warning.
fn fail(sentence: &str) -> ExitCode {
    let command = std::env::args_os().nth(1).unwrap_or_default();
    if command == "op-mode" {
        output::fail_on_output(sentence)
    } else if command == "check" {
        let answer = vti_diagnostics::check::unknown(sentence);
        output::print(&answer.text, answer.status as u8)
    } else {
        output::fail(sentence)
    }
}

/// Of what is wrong with the arguments, no more characters are said: an argument can be long.
const LONGEST: usize = 300;

/// Help and version, which clap takes for errors, or what is wrong with the arguments: what clap says first, in one line, with the word
/// that it thinks was meant, and without the usage.
fn refused(error: &clap::Error) -> ExitCode {
    let said = error.to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return output::print(&said, 0);
    }
    let mut paragraphs = said
        .split("\n\n")
        .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "));
    let wrong = paragraphs.next().unwrap_or_default();
    let tip = paragraphs.find_map(|p| Some(format!("; {}", p.strip_prefix("tip: ")?)));
    let wrong = wrong.trim_start_matches("error: ");
    let mut said = format!("{wrong}{}", tip.unwrap_or_default());
    if let Some((end, _)) = said.char_indices().nth(LONGEST) {
        said.truncate(end);
        said.push('…');
    }
    fail(&said)
}
