//! The arguments of what monitoring systems run: `metrics` and `check`. The build script reads this file too, so it uses clap and std only.

use super::values::{interface_name, size};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `metrics`.
#[derive(Debug, Args)]
pub struct Metrics {
    /// prometheus or openmetrics
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = MetricsFormat::Prometheus)]
    pub format: MetricsFormat,
    /// Write to this file, as a whole, not to stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Those of this capture, not of this system
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// The largest capture that is read
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "capture")]
    pub max_size: u64,
    /// The journal
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/var/lib/vti-diagnostics",
        conflicts_with = "capture"
    )]
    pub directory: PathBuf,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH", conflicts_with = "capture")]
    pub vici: Option<PathBuf>,
}

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "clap would take the comments for help")]
pub enum MetricsFormat {
    Prometheus,
    Openmetrics,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Only this interface
    #[arg(long, value_name = "IF", value_parser = interface_name)]
    pub interface: Option<String>,
    /// VTIs that may have a warning or a fault
    #[arg(short, long, value_name = "RANGE", default_value = "0", allow_hyphen_values = true)]
    pub warning: String,
    /// VTIs that may have a fault
    #[arg(short, long, value_name = "RANGE", default_value = "0", allow_hyphen_values = true)]
    pub critical: String,
    /// Check this capture, not this system
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// The largest capture that is read
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "capture")]
    pub max_size: u64,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH", conflicts_with = "capture")]
    pub vici: Option<PathBuf>,
}
