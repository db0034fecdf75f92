//! Build script: writes the man pages and the shell completions. What the command line in `src/cli.rs` and below says comes from there; the
//! chapters of the pages are in `src/man/`. They go to OUT_DIR, and to the directory in VTI_DIAGNOSTICS_ASSETS where a package build asks
//! for them.

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::{Path, PathBuf};
use std::{env, error, fs, io};

#[allow(dead_code, reason = "the program uses what this script does not")]
#[path = "src/cli.rs"]
mod cli;

/// The man pages: name, and chapters with a line `.\" cli: …` for each part that comes from the command line.
const PAGES: &[(&str, &str)] = &[
    ("vti-diagnostics", include_str!("src/man/vti-diagnostics.8")),
    ("vti-diagnostics-recorder", include_str!("src/man/vti-diagnostics-recorder.8")),
];

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/cli.rs");
    println!("cargo::rerun-if-changed=src/cli");
    println!("cargo::rerun-if-changed=src/man");
    println!("cargo::rerun-if-env-changed=VTI_DIAGNOSTICS_ASSETS");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    for directory in [Some(out), env::var_os("VTI_DIAGNOSTICS_ASSETS")].into_iter().flatten() {
        write(&PathBuf::from(directory))?;
    }
    Ok(())
}

fn write(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut command = public();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "vti-diagnostics", directory)?;
    }
    for (name, chapters) in PAGES {
        fs::write(directory.join(format!("{name}.8")), man_page(name, chapters, &command)?)?;
    }
    Ok(())
}

/// The command line without the commands that only VyOS and the package run.
fn public() -> Command {
    let all = cli::Arguments::command();
    let shown = all.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()).cloned();
    Command::new("vti-diagnostics")
        .version(env!("CARGO_PKG_VERSION"))
        .about(all.get_about().cloned().unwrap_or_default())
        .long_about(all.get_long_about().cloned().unwrap_or_default())
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .subcommands(shown)
}

/// The chapters, with the parts that come from the command line; no date, so that two builds are the same.
fn man_page(name: &str, chapters: &str, command: &Command) -> io::Result<Vec<u8>> {
    let mut command = command.clone();
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    for line in chapters.lines() {
        let Some(part) = line.strip_prefix(".\\\" cli: ") else {
            page.extend_from_slice(line.as_bytes());
            page.push(b'\n');
            continue;
        };
        let (part, names) = part.split_once(' ').unwrap_or((part, ""));
        let named =
            |sub: &&Command| names.is_empty() || names.split(' ').any(|n| n == sub.get_name());
        let subcommands = command.get_subcommands().filter(named);
        match part {
            "title" => page.extend_from_slice(title(name).as_bytes()),
            "name" => man.render_name_section(&mut page)?,
            "description" => man.render_description_section(&mut page)?,
            "synopsis" => {
                let lines: Vec<String> = subcommands.map(synopsis).collect();
                page.extend_from_slice(lines.join(".br\n").as_bytes());
            }
            "options" => {
                for subcommand in subcommands {
                    page.extend_from_slice(options(subcommand)?.as_bytes());
                }
            }
            _ => return Err(io::Error::other(format!("src/man/{name}.8: {line}"))),
        }
    }
    Ok(page)
}

/// With an empty date. clap_mangen leaves it out, and groff takes the version for it.
fn title(name: &str) -> String {
    let name = name.replace('-', "\\-");
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {name} 8 \"\" \"vti\\-diagnostics {version}\" \"System Administration\"\n")
}

/// What a command does, and its options.
fn options(subcommand: &Command) -> io::Result<String> {
    let mut options = Vec::new();
    let without_help = subcommand.clone().mut_arg("help", |help| help.hide(true));
    Man::new(without_help).render_options_section(&mut options)?;
    let options = String::from_utf8_lossy(&options).replace(".SH OPTIONS\n", "");
    let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
    Ok(format!(".SS {}\n{about}.\n{options}", subcommand.get_name()))
}

/// `vti-diagnostics lookup --interface IF … [--mark MARK]` with bold and italics.
fn synopsis(command: &Command) -> String {
    let mut line = format!("\\fBvti\\-diagnostics {}\\fR", command.get_name());
    for argument in command.get_arguments().filter(|a| !a.is_hide_set() && a.get_id() != "help") {
        let text = usage(argument);
        line += &if argument.is_required_set() { format!(" {text}") } else { format!(" [{text}]") };
    }
    line + "\n"
}

fn usage(argument: &Arg) -> String {
    let option =
        argument.get_long().map(|name| format!("\\fB\\-\\-{}\\fR", name.replace('-', "\\-")));
    let takes_value = argument.get_action().takes_values();
    let value = argument.get_value_names().filter(|_| takes_value).map(|names| {
        names.iter().map(|name| format!("\\fI{name}\\fR")).collect::<Vec<_>>().join(" ")
    });
    [option, value].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
