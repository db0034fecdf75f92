//! Build script: writes the man page and the shell completions from the command line in `src/cli.rs` and below. It reads nothing else.
//! They go to OUT_DIR, and to the directory in VTI_DIAGNOSTICS_ASSETS where a package build asks for them.

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::{Path, PathBuf};
use std::{env, error, fs, io};

#[allow(dead_code, reason = "the program uses what this script does not")]
#[path = "src/cli.rs"]
mod cli;

/// The sections of the man page that the command line does not tell.
const SECTIONS: &str = r#".SH VERDICTS
.TP
.B ok
Everything that is needed was read, and nothing is wrong.
.TP
.B notice
Worth knowing; nothing is lost now.
.TP
.B unknown
Nothing wrong was found, but something that is needed could not be read. Most often the command was not run as root.
.TP
.B warning
Some traffic is or will be lost.
.TP
.B FAULT
The tunnel does not do its work.
.PP
A finding is
.I proven
where the state that was read makes every such packet fail,
.I consistent
where counters and state fit and nothing else that was read does, and
.I possible
where it is one of several that fit.
.SH EXIT STATUS
.TP
.B 0
The question could be answered, whatever the answer.
.TP
.B 1
It could not be answered, or the arguments are wrong. Standard error has one sentence that says why.
.SH EXAMPLES
All tunnels, and what rises within ten seconds:
.PP
.RS 4
.nf
sudo vti\-diagnostics show \-\-interval 10
.fi
.RE
.PP
Everything about one tunnel, for a ticket:
.PP
.RS 4
.nf
sudo vti\-diagnostics show \-\-interface vti1 \-\-detail
.fi
.RE
.PP
What becomes of a packet, step by step:
.PP
.RS 4
.nf
sudo vti\-diagnostics lookup \-\-interface vti1 \-\-source 10.0.0.1 \e
    \-\-destination 10.9.1.5 \-\-protocol tcp \-\-destination\-port 443
.fi
.RE
.PP
Take a capture on a router, diagnose it elsewhere:
.PP
.RS 4
.nf
sudo vti\-diagnostics capture \-\-interval 10 \-\-redact \-\-output gw1.yaml
vti\-diagnostics show \-\-capture gw1.yaml
.fi
.RE
.PP
Redact a capture that exists:
.PP
.RS 4
.nf
vti\-diagnostics capture \-\-redact \-\-capture gw1.yaml \-\-output redacted.yaml
.fi
.RE
.PP
All there is to say from a saved counter table:
.PP
.RS 4
.nf
vti\-diagnostics show \-\-proc\-net\-dev dev.txt
.fi
.RE
.PP
What a finding means and what to do:
.PP
.RS 4
.nf
vti\-diagnostics explain VTI\-111
.fi
.RE
.SH FILES
.TP
.I /proc/net/dev
The counters that operators see. Its carrier column is a sum; the counter itself is read over netlink.
.TP
.I /proc/net/xfrm_stat
Errors of the IPsec stack. The kernels of VyOS are built without it; it is used where it exists.
.TP
.I /var/lib/vti\-diagnostics/journal
What the recorder saw: record writes it, history and show read it. It has 8 MiB at most, together with
.IR journal.1 ,
the older half.
.SH REDACTED CAPTURES
.B capture \-\-redact
replaces addresses and names, the same ones always by the same, so that the diagnosis stays. With
.B \-\-capture
it redacts a capture that exists. What is left of the original:
.TP
Addresses
The family; whether one is private, CGNAT, loopback, link-local, multicast, reserved or public; which are equal and which share a prefix; prefix lengths. A prefix that contains a private range or another class, and one of IPv4 that is shorter than /8, stays as it is.
.TP
Names
Interface names that systems give (eth0, vti1). Of peers, connections, children and identities: which are equal, and which belong together.
.TP
charon
States, tasks, modes, actions, unique ids, its version, since when it runs; of its log, which known messages occurred, and for which peer by number.
.TP
Numbers and words of the system
SPIs, reqids, marks, if_ids, table numbers, priorities, protocols, ports, counters, limits, times, sysctls, ifindexes, link kinds; versions of the kernel, of VyOS and of this program.
.SH NOTES
Security associations and policies are shown by the kernel to root only (CAP_NET_ADMIN). Without that, the answer rests on the counters, and says so.
.PP
Keys are never read: they are skipped in what the kernel sends, and have no place in a capture.
.PP
A capture may come from a stranger. It may have 64 MiB
.RB ( \-\-max\-size
reads more) and 64 levels, and takes at most five times its size in memory. YAML with aliases, merge keys, tags of other programs or directives is refused.
.SH SEE ALSO
.BR ip\-xfrm (8),
.BR ip\-link (8),
.BR ip\-tunnel (8),
.BR swanctl (8)
"#;

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/cli.rs");
    println!("cargo::rerun-if-changed=src/cli/values.rs");
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
    fs::write(directory.join("vti-diagnostics.8"), man_page(command)?)
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

/// One page for all commands; no date, so that two builds are the same.
fn man_page(mut command: Command) -> io::Result<Vec<u8>> {
    command.build();
    let man = Man::new(command.clone()).section("8").manual("System Administration");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    page.extend_from_slice(b".SH SYNOPSIS\n");
    for (n, subcommand) in command.get_subcommands().enumerate() {
        if n > 0 {
            page.extend_from_slice(b".br\n");
        }
        page.extend_from_slice(synopsis(subcommand).as_bytes());
    }
    man.render_description_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    for subcommand in command.get_subcommands() {
        let mut options = Vec::new();
        let without_help = subcommand.clone().mut_arg("help", |help| help.hide(true));
        Man::new(without_help).render_options_section(&mut options)?;
        let options = String::from_utf8_lossy(&options).replace(".SH OPTIONS\n", "");
        let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
        let heading = format!(".SS {}\n{about}.\n", subcommand.get_name());
        page.extend_from_slice(heading.as_bytes());
        page.extend_from_slice(options.as_bytes());
    }
    page.extend_from_slice(SECTIONS.as_bytes());
    Ok(page)
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
