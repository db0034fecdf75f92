//! The runs of monitoring systems: `metrics` and `check`.

use super::answer::Answer;
use super::inputs::{empty, live, observation, vici};
use crate::output;
use std::fmt::Write;
use std::path::Path;
use vti_diagnostics::capture;
use vti_diagnostics::check::{self, Thresholds};
use vti_diagnostics::cli::monitoring::{Check, Metrics, MetricsFormat};
use vti_diagnostics::diagnose::{self, Extent};
use vti_diagnostics::error::{Error, Result};
use vti_diagnostics::{collect, journal, metrics};

/// The metrics as text, or written to a file.
pub fn metrics(arguments: &Metrics) -> Result<String> {
    let (now, recorder) = match &arguments.capture {
        Some(file) => {
            let mut capture = capture::load_within(file, arguments.max_size)?;
            let now = capture.snapshots.pop().ok_or_else(empty)?;
            let recorder = metrics::Recorder::of_capture(&now.recorded);
            (now, recorder)
        }
        None => {
            let recorder = metrics::Recorder::of(journal::Totals::read(&arguments.directory));
            (collect::snapshot_for_report(Some(vici(&arguments.vici))), recorder)
        }
    };
    let format = match arguments.format {
        MetricsFormat::Prometheus => metrics::Format::Prometheus,
        MetricsFormat::Openmetrics => metrics::Format::OpenMetrics,
    };
    let text = metrics::write(&metrics::Facts::of(&now, recorder)?, format);
    match &arguments.output {
        None => Ok(text),
        Some(file) => write_metrics(file, &text).map(|()| String::new()),
    }
}

/// Replaces the file as a whole; node_exporter, which is not root, reads it.
pub fn write_metrics(file: &Path, text: &str) -> Result<()> {
    let failed = |_| Error::DataUnavailable("cannot write the metrics".to_owned());
    let whole = |out: &mut dyn Write| out.write_str(text).map_err(failed);
    output::save(file, output::Readers::All, whole)
}

/// As a plugin: what is wrong is in the text and in the status.
pub fn check(arguments: &Check) -> Result<Answer> {
    let thresholds =
        Thresholds { warning: arguments.warning.parse()?, critical: arguments.critical.parse()? };
    let now = match &arguments.capture {
        Some(file) => capture::load_within(file, arguments.max_size)?.snapshots,
        None => {
            let vici = vici(&arguments.vici);
            live(collect::snapshot_for_report(Some(vici)), None, vici)
        }
    };
    let interface = arguments.interface.as_deref();
    let observation = observation(&now)?;
    let report = diagnose::run_to(Extent::Findings, &observation, interface)?;
    let check::Answer { status, text } = check::answer(&report, interface, &thresholds);
    Ok(Answer { text, status: status as u8 })
}
