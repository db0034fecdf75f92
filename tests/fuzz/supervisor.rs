//! Runs a target in processes of its own, as many as there are processors: one that dies or hangs is told of like one that panics. The input
//! that failed is written to a file.

use crate::limits::Taken;
use crate::targets::Target;
use crate::worker::{self, Found};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The word by which this program knows that it is a worker.
pub const WORKER: &str = "--worker";
/// An input that takes longer by the clock hangs. Processor time has its own limit; the machine may be busy.
const HANGS: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);

/// Where inputs that failed are left.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz")
}

/// All that the workers of one target found; the first failure of each.
pub struct Sum {
    /// The numbers of all, without a failure.
    pub found: Found,
    /// Iteration, reason, and the file with the input.
    pub failures: Vec<(u64, String, PathBuf)>,
    /// By the clock.
    pub time: Duration,
}

/// Runs so many inputs from `first` on.
pub fn run(target: &Target, seed: u64, first: u64, count: u64) -> Result<Sum, String> {
    let failed = |error: std::io::Error| format!("cannot run a worker: {error}");
    let began = Instant::now();
    let workers = thread::available_parallelism().map_or(1, |n| n.get() as u64).min(count);
    let part = count.div_ceil(workers.max(1));
    let starts: Vec<u64> =
        (0..workers).map(|n| first + n * part).filter(|start| *start < first + count).collect();
    let running: Vec<Worker> = starts
        .iter()
        .map(|start| Worker::start(target, seed, *start, part.min(first + count - start)))
        .collect::<std::io::Result<_>>()
        .map_err(failed)?;
    let mut sum = Sum { found: Found::default(), failures: Vec::new(), time: Duration::ZERO };
    for worker in running {
        let found = worker.end().map_err(failed)?;
        sum.found.inputs += found.inputs;
        sum.found.taken += found.taken;
        let Taken { time, memory } = found.most;
        sum.found.most.time = sum.found.most.time.max(time);
        sum.found.most.memory = sum.found.most.memory.max(memory);
        if let Some((iteration, why)) = found.failure {
            let path = kept(target, seed, iteration).map_err(failed)?;
            sum.failures.push((iteration, why, path));
        }
    }
    sum.time = began.elapsed();
    Ok(sum)
}

/// Writes the input of an iteration to a file.
fn kept(target: &Target, seed: u64, iteration: u64) -> std::io::Result<PathBuf> {
    let path = directory().join(format!("{}-{seed}-{iteration}", target.name));
    std::fs::create_dir_all(directory())?;
    std::fs::write(&path, worker::input(target, &(target.seeds)(), seed, iteration))?;
    Ok(path)
}

struct Worker {
    process: Child,
    progress: File,
    _directory: tempfile::TempDir,
}

impl Worker {
    fn start(target: &Target, seed: u64, first: u64, count: u64) -> std::io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("progress");
        std::fs::write(&path, first.to_ne_bytes())?;
        let process = Command::new(std::env::current_exe()?)
            .args([WORKER, target.name])
            .args([seed, first, count].map(|number| number.to_string()))
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { process, progress: File::open(path)?, _directory: directory })
    }

    /// The iteration that is run, or was when the process died.
    fn iteration(&self) -> u64 {
        let mut number = [0; 8];
        let _ = self.progress.read_at(&mut number, 0);
        u64::from_ne_bytes(number)
    }

    /// Waits for its end, or ends it where it hangs.
    fn end(mut self) -> std::io::Result<Found> {
        let (mut last, mut since) = (self.iteration(), Instant::now());
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            let now = self.iteration();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if since.elapsed() > HANGS {
                self.process.kill()?;
                self.process.wait()?;
                let failure = Some((last, format!("it hangs: {} s", HANGS.as_secs())));
                return Ok(Found { failure, ..Found::default() });
            }
            thread::sleep(LOOK);
        };
        let mut said = String::new();
        if let Some(output) = &mut self.process.stdout {
            output.read_to_string(&mut said)?;
        }
        Ok(Found::parse(&said).unwrap_or_else(|| Found {
            failure: Some((self.iteration(), format!("the process died: {status}"))),
            ..Found::default()
        }))
    }
}
