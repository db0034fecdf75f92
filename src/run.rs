//! One run: from the arguments to the text that answers them. It reads the system through `collect` and files through `capture`, and writes
//! only the files of `capture --output`, `metrics --output`, `record --metrics` and `vyos`, and the lines of what goes on; it decides nothing about tunnels.

mod answer;
mod inputs;
mod monitoring;

pub use answer::Answer;

use crate::line_queue::{self, LineQueue};
use crate::{given, output, vyos};
use inputs::{empty, live, observation, vici};
use std::fmt::Write;
use std::mem::ManuallyDrop;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;
use vti_diagnostics::capture::{self, Capture};
use vti_diagnostics::cli::internal::OpMode;
use vti_diagnostics::cli::{self, Arguments, Command, Format, LineFormat};
use vti_diagnostics::code::Code;
use vti_diagnostics::collect;
use vti_diagnostics::diagnose::commands::System;
use vti_diagnostics::diagnose::{self, Asked, DIAGNOSES, Diagnosis, Extent, Outer, explanation};
use vti_diagnostics::drops::{self, Said};
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::history::{self, Question};
use vti_diagnostics::opmode::arguments::interface;
use vti_diagnostics::render::clock::Clock;
use vti_diagnostics::render::text::{self, Shown};
use vti_diagnostics::render::{self, explain, json, yaml};
use vti_diagnostics::report::Report;
use vti_diagnostics::report::input::Input;
use vti_diagnostics::snapshot::{RouteQuery, Snapshot, Spi};
use vti_diagnostics::way::Flow;
use vti_diagnostics::{journal, monitor, record};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The answer, with lines of at most `width` columns.
///
/// # Errors
/// The question cannot be answered: no such interface, an unreadable file, a wrong value. A system that hides some of its state is no
/// error; the report says so.
pub fn run(arguments: &Arguments, width: usize) -> Result<Answer> {
    let text = match &arguments.command {
        Command::Check(arguments) => return monitoring::check(arguments),
        Command::Show(arguments) => show(arguments, width),
        Command::Lookup(arguments) => lookup(arguments, width),
        Command::Diff(arguments) => given::compare(arguments, width),
        Command::Capture(arguments) => write_capture(arguments),
        Command::Explain(arguments) => explain(arguments.code.as_deref(), width),
        Command::Record(arguments) => record(arguments),
        Command::History(arguments) => history(arguments, width),
        Command::Monitor(arguments) => monitor(arguments),
        Command::Drops(arguments) => watch_drops(arguments, width),
        Command::DropsGuardian(arguments) => guard(arguments),
        Command::OpMode(OpMode::Show(arguments)) => op_mode_show(arguments, width),
        Command::OpMode(OpMode::History(arguments)) => op_mode_history(arguments, width),
        Command::OpMode(OpMode::CompleteInterfaces) => Ok(op_mode_names()),
        Command::Metrics(arguments) => monitoring::metrics(arguments),
        Command::Vyos(arguments) => vyos::run(arguments).map(|()| String::new()),
    };
    text.map(Answer::from)
}

fn show(arguments: &cli::Show, width: usize) -> Result<String> {
    let shown = match (arguments.detail, arguments.all) {
        (true, _) => Shown::Detail,
        (false, true) => Shown::All,
        (false, false) => Shown::Page,
    };
    let form = Form { format: arguments.output.format(), shown, width };
    let asked = match arguments.all_tunnels {
        true => Asked::AllTunnels,
        false => arguments.interface.as_deref().into(),
    };
    let other = arguments.peer_capture.as_deref();
    let other = other.map(|file| given::samples(file, arguments.max_size)).transpose()?;
    let texts = match &arguments.archive {
        Some(archive) => capture::load_archive(archive)?,
        None => capture::load_texts(&arguments.text)?,
    };
    if !texts.is_empty() {
        let (snapshots, input) = given::texts(&texts)?;
        return report(snapshots, Some(input), other, asked, &form);
    }
    if let Some(folder) = arguments.capture.as_deref().filter(|path| path.is_dir()) {
        if other.is_some() {
            let what = "--peer-capture goes with one capture, not with a folder of them";
            return Err(Error::IncorrectValue(what.to_owned()));
        }
        return overview(folder, &form);
    }
    let snapshots = match (&arguments.capture, &arguments.proc_net_dev) {
        (Some(file), _) => capture::load_within(file, arguments.max_size)?.snapshots,
        (None, Some(file)) => vec![capture::load_text(file, arguments.xfrm_stat.as_deref())?],
        (None, None) => {
            let vici = vici(&arguments.vici);
            live(collect::snapshot_for_report(Some(vici)), arguments.interval, vici)
        }
    };
    report(snapshots, None, other, asked, &form)
}

/// `show` of a folder of captures.
fn overview(folder: &Path, form: &Form) -> Result<String> {
    let overview = given::folder(folder)?;
    match form.format {
        Format::Text => Ok(render::overview::overview(&overview, form.width)),
        Format::Json => json::write(&overview),
        Format::Yaml => yaml::write(&overview),
    }
}

/// `show` as VyOS runs it: of this system, now.
fn op_mode_show(arguments: &cli::internal::OpModeShow, width: usize) -> Result<String> {
    // It starts journalctl, which gets nothing of whoever called.
    collect::close_inherited();
    let name = arguments.intf_name.as_deref().map(interface).transpose()?;
    let format = if arguments.raw { Format::Json } else { Format::Text };
    let vici = Path::new(collect::VICI_SOCKET);
    report(
        live(collect::snapshot_for_report(Some(vici)), None, vici),
        None,
        None,
        name.into(),
        &Form { format, shown: if arguments.detail { Shown::Detail } else { Shown::Page }, width },
    )
}

/// The names that VyOS's shell offers, in the order of their numbers.
fn op_mode_names() -> String {
    let mut names = collect::vti_names();
    names.retain(|name| interface(name.as_ref()).is_ok());
    names.sort_by(|a, b| a.len().cmp(&b.len()).then(a.cmp(b)));
    names.dedup();
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// How a report is written.
struct Form {
    format: Format,
    shown: Shown,
    width: usize,
}

fn report(
    snapshots: Vec<Snapshot>,
    input: Option<Input>,
    other: Option<Vec<Snapshot>>,
    asked: Asked<'_>,
    form: &Form,
) -> Result<String> {
    // With the report the process ends, and the kernel takes its memory back at once. To take a thousand tunnels apart costs time.
    let (snapshots, other) = (ManuallyDrop::new(snapshots), ManuallyDrop::new(other));
    let observed = observation(&snapshots)?;
    let extent = match (form.format, form.shown) {
        (Format::Text, Shown::Page | Shown::All) => Extent::Page,
        _ => Extent::Everything,
    };
    let report = match other.as_deref() {
        Some(other) => diagnose::run_both_ends(extent, &observed, &observation(other)?, asked)?,
        None => diagnose::run_to(extent, &observed, asked)?,
    };
    let report = ManuallyDrop::new(Report { input, ..report });
    match form.format {
        Format::Text => Ok(text::report(&report, form.width, form.shown)),
        Format::Json => json::write(&*report),
        Format::Yaml => yaml::write(&*report),
    }
}

fn lookup(arguments: &cli::Lookup, width: usize) -> Result<String> {
    let snapshot = match &arguments.capture {
        Some(file) => {
            capture::load_within(file, arguments.max_size)?.snapshots.pop().ok_or_else(empty)?
        }
        None => live_with_route(arguments, vici(&arguments.vici)),
    };
    let interface = &arguments.interface;
    let source = match arguments.source {
        Some(source) => source,
        None if arguments.decrypted || arguments.encrypted => {
            let what =
                "--decrypted and --encrypted go with --source: the packet comes from elsewhere";
            return Err(Error::IncorrectValue(what.to_owned()));
        }
        None => diagnose::own_source(&snapshot, interface, arguments.destination)?,
    };
    let flow = flow(arguments, source)?;
    let from = arguments.in_interface.as_deref();
    let spi = arguments.spi.map(Spi);
    let report = match spi {
        Some(spi) if arguments.encrypted => {
            let outer = Outer { source: flow.source, destination: flow.destination, spi };
            let in_udp = arguments.in_udp;
            diagnose::lookup_encrypted(&snapshot, interface, &outer, in_udp, flow.mark)?
        }
        _ if arguments.decrypted => diagnose::lookup_decrypted(&snapshot, interface, &flow, spi)?,
        Some(_) => {
            let what = "--spi goes with --decrypted or --encrypted";
            return Err(Error::IncorrectValue(what.to_owned()));
        }
        None => match &arguments.peer_capture {
            Some(file) => {
                let other = given::samples(file, arguments.max_size)?.pop();
                let other = other.ok_or_else(empty)?;
                diagnose::lookup_both_ends(&snapshot, &other, interface, &flow, from)?
            }
            None => diagnose::lookup(&snapshot, interface, &flow, from)?,
        },
    };
    match arguments.output.format() {
        Format::Text => Ok(text::lookup(&report, width)),
        Format::Json => json::write(&report),
        Format::Yaml => yaml::write(&report),
    }
}

/// The packet that is asked for: a ping, unless a protocol is given.
fn flow(arguments: &cli::Lookup, source: IpAddr) -> Result<Flow> {
    let destination = arguments.destination;
    let (ping, echo_request) = match (source, destination) {
        (IpAddr::V4(_), IpAddr::V4(_)) => (ICMP, 8),
        (IpAddr::V6(_), IpAddr::V6(_)) => (ICMPV6, 128),
        _ => {
            return Err(Error::IncorrectValue(format!(
                "source {source} and destination {destination} are not of one address family"
            )));
        }
    };
    let protocol = arguments.protocol.unwrap_or(ping);
    let default_type = if protocol == ping { echo_request } else { 0 };
    Ok(Flow {
        source,
        destination,
        protocol,
        source_port: arguments.source_port.unwrap_or(default_type),
        destination_port: arguments.destination_port.unwrap_or(0),
        mark: arguments.mark,
        size: arguments.size,
        dont_fragment: !arguments.no_dont_fragment,
    })
}

fn write_capture(arguments: &cli::Capture) -> Result<String> {
    let vici = vici(&arguments.vici);
    let mut taken = match &arguments.capture {
        Some(file) => capture::load_within(file, arguments.max_size)?,
        None => Capture {
            schema: capture::SCHEMA,
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            redacted: false,
            snapshots: live(collect::snapshot(&[], Some(vici)), arguments.interval, vici),
        },
    };
    if arguments.redact {
        taken = match &arguments.redact_with {
            Some(file) => {
                let other = capture::load_within(file, arguments.max_size)?;
                capture::redact_beside(taken, &other)?
            }
            None => capture::redact(taken)?,
        };
    }
    // As it is written: the text would be as large again.
    let text = |out: &mut dyn Write| capture::write(taken, out);
    match &arguments.output {
        None => output::print_pieces(text)?,
        Some(file) => output::save(file, output::Readers::Owner, text)?,
    }
    Ok(String::new())
}

fn record(arguments: &cli::Record) -> Result<String> {
    let lines = LineQueue::stdout()?;
    let recorded = record::run(record::Options {
        directory: &arguments.directory,
        limit: arguments.size * 1024 * 1024,
        vici: vici(&arguments.vici).to_path_buf(),
        metrics: arguments.metrics.clone().map(|file| -> record::WriteMetrics {
            Box::new(move |text| monitoring::write_metrics(&file, text))
        }),
        // The recording is worth more than its lines.
        say: &mut |line| drop(lines.tell(line)),
    });
    let _ = lines.finish("");
    recorded.map(|()| String::new())
}

fn history(arguments: &cli::History, width: usize) -> Result<String> {
    let (zone, now_ms) = (collect::zone(), collect::now_ms());
    let since = arguments.since.as_deref().map(|text| history::since(text, now_ms, &zone));
    let question =
        Question { interface: arguments.interface.as_deref(), from_ms: since.transpose()?, now_ms };
    let shown = if arguments.detail { Shown::Detail } else { Shown::Page };
    let form = Form { format: arguments.output.format(), shown, width };
    recorded(&arguments.directory, &question, &form)
}

/// `history` as VyOS runs it: of the recorder of the package.
fn op_mode_history(arguments: &cli::internal::OpModeHistory, width: usize) -> Result<String> {
    let interface = arguments.intf_name.as_deref().map(interface).transpose()?;
    let format = if arguments.raw { Format::Json } else { Format::Text };
    let question = Question { interface, from_ms: None, now_ms: collect::now_ms() };
    recorded(journal::DIRECTORY.as_ref(), &question, &Form { format, shown: Shown::Page, width })
}

/// Why there is no journal, and what to do.
const fn not_recorded(state: journal::State) -> &'static str {
    match state {
        journal::State::Running => ", and the recorder runs",
        journal::State::Ended => {
            ": the journal was removed, and no recorder runs now; to start it: sudo systemctl start vti-diagnostics-recorder"
        }
        journal::State::NeverRan => {
            ": no recorder has run; to begin: sudo systemctl enable --now vti-diagnostics-recorder"
        }
        journal::State::Unknown => ", and whether a recorder runs could not be read",
    }
}

/// A journal that cannot be read, and what the recorder does.
fn beside(error: Error, state: journal::State) -> Error {
    let state = match state {
        journal::State::Running => "; the recorder runs",
        journal::State::Ended | journal::State::NeverRan => "; no recorder runs now",
        journal::State::Unknown => "",
    };
    match error {
        Error::IncorrectValue(sentence) => Error::IncorrectValue(sentence + state),
        Error::DataUnavailable(sentence) => Error::DataUnavailable(sentence + state),
        Error::PermissionDenied(sentence) => Error::PermissionDenied(sentence + state),
        error => error,
    }
}

fn recorded(directory: &Path, question: &Question<'_>, form: &Form) -> Result<String> {
    let contents =
        journal::read(directory).map_err(|error| beside(error, journal::state(directory)))?;
    let contents = contents.ok_or_else(|| {
        let state = not_recorded(journal::state(directory));
        Error::DataUnavailable(format!("nothing is recorded in {}{state}", directory.display()))
    })?;
    let exists = |name: &str| {
        history::names(&contents, name) || collect::vti_names().iter().any(|vti| vti == name)
    };
    if let Some(name) = question.interface.filter(|name| !exists(name)) {
        return Err(Error::UnconfiguredObject(format!(
            "there is no VTI {name}, and nothing is recorded of one"
        )));
    }
    let report = history::report(&contents, question);
    match form.format {
        Format::Text => {
            let clock = Clock::new(collect::zone());
            Ok(render::history::history(&report, &clock, form.width, form.shown == Shown::Detail))
        }
        Format::Json => json::write(&report),
        Format::Yaml => yaml::write(&report),
    }
}

fn monitor(arguments: &cli::Monitor) -> Result<String> {
    let (stdout, queue) = (std::io::stdout(), LineQueue::stdout()?);
    let mut lines = render::monitor::Lines::new(Clock::new(collect::zone()));
    let monitored = monitor::run(monitor::Options {
        interface: arguments.interface.as_deref(),
        interval: Duration::from_secs(arguments.interval.into()),
        vici: vici(&arguments.vici),
        outputs: &[stdout.as_fd(), queue.failed()],
        say: &mut |turn| lines.of(turn).iter().try_for_each(|line| queue.tell(line)),
    });
    let finished = queue.finish("");
    finished.and(monitored).map(|()| String::new())
}

fn watch_drops(arguments: &cli::Drops, width: usize) -> Result<String> {
    if arguments.stop {
        return Ok(render::drops::stopped(&drops::stop()?, width));
    }
    let (stdout, queue) = (std::io::stdout(), LineQueue::stdout()?);
    let clock = Clock::new(collect::zone());
    let is_json = arguments.format == LineFormat::Json;
    let watched = drops::run(drops::Options {
        duration: Duration::from_secs(arguments.duration.into()),
        interface: arguments.interface.as_deref(),
        max_rate: arguments.max_rate,
        said: match (arguments.each, is_json) {
            (true, _) => Said::Each,
            (false, false) => Said::First,
            (false, true) => Said::None,
        },
        outputs: &[stdout.as_fd(), queue.failed()],
        say: &mut |line| {
            let line = match is_json {
                true => json::line(line).map_err(std::io::Error::other)?,
                false => render::drops::line(line, &clock),
            };
            Ok(queue.say(&line)? == line_queue::Said::Queued)
        },
    });
    let end = watched.and_then(|report| match is_json {
        true => render::drops::end_json(&report),
        false => Ok(render::drops::end(&report, &clock, width)),
    });
    let finished = queue.finish(end.as_deref().unwrap_or_default());
    end.and(finished).map(|()| String::new())
}

/// The second process of `drops`.
fn guard(arguments: &cli::internal::DropsGuardian) -> Result<String> {
    let duration = Duration::from_secs(arguments.seconds.into());
    collect::drops::guard(arguments.loaded, duration).map(|()| String::new())
}

fn explain(code: Option<&str>, width: usize) -> Result<String> {
    let Some(asked) = code else {
        let entry = |d: &'static Diagnosis| explain::Entry { code: d.code, explain: d.explain };
        return Ok(explain::list(DIAGNOSES.iter().map(entry), width));
    };
    let lowercase = asked.to_ascii_lowercase();
    let code: Option<Code> = lowercase.parse().ok();
    let found = DIAGNOSES.iter().find(|d| Some(d.code) == code || d.code.name() == lowercase);
    let system = System::of_host(&collect::host(), collect::has_charon());
    let entry = |diagnosis: &Diagnosis| {
        let text = explanation::expand(diagnosis.explain, system);
        explain::entry(&explain::Entry { code: diagnosis.code, explain: &text }, width)
    };
    found.map(entry).ok_or_else(|| {
        Error::IncorrectValue(format!(
            "no finding has the code or name {asked}; `vti-diagnostics explain` lists them all"
        ))
    })
}

/// This system now, with the kernel's answer for the route of the packet itself, in the VRF of the interface.
fn live_with_route(arguments: &cli::Lookup, vici: &Path) -> Snapshot {
    let query = |read: &Snapshot| {
        let mut links = read.links.iter().flatten();
        let ifindex = links.find(|l| l.name == arguments.interface).map(|link| link.ifindex);
        vec![RouteQuery {
            destination: arguments.destination,
            source: arguments.source,
            mark: arguments.mark,
            vrf: ifindex.and_then(|index| read.vrf_of(index).ok().flatten()),
        }]
    };
    collect::snapshot_asking(query, Some(vici))
}
