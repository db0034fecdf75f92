//! Values from a hostile operator, through every node and straight into the entry: nothing is written, nothing is started, and one sentence
//! comes back that a terminal only shows.

use crate::trace::{self, Trace};
use crate::tree::Tree;
use crate::{ABSENT, Directory, bash, program};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use vti_diagnostics::render::escape::is_active;

/// The places of a value, each with its number among the words.
const NODES: &[(&[&str], usize)] = &[
    (&["show", "vpn", "vti-diagnostics", "interface", ABSENT], 5),
    (&["show", "vpn", "vti-diagnostics", "detail", "interface", ABSENT], 6),
    (&["show", "vpn", "vti-diagnostics", "json", "interface", ABSENT], 6),
    (&["show", "interfaces", "vti", ABSENT, "diagnostics"], 4),
    (&["show", "vpn", "vti-diagnostics", "history", "interface", ABSENT], 6),
];

/// What an operator may also call with sudo, without VyOS's shell before it.
const DIRECT: &[&str] = &[
    "show --intf-name \"${args[9]}\"",
    "show \"${args[9]}\"",
    "show --raw --detail --intf-name=\"${args[9]}\"",
    "show --capture \"${args[9]}\"",
    "show --detail --intf-name=vti0 \"${args[9]}\"",
    "history --intf-name \"${args[9]}\"",
    "history --directory \"${args[9]}\"",
    "history --raw --since=\"${args[9]}\"",
    "complete-interfaces \"${args[9]}\"",
    "\"${args[9]}\" show",
];

const REFUSED: &str = "the name of a VTI is vti and a number, such as vti0";

const WRITTEN: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "vti",
    "VTI0",
    "vti-1",
    "vti0 ",
    " vti0",
    "vti0\n",
    "vti0\nvti1",
    "vti0 vti1",
    "eth0",
    "lo",
    "all",
    "vti900000000001",
    "vti999999999999",
    "vti9999999999999",
    "vti٣",
    "vti²",
    "vti0.1",
    "vti0@eth0",
    "vti0x",
    "0",
    "-",
    "--",
    "---",
    "--help",
    "-h",
    "--version",
    "-V",
    "help",
    "--capture=/etc/shadow",
    "--capture",
    "--output=witness",
    "--output",
    "--proc-net-dev=/etc/shadow",
    "--intf-name=vti0",
    "--format=yaml",
    "--interval=3600",
    "--interface=vti0",
    "capture",
    "vyos",
    "op-cache",
    "node-defs",
    "show",
    "complete",
    "'",
    "\"",
    "\\",
    "'; touch witness; '",
    "\"; touch witness; \"",
    "\\\"; touch witness",
    "$(touch witness)",
    "`touch witness`",
    "${IFS}touch${IFS}witness",
    "$((1/0))",
    "$HOME",
    "${args[1]}",
    "$1",
    "{{interface-tag_value}}",
    "; touch witness",
    "| touch witness",
    "& touch witness",
    "&& touch witness",
    "|| touch witness",
    "> witness",
    ">> witness",
    "< /etc/shadow",
    "vti0;touch witness",
    "vti0>witness",
    "vti0|tee${IFS}witness",
    "/",
    "//",
    ".",
    "..",
    "../..",
    "../detail",
    "../../../../etc/passwd",
    "/etc/passwd",
    "/dev/stdin",
    "/proc/self/environ",
    "/dev/tcp/127.0.0.1/1",
    "file:///etc/passwd",
    "*",
    "?",
    "[a-z]*",
    "vti?",
    "vti*",
    "/et*",
    "/etc/*",
    "{a,b}",
    "~",
    "~root",
    "!!",
    "!1",
    "#",
    "%s%s%n",
    "%n",
    "\u{1b}[2J",
    "\u{1b}]0;owned\u{7}",
    "\u{1b}[31mvti0",
    "\u{9b}2J",
    "\u{7}",
    "\u{8}\u{8}\u{8}",
    "\r",
    "vti0\r",
    "\u{7f}",
    "\u{202e}0itv",
    "\u{200b}vti0",
    "\u{feff}vti0",
    "\u{ad}",
    "node.tag",
    "node.def",
    "node",
    "d",
    "detail",
    "b",
    "brief",
    "interface",
    "json",
    "-e",
    "-n",
    "-0",
    "+x",
    "=",
    "a=b",
    "vti0=1",
    "LD_PRELOAD=x",
    "\u{1}\u{2}\u{3}",
];

/// The written ones, and generated ones of every kind; always the same.
fn values() -> Vec<OsString> {
    let mut values: Vec<OsString> = WRITTEN.iter().map(OsString::from).collect();
    for text in
        [b"vti\xff".as_slice(), b"\xff\xfe", b"\xc3", b"vti0\x80", b"\xed\xa0\x80", b"\xf5\x80"]
    {
        values.push(OsString::from_vec(text.to_vec()));
    }
    let long = 64 * 1024;
    for text in ["v", "vti0", "9", "$(touch witness)", "\u{1b}[2J", "--help ", "../", "'\""] {
        values.push(OsString::from(text.repeat(long / text.len())));
    }
    values.push(OsString::from(format!("vti{}", "9".repeat(long))));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    while values.len() < 1100 {
        let mut value = Vec::new();
        match random.below(4) {
            0 => (0..random.below(40)).for_each(|_| value.push(1 + random.below(255) as u8)),
            1 => {
                (0..=random.below(12)).for_each(|_| value.push(b"vti0123456789"[random.below(13)]))
            }
            _ => (0..=random.below(3)).for_each(|_| value.extend(random.written())),
        }
        values.push(OsString::from_vec(value));
    }
    values
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn written(&mut self) -> &'static [u8] {
        WRITTEN[self.below(WRITTEN.len())].as_bytes()
    }
}

/// Reads values and evaluates the line with each as the word at this place: output, status and errors, ended by NUL.
const EACH: &str = r#"
sudo() { "$@"; }
vyos_op_scripts_dir=$1 line=$2 place=$3
exec 3<"$4"
args=("" show)
while IFS= read -r -d '' value <&3; do
  args[place]=$value
  eval "$line" </dev/null 3<&-
  printf '\0%s\0' "$?"; printf '\0' >&2
done
"#;

/// What VyOS's shell makes of a word before it looks at it: unquoted, so the first field of it, after globs.
const FIRST_FIELD: &str = r#"
shopt -s nullglob
while IFS= read -r -d '' value; do
  fields=($value)
  printf '%s\0' "${fields[0]-}"
done <"$1"
"#;

/// Values and what came of each.
struct Room {
    directory: Directory,
    /// Where the lines are run; beside it are the wrapper and the values.
    work: std::path::PathBuf,
}

impl Room {
    fn new() -> Self {
        let directory = Directory::new();
        let work = directory.0.join("work");
        fs::create_dir(&work).unwrap();
        // For globs to find.
        for name in ["vti8", "vti900000000007", "touch", "a file"] {
            fs::write(work.join(name), "").unwrap();
        }
        Self { directory, work }
    }

    fn list(&self, values: &[OsString]) -> std::path::PathBuf {
        let file = self.directory.0.join("values");
        let bytes: Vec<u8> = values.iter().flat_map(|v| [v.as_bytes(), b"\0"].concat()).collect();
        fs::write(&file, bytes).unwrap();
        file
    }

    /// The sentence that came back for each value. Everything else that holds for all of them is checked here.
    fn sentences(&self, line: &str, place: usize, values: &[OsString]) -> Vec<String> {
        let before = self.contents();
        let (output, trace) = self.traced(line, place, values);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(trace.runs, values.len(), "{line}");
        assert!(trace.violations.is_empty(), "{line}: {:#?}", trace.violations);
        assert_eq!(self.contents(), before, "{line}");
        let stdout = parts(&output.stdout);
        let stderr = parts(&output.stderr);
        assert_eq!((stdout.len(), stderr.len()), (2 * values.len(), values.len()), "{line}");
        let answers = stdout.chunks(2).zip(&stderr).zip(values);
        answers.map(|((out, said), value)| sentence(said, &out[1], &out[0], value)).collect()
    }

    fn traced(
        &self,
        line: &str,
        place: usize,
        values: &[OsString],
    ) -> (std::process::Output, Trace) {
        let (scripts, file, place) =
            (self.directory.with_wrapper(), self.list(values), place.to_string());
        let arguments = [scripts.as_os_str(), line.as_ref(), place.as_ref(), file.as_os_str()];
        trace::run(EACH, &arguments, &self.work, &program())
    }

    fn contents(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(&self.work).unwrap().map(Result::unwrap);
        let mut names: Vec<(String, u64)> = entries
            .map(|e| (e.file_name().into_string().unwrap(), e.metadata().unwrap().len()))
            .collect();
        names.sort();
        names
    }
}

fn parts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let text = bytes.strip_suffix(b"\0").unwrap();
    text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

fn sentence(error: &[u8], status: &[u8], said: &[u8], value: &OsStr) -> String {
    let shown = value.to_string_lossy().chars().take(60).collect::<String>();
    assert_eq!(status, b"1", "{shown:?}: {}", String::from_utf8_lossy(said));
    assert!(error.is_empty(), "{shown:?}: {}", String::from_utf8_lossy(error));
    let said = String::from_utf8(said.to_vec()).unwrap_or_else(|_| panic!("{shown:?}"));
    let said = said.strip_suffix('\n').unwrap_or_else(|| panic!("{shown:?}: {said:?}"));
    assert!(!said.is_empty() && !said.chars().any(is_active), "{shown:?}: {said:?}");
    assert!(said.chars().count() < 1000, "{shown:?}: {said:?}");
    said.to_string()
}

fn is_name(value: &OsStr) -> bool {
    let number = value.to_str().and_then(|text| text.strip_prefix("vti"));
    let digits = |number: &str| {
        (1..=12).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
    };
    number.is_some_and(digits)
}

/// Values that VyOS's shell leads to this node's line, as it hands them on, and that line.
fn led_to(
    tree: &Tree,
    node: &[&str],
    place: usize,
    values: &[OsString],
) -> (String, Vec<OsString>) {
    let line = tree.find(node).unwrap().line();
    let given = values.iter().filter_map(|value| {
        let text = value.to_string_lossy();
        let mut typed = node.to_vec();
        typed[place - 1] = &text;
        let found = tree.find(&typed).ok().filter(|found| found.line() == line)?;
        // Text that the shell took for another's name is that name now.
        let word = &found.words[place - 1];
        Some(if *word == text { value.clone() } else { OsString::from(word) })
    });
    let given = given.collect();
    (line, given)
}

fn through(node: usize) {
    let (node, place) = NODES[node];
    let (tree, room) = (Tree::of("current-2026"), Room::new());
    let file = room.list(&values());
    let output = bash(FIRST_FIELD, &[file.as_os_str()], &room.work);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let fields: Vec<OsString> = parts(&output.stdout).into_iter().map(OsString::from_vec).collect();
    assert_eq!(fields.len(), values().len());
    let (line, given) = led_to(&tree, node, place, &fields);
    assert!(given.len() >= 1000, "{node:?}: {}", given.len());
    told(&room, &line, place, &given);
}

/// Runs the line with each value: a name is of no interface, everything else is no name.
fn told(room: &Room, line: &str, place: usize, values: &[OsString]) {
    for (value, said) in values.iter().zip(room.sentences(line, place, values)) {
        let absent = format!("interface {} does not exist", value.to_string_lossy());
        if !is_name(value) {
            assert_eq!(said, REFUSED);
        } else if line.contains(" history ") {
            // Whether anything is recorded on the host is not of the tests.
            let name = value.to_string_lossy();
            let unrecorded = format!("there is no VTI {name}, and nothing is recorded of one");
            let nothing = ["nothing is recorded in /var/lib/", "cannot read /var/lib/"];
            assert!(
                said == unrecorded || nothing.iter().any(|start| said.starts_with(start)),
                "{said}"
            );
        } else {
            assert_eq!(said, absent);
        }
    }
}

/// With spaces, globs and all, as from a caller that quotes the word everywhere.
#[test]
fn through_a_node_with_the_value_as_it_is() {
    let (node, place) = NODES[0];
    let line = Tree::of("current-2026").find(node).unwrap().line();
    told(&Room::new(), &line, place, &values());
}

#[test]
fn through_show_vpn_vti_diagnostics_interface() {
    through(0);
}

#[test]
fn through_show_vpn_vti_diagnostics_detail_interface() {
    through(1);
}

#[test]
fn through_show_vpn_vti_diagnostics_json_interface() {
    through(2);
}

#[test]
fn through_show_interfaces_vti_diagnostics() {
    through(3);
}

#[test]
fn through_show_vpn_vti_diagnostics_history_interface() {
    through(4);
}

#[test]
fn straight_into_the_entry() {
    // Some of the words are the entry's own.
    let own = ["--", "--raw", "--detail", "show", "complete-interfaces", "--intf-name=vti0"];
    let mut values = values();
    values.retain(|value| !own.iter().any(|word| value == word));
    let room = Room::new();
    let share = values.len().div_ceil(DIRECT.len());
    for (form, values) in DIRECT.iter().zip(values.chunks(share)) {
        let line = format!("sudo ${{vyos_op_scripts_dir}}/vti_diagnostics {form}");
        room.sentences(&line, 9, values);
        room.sentences(
            &line,
            9,
            &WRITTEN.iter().filter(|v| !own.contains(v)).map(OsString::from).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn a_run_that_writes_is_seen() {
    let room = Room::new();
    let line = format!("{} capture --output \"${{args[9]}}\"", program().display());
    let (_, trace) = room.traced(&line, 9, &["witness".into()]);
    assert_eq!(trace.runs, 1);
    let seen = |names: [&str; 2]| {
        trace.violations.iter().any(|call| names.iter().any(|name| call.contains(name)))
    };
    // A file without a name that is linked; a hidden one that is renamed where the file system has no such files.
    assert!(seen(["O_TMPFILE", "O_CREAT"]) && seen(["linkat(", "rename"]), "{trace:#?}");
    assert!(room.contents().iter().any(|(name, _)| name == "witness"));
}

#[test]
fn a_run_that_starts_something_is_seen() {
    let room = Room::new();
    let (shell, script) = (Path::new("/bin/sh"), "/bin/sh -c '/bin/true; :'");
    let (_, trace) = trace::run(script, &[], &room.work, shell);
    assert_eq!(trace.runs, 1, "{trace:#?}");
    assert!(
        trace.violations.iter().any(|call| call.contains("clone") || call.contains("fork")),
        "{trace:#?}"
    );
}
