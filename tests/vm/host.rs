//! The host's side: boots the kernels with this binary and the program in them, as many at once as there are processors (and beside them
//! those that mostly wait), passes their lines on, sums up. It changes nothing on the host outside of cargo's own directory and the cache of `boot`.

use crate::Fallible;
use crate::ends;
use crate::guest;
use crate::keep::OPTION;
use crate::texts;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What `boot` has, from the oldest.
const KERNELS: [&str; 5] = ["5.10", "6.1", "6.12", "6.18", "7.2"];

/// The kernel of the captures.
const REFERENCE: &str = "6.12";

/// The kernels of words that name none: where the transmit path and its answers are compared, and where the daemons, the recorder and
/// the drop monitor are. 7.2 is of a suite that moves on, and is asked for by name only.
const OF_THE_PATH: [&str; 4] = ["5.10", "6.1", "6.12", "6.18"];
const OF_ALL_ELSE: [&str; 2] = ["6.1", "6.12"];

/// What runs without words, about the longest first: there are fewer processors than guests. The matrix is shared among the kernels, and both
/// models are on each; on 6.1 is the drop monitor, which another kernel may answer otherwise. The rest asks little of a kernel: once is enough.
const BY_DEFAULT: [(&str, &[&str]); 23] = [
    (REFERENCE, &["record"]),
    (REFERENCE, &["charon"]),
    (REFERENCE, &["drops"]),
    ("6.1", SOME_DROPS),
    (REFERENCE, AN_EIGHTH),
    ("6.1", AN_EIGHTH),
    ("6.18", AN_EIGHTH),
    ("5.10", AN_EIGHTH),
    (REFERENCE, &["differential"]),
    (REFERENCE, &["differential", "receive"]),
    ("6.1", &["differential", "receive"]),
    ("6.18", &["differential", "receive"]),
    ("5.10", &["differential", "receive"]),
    (REFERENCE, &["site"]),
    (REFERENCE, SOME_TEXTS),
    (REFERENCE, &["rekey", "--looks", "20"]),
    (REFERENCE, &["loss", "--short"]),
    (REFERENCE, &["filter"]),
    (REFERENCE, &["ip-tunnels"]),
    (REFERENCE, SOME_ENDS),
    ("6.1", FEWER_CASES),
    ("6.18", FEWER_CASES),
    ("5.10", FEWER_CASES),
];

/// Of the matrix, half of what each scenario with each driver and one pair of families would be, other cases on each kernel.
const AN_EIGHTH: &[&str] = &["matrix", guest::EIGHTH];

/// Of the drop monitor, what happens around the tunnel: where packets die differs by kernel most.
const SOME_DROPS: &[&str] = &["drops", "around", "outside", "several", "switched-off"];

/// Of the scenarios from both ends, some of each part of the way.
const SOME_ENDS: &[&str] =
    &[ends::NAME, guest::FOURTH, "healthy", "no-", "inbound", "filter", "lost", "peer-"];

/// Of the texts of commands, some cases: of a healthy tunnel, and of one fault in each part of the path.
const SOME_TEXTS: &[&str] = &[
    texts::NAME,
    "healthy xfrm 4in4",
    "no-policy vti 4in4",
    "association-of-another-key xfrm 6in6",
    "no-route-to-the-peer vti6 6in6",
    "integrity-failures xfrm 4in4",
];

/// The first of those that the reference runs.
const FEWER_CASES: &[&str] = &["differential", "--cases", "300"];

/// What mostly waits (for rekeys, for the ends of gaps), and takes a third of a processor: it runs beside the others.
const WAITS: &str = "record";

/// Which programs a guest that runs beside the others goes before, as `nice` has it: it takes little, and at its time.
const BEFORE_OTHERS: &str = "-10";

/// How many guests run at once, where that is not to be the number of processors.
const GUESTS: &str = "LAB_GUESTS";

/// The version of strongSwan, and the suite of `ip` and `tc` for the texts of commands, for `boot`.
const STRONGSWAN: &str = "LAB_STRONGSWAN";
const IPROUTE2: &str = "LAB_IPROUTE2";

/// The word that asks for every strongSwan that `boot` has, and what runs where no word follows it.
const RELEASES: &str = "releases";
const OF_A_RELEASE: &[&str] = &["charon"];

/// A kernel, and strongSwan and iproute2 of its time; no suite of iproute2 is that of the host.
const STRONGSWANS: [(&str, Release); 4] = [
    ("5.10", Release { strongswan: "5.9.1", iproute2: "bullseye" }),
    ("6.1", Release { strongswan: "5.9.8", iproute2: "" }),
    ("6.12", Release { strongswan: "6.0.1", iproute2: "trixie" }),
    ("6.18", Release { strongswan: "6.1.0", iproute2: "trixie" }),
];

/// The programs of a guest that are not the host's.
#[derive(Clone, Copy)]
struct Release {
    strongswan: &'static str,
    iproute2: &'static str,
}

/// How a line begins that says which case failed; what is said of it follows, indented.
const FAILED: &str = "FAIL ";

/// Of one case, at most this many lines are said again at the end.
const TOLD_AGAIN: usize = 12;

/// The status by which `boot` says that the archive has the kernel, or the strongSwan, no more.
const GONE: i32 = 77;
const GONE_FROM_THE_ARCHIVE: &str = "the archive has no such kernel, or strongSwan, any more";

/// One guest: its kernel, its strongSwan and iproute2 where they are not those of the environment, and its words.
struct Job<'a> {
    kernel: &'a str,
    release: Option<Release>,
    words: Vec<&'a str>,
    /// It runs beside the others, and is none of those that share the processors.
    beside: bool,
}

impl<'a> Job<'a> {
    fn of(kernel: &'a str, words: &[&'a str]) -> Self {
        Self { kernel, release: None, words: words.to_vec(), beside: false }
    }
}

/// What a guest's run came to.
enum Outcome {
    Counted {
        passed: u64,
        failed: u64,
        /// What the guest said of those that failed.
        told: Vec<String>,
    },
    /// The archive has no such kernel, or strongSwan, any more.
    Gone,
}

/// True when every scenario passed on every kernel. A kernel that the archive has no more fails a run that names it; a run that does not
/// goes on without it, and says so at its end.
pub fn run(words: &[&str]) -> Fallible<bool> {
    let (kernels, filter): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| KERNELS.contains(word));
    let is_named = !kernels.is_empty();
    let jobs = jobs(kernels, &filter);
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let mut failures = Vec::new();
    for (Job { kernel, release, words, .. }, outcome, time) in boot_all(&jobs)? {
        let said = match outcome {
            Ok(Outcome::Counted { passed: more, failed: bad, told }) => {
                (passed, failed) = (passed + more, failed + bad);
                failures.extend(told.into_iter().map(|line| format!("{kernel:<4} {line}")));
                format!("{more} passed, {bad} failed in {} s", time.as_secs())
            }
            Ok(Outcome::Gone) if !is_named => {
                skipped += 1;
                format!("SKIPPED: {GONE_FROM_THE_ARCHIVE}")
            }
            Ok(Outcome::Gone) => {
                failed += 1;
                GONE_FROM_THE_ARCHIVE.into()
            }
            Err(error) => {
                failed += 1;
                error
            }
        };
        let what = if words.is_empty() { "everything".into() } else { words.join(" ") };
        let release = release
            .map_or_else(String::new, |release| format!(" strongSwan {}", release.strongswan));
        println!("{kernel:<4}{release} {what}: {said}");
    }
    let skipped = match skipped {
        0 => String::new(),
        number => format!(", {number} SKIPPED"),
    };
    // A log of which only the end is kept has to say which cases failed, too.
    failures.iter().for_each(|line| println!("{line}"));
    println!("{passed} passed, {failed} failed{skipped}");
    Ok(failed == 0 && passed > 0)
}

/// The guests of a run.
fn jobs<'a>(mut kernels: Vec<&'a str>, filter: &[&'a str]) -> Vec<Job<'a>> {
    if kernels.is_empty() && filter.is_empty() {
        let job = |(kernel, words): (_, &[_])| Job {
            beside: words.first() == Some(&WAITS),
            ..Job::of(kernel, words)
        };
        return BY_DEFAULT.map(job).into();
    }
    if let [RELEASES, words @ ..] = filter {
        let words = if words.is_empty() { OF_A_RELEASE } else { words };
        let wanted = |kernel: &&str| kernels.is_empty() || kernels.contains(kernel);
        let pairs = STRONGSWANS.into_iter().filter(|(kernel, _)| wanted(kernel));
        return pairs
            .map(|(kernel, release)| Job { release: Some(release), ..Job::of(kernel, words) })
            .collect();
    }
    // One kernel's captures are enough, and two would overwrite each other.
    if filter.contains(&OPTION) {
        kernels = vec![kernels.pop().unwrap_or(REFERENCE)];
    }
    if kernels.is_empty() {
        kernels = match filter.first() {
            Some(&"matrix" | &"differential") => OF_THE_PATH.to_vec(),
            _ => OF_ALL_ELSE.to_vec(),
        };
    }
    kernels.into_iter().map(|kernel| Job::of(kernel, filter)).collect()
}

fn guests() -> Fallible<usize> {
    match std::env::var(GUESTS) {
        Ok(text) => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{GUESTS} is {text}, and must be a number from 1")),
        },
        Err(_) => Ok(std::thread::available_parallelism().map_or(1, NonZero::get)),
    }
}

/// Runs the guests, each as soon as one before it is done; what each came to, in the order of the jobs.
fn boot_all<'a>(jobs: &'a [Job<'a>]) -> Fallible<Vec<(&'a Job<'a>, Fallible<Outcome>, Duration)>> {
    let (payload, next) = (payload()?, AtomicUsize::new(0));
    let run = |(number, job)| {
        let started = Instant::now();
        (number, (job, boot(job, &payload), started.elapsed()))
    };
    let (beside, others): (Vec<_>, Vec<_>) =
        jobs.iter().enumerate().partition(|(_, job)| job.beside);
    let share = || {
        let mut done = Vec::new();
        while let Some(job) = others.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(run(*job));
        }
        done
    };
    let guests = guests()?.min(others.len());
    let done = std::thread::scope(|scope| {
        let alone = beside.into_iter().map(|job| scope.spawn(move || vec![run(job)]));
        let mut threads: Vec<_> = alone.collect();
        threads.extend((0..guests).map(|_| scope.spawn(share)));
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.collect::<Result<Vec<_>, _>>()
    });
    let done = done.map_err(|_| "the thread of a guest panicked")?;
    let in_order: BTreeMap<usize, _> = done.into_iter().flatten().collect();
    Ok(in_order.into_values().collect())
}

/// The files for the guest: this binary, the program, the base text and the scenarios.
fn payload() -> Fallible<Vec<PathBuf>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm");
    let own =
        std::env::current_exe().map_err(|error| format!("cannot find this binary: {error}"))?;
    Ok([
        stripped(&own, "lab")?,
        stripped(Path::new(env!("CARGO_BIN_EXE_vti-diagnostics")), "vti-diagnostics")?,
        here.join("scenarios"),
        here.join("charon.sh"),
        here.join("charon.yaml"),
        here.join("site.sh"),
        here.join("site.nft"),
        here.join("record.sh"),
        here.join("record.yaml"),
        // For the looks that are slowed down, and for reads that fail.
        PathBuf::from("/usr/bin/strace"),
    ]
    .into_iter()
    // For the texts of commands: those that this machine has.
    .chain(
        ["/usr/bin/nstat", "/usr/sbin/sysctl", "/usr/sbin/ifconfig"]
            .map(PathBuf::from)
            .into_iter()
            .filter(|path| path.exists()),
    )
    .collect())
}

/// Debug information is most of a binary, and every byte is copied into the guest's memory.
fn stripped(binary: &Path, name: &str) -> Fallible<PathBuf> {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let status = Command::new("strip")
        .arg("-o")
        .arg(&to)
        .arg(binary)
        .status()
        .map_err(|error| format!("cannot run strip: {error}"))?;
    if status.success() { Ok(to) } else { Err(format!("strip {}: {status}", binary.display())) }
}

fn boot(job: &Job, payload: &[PathBuf]) -> Fallible<Outcome> {
    let Job { kernel, release, words, beside } = job;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/boot");
    let command = format!(
        "./lab --guest {}",
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    );
    let results = if words.contains(&texts::WRITE) {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts")
    } else if words.contains(&OPTION) {
        let of_ends =
            if words.contains(&ends::NAME) { "tests/captures/ends" } else { "tests/captures" };
        Path::new(env!("CARGO_MANIFEST_DIR")).join(of_ends)
    } else {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("results-{kernel}"))
    };
    // Where `nice` may not, it says so and runs the command as it is.
    let mut guest = Command::new("nice")
        .args(["-n", if *beside { BEFORE_OTHERS } else { "0" }])
        .arg(script)
        .envs(release.iter().flat_map(|of| [(STRONGSWAN, of.strongswan), (IPROUTE2, of.iproute2)]))
        .arg("-r")
        .arg(results)
        .arg("-c")
        .arg(kernel)
        .arg(command)
        .args(payload)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run tests/vm/boot: {error}"))?;
    let (mut sum, mut failures) = (None, Failures::default());
    if let Some(output) = guest.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| format!("cannot read the guest's output: {error}"))?;
            match sum_of(&line) {
                Some(found) => sum = Some(found),
                None => {
                    println!("{kernel:<4} {line}");
                    failures.hear(line);
                }
            }
        }
    }
    let status = guest.wait().map_err(|error| format!("cannot wait for tests/vm/boot: {error}"))?;
    match sum {
        Some((passed, failed)) => Ok(Outcome::Counted { passed, failed, told: failures.lines }),
        None if status.code() == Some(GONE) => Ok(Outcome::Gone),
        None => Err("the guest did not finish".into()),
    }
}

/// What a guest says of the cases that fail, the first lines of each.
#[derive(Default)]
struct Failures {
    lines: Vec<String>,
    /// How many lines the case has that is told of now; none while it is one that passed.
    of_this: Option<usize>,
}

impl Failures {
    fn hear(&mut self, line: String) {
        let goes_on = line.starts_with(' ') && self.of_this.is_some();
        self.of_this = match self.of_this {
            _ if line.starts_with(FAILED) => Some(1),
            Some(number) if goes_on => Some(number + 1),
            _ => None,
        };
        if self.of_this.is_some_and(|number| number <= TOLD_AGAIN) {
            self.lines.push(line);
        }
    }
}

/// A word as bash takes it literally.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The guest's last line: how many passed and failed.
fn sum_of(line: &str) -> Option<(u64, u64)> {
    let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}
