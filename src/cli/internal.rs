//! The commands that no operator types: those of VyOS's operational mode, of the package, and the second process of `drops`. Like `cli.rs`, it
//! uses clap and std only.

use clap::{Args, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// What `drops` starts its second process with.
#[derive(Debug, Args)]
pub struct DropsGuardian {
    /// The module was there before
    #[arg(long)]
    pub loaded: bool,
    /// What the first process has
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=300))]
    pub seconds: u16,
}

/// The commands of `op-mode`.
#[derive(Debug, Subcommand)]
pub enum OpMode {
    /// Diagnose the VTIs of this system
    #[command(disable_help_flag = true)]
    Show(OpModeShow),
    /// Show the recorded losses: when, how many, why
    #[command(disable_help_flag = true)]
    History(OpModeHistory),
    /// The names of the VTIs, a line each
    #[command(disable_help_flag = true)]
    CompleteInterfaces,
}

/// Arguments of `op-mode show`: nothing that could name a file.
#[derive(Debug, Args)]
pub struct OpModeShow {
    /// Only this VTI; it may be any bytes, and is checked where it is used
    #[arg(long, value_name = "IF", allow_hyphen_values = true)]
    pub intf_name: Option<OsString>,
    /// Also show counters, flows, and what was ruled out
    #[arg(long)]
    pub detail: bool,
    /// JSON
    #[arg(long)]
    pub raw: bool,
}

/// Arguments of `op-mode history`, likewise.
#[derive(Debug, Args)]
pub struct OpModeHistory {
    /// Only this VTI
    #[arg(long, value_name = "IF", allow_hyphen_values = true)]
    pub intf_name: Option<OsString>,
    /// JSON
    #[arg(long)]
    pub raw: bool,
}

/// The commands of `vyos`, for the package.
#[derive(Debug, Subcommand)]
pub enum Vyos {
    /// Write the node.def files, when the package is built
    NodeDefs {
        /// The directory that stands for VyOS's tree of templates
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Put the commands into VyOS's cache, or take them out
    OpCache {
        /// What to do with them
        #[arg(value_enum)]
        change: Change,
        /// The cache; where it does not exist there is nothing to do
        #[arg(long, value_name = "FILE", default_value = "/usr/share/vyos/op_cache.json")]
        file: PathBuf,
    },
}

/// What is done to VyOS's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Change {
    /// Our commands are in it, in this version
    Install,
    /// They are not
    Remove,
}
