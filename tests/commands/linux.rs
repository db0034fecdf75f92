//! What is typed at a shell of Linux: each program with the Debian package that has it, and the forms of arguments that its manual gives, as
//! far as the program's texts name them. `_` is any one word, `...` any more. Also the words of a line as a shell takes them apart.

/// A form of a program's arguments: `program arguments`, with the options that may stand between left out.
struct Program {
    name: &'static str,
    /// The Debian package; "VyOS" where only VyOS has it.
    package: &'static str,
    /// Whether a user who is not root gets nothing of it.
    root: bool,
    /// Options that change nothing but how much it says.
    options: &'static [&'static str],
    forms: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "ip",
        package: "iproute2",
        root: false,
        options: &["-d", "-s", "-brief", "-6", "-4"],
        forms: &[
            "link show",
            "link show dev _",
            "link show type vrf",
            "link set _ up",
            "link set _ down",
            "link set _ mtu _",
            "link set dev _ addrgenmode none",
            "addr flush dev _",
            "address",
            "address show",
            "rule show",
            "neighbour show",
            "neighbour show dev _",
            "route show dev _",
            "route show table _",
            "route show table all dev _",
            "route get _",
            "route get _ from _",
            "route get _ mark _",
            "route get _ from _ mark _",
            "route get _ vrf _",
            "route get _ from _ vrf _",
            "route get _ from _ mark _ vrf _",
            "route add _ dev _",
            "route add _ via _",
            "route replace _ dev _",
            "route del _ dev _",
            "route delete default table _",
            "netns list-id",
            // nokeys: iproute2 5.1, a6af9f2e ("xfrm: add option to hide keys in state output").
            "xfrm state list nokeys",
            "netns exec _ ip xfrm state list nokeys",
            "netns exec _ ip xfrm policy list",
            "xfrm state count",
            "xfrm policy count",
            "xfrm policy list",
            "xfrm policy list dir out",
            "xfrm policy list dir in",
            "xfrm policy list dir fwd",
            "xfrm policy getdefault",
            "xfrm policy setdefault out accept",
            "xfrm monitor nokeys expire",
        ],
    },
    // strongSwan, src/swanctl/commands: list_sas.c, list_conns.c, list_pols.c, initiate.c, terminate.c, rekey.c.
    Program {
        name: "swanctl",
        package: "strongswan-swanctl",
        root: true,
        options: &["--raw"],
        forms: &[
            "--list-sas",
            "--list-conns",
            "--list-pols",
            "--initiate --child _",
            "--terminate --child _",
            "--terminate --ike _",
            "--rekey --child _",
        ],
    },
    // libreswan, programs/ipsec: its status lists connections and SAs, and no secret.
    Program {
        name: "ipsec",
        package: "libreswan",
        root: true,
        options: &[],
        forms: &["status", "trafficstatus", "auto --down _", "auto --up _"],
    },
    Program {
        name: "nft",
        package: "nftables",
        root: true,
        options: &["-a"],
        forms: &["list ruleset", "list chain _ _ _", "add rule _ _ _ ..."],
    },
    Program {
        name: "journalctl",
        package: "systemd",
        root: false,
        options: &["-b"],
        forms: &["", "-u _", "-u _ --since _", "-t _ -t _ -t _ --since _"],
    },
    Program {
        name: "systemctl",
        package: "systemd",
        root: false,
        options: &["--now"],
        forms: &["status _", "start _", "restart _", "enable _", "disable _"],
    },
    Program {
        name: "sysctl",
        package: "procps",
        root: true,
        options: &["-w"],
        forms: &["_", "_ _"],
    },
    Program {
        name: "tcpdump",
        package: "tcpdump",
        root: true,
        options: &[],
        forms: &["-ni _", "-ni _ ..."],
    },
    Program {
        name: "ping",
        package: "iputils-ping",
        root: false,
        options: &[],
        forms: &["_", "-M do -s _ _"],
    },
    Program {
        name: "nstat",
        package: "iproute2",
        root: false,
        options: &[],
        forms: &["-az _", "-as"],
    },
    Program { name: "ss", package: "iproute2", root: true, options: &[], forms: &["-0p"] },
    // tc_filter.c: without a device it lists nothing. tc_qdisc.c lists those of all.
    Program {
        name: "tc",
        package: "iproute2",
        root: false,
        options: &["-s"],
        forms: &[
            "filter show dev _ ingress",
            "filter show dev _",
            "qdisc show",
            "qdisc show dev _",
        ],
    },
    Program { name: "dmesg", package: "util-linux", root: true, options: &[], forms: &[""] },
    Program { name: "uname", package: "coreutils", root: false, options: &[], forms: &["-r"] },
    Program { name: "uptime", package: "procps", root: false, options: &[], forms: &[""] },
    Program {
        name: "cat",
        package: "coreutils",
        root: false,
        options: &[],
        forms: &["/proc/net/dev", "/proc/net/xfrm_stat", "/tmp/ipsec_vti_interfaces"],
    },
    Program { name: "grep", package: "grep", root: false, options: &["-F"], forms: &["_", ". _"] },
    Program {
        name: "vppctl",
        package: "VyOS",
        root: true,
        options: &[],
        forms: &["show errors", "show interface", "show trace", "trace add _ _"],
    },
    // Its arguments are tried with its own command line.
    Program {
        name: "vti-diagnostics",
        package: "vti-diagnostics",
        root: true,
        options: &[],
        forms: &["..."],
    },
];

/// Whether a program of the list, with arguments that it takes; `is_root` where whoever types it is root, or says sudo.
pub fn check(words: &[String], is_root: bool, is_vyos: bool) -> Result<(), String> {
    let (name, arguments) = words.split_first().ok_or("nothing to run")?;
    let (name, arguments, is_root) = match (name.as_str(), arguments.split_first()) {
        ("sudo", Some((name, arguments))) => (name, arguments, true),
        _ => (name, arguments, is_root),
    };
    let program = PROGRAMS.iter().find(|program| program.name == name);
    let program = program.ok_or_else(|| format!("unknown program: {name}"))?;
    if program.package == "VyOS" && !is_vyos {
        return Err(format!("{name} is of VyOS"));
    }
    let changes = || {
        let line = arguments.join(" ");
        ["set", "add", "delete", "replace", "setdefault", "xfrm"].iter().any(|word| {
            name == "ip" && line.split(' ').any(|w| w == *word) && !line.contains("route get")
        })
    };
    if !is_root && (program.root || changes()) {
        return Err(format!("{name} needs root"));
    }
    if name == "vti-diagnostics" {
        use clap::Parser;
        // `--source A --destination B`: addresses that the reader fills in.
        let example = ["192.0.2.1".to_owned()];
        let is_place = |word: &String| ["A", "B"].contains(&word.as_str());
        let filled = arguments.iter().map(|word| if is_place(word) { &example[0] } else { word });
        let words = std::iter::once(name).chain(filled);
        let parsed = vti_diagnostics::cli::Arguments::try_parse_from(words);
        return parsed.map(|_| ()).map_err(|error| error.to_string());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let arguments: Vec<&str> =
        arguments.into_iter().filter(|a| !program.options.contains(a)).collect();
    let fits = |form: &&str| {
        let mut given = arguments.iter();
        for part in form.split(' ').filter(|part| !part.is_empty()) {
            match (part, given.next()) {
                ("...", Some(_)) => return true,
                (_, None) => return false,
                ("_", Some(_)) => {}
                (literal, Some(word)) if literal == *word => {}
                _ => return false,
            }
        }
        given.next().is_none()
    };
    let known = program.forms.iter().any(fits);
    if known {
        Ok(())
    } else {
        Err(format!("unknown arguments of {name}: {}", arguments.join(" ")))
    }
}

/// A command of a line, and what comes before it: `;` or nothing, or `|`.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub piped: bool,
    pub words: Vec<String>,
}

/// The words of a line, as a shell takes it apart at blanks, quotes, `;` and `|`.
pub fn parts(line: &str) -> Result<Vec<Part>, String> {
    let mut parts = vec![Part { piped: false, words: Vec::new() }];
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    let end = |parts: &mut Vec<Part>, word: &mut Option<String>| {
        if let (Some(part), Some(word)) = (parts.last_mut(), word.take()) {
            part.words.push(word);
        }
    };
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, ' ') => end(&mut parts, &mut word),
            (None, ';' | '|') => {
                end(&mut parts, &mut word);
                parts.push(Part { piped: c == '|', words: Vec::new() });
            }
            (None, '&' | '<' | '>' | '`' | '$' | '(' | ')') => {
                return Err(format!("a shell's {c}"));
            }
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    end(&mut parts, &mut word);
    if quote.is_some() { Err("an open quote".into()) } else { Ok(parts) }
}
