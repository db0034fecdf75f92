//! Diagnoses beside the recorder: a thread that reads the whole state when it is told to and says what the diagnoses find. The recorder
//! goes on meanwhile, so that what it hears from the kernel keeps its time.

use crate::collect;
use crate::diagnose::{self, Observation};
use crate::report::{Severity, Verdict};
use crate::snapshot::{Host, Link, Reason, Snapshot};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// What the diagnoses say of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub interface: String,
    pub ifindex: u32,
    pub verdict: Verdict,
    /// Code, name and summary of the first finding that is more than a notice about the past.
    pub first: Option<(u16, String)>,
}

/// What came of a question.
pub(super) struct Answer {
    pub findings: Vec<Finding>,
    pub took: Duration,
}

/// The counters of the look before, for rates.
pub(super) struct Question {
    pub at_ms: u64,
    pub uptime_ms: u64,
    pub links: Vec<Link>,
}

/// The thread, seen from the recorder.
pub(super) struct Inspector {
    questions: SyncSender<Question>,
    answers: Receiver<Answer>,
    asked: bool,
}

impl Inspector {
    /// Starts the thread; it ends with this.
    pub fn start(vici: PathBuf) -> std::io::Result<Self> {
        let (questions, asked) = sync_channel(1);
        let (answer, answers) = channel();
        std::thread::Builder::new()
            .name("inspector".into())
            .spawn(move || inspect(&asked, &answer, &vici))?;
        Ok(Self { questions, answers, asked: false })
    }

    /// Asks, unless an answer is awaited.
    pub fn ask(&mut self, question: Question) {
        if !self.asked {
            self.asked = self.questions.try_send(question).is_ok();
        }
    }

    /// Whether an answer is awaited.
    pub const fn is_busy(&self) -> bool {
        self.asked
    }

    /// The answer, if it is there.
    pub fn answer(&mut self) -> Option<Answer> {
        let answer = self.answers.try_recv().ok()?;
        self.asked = false;
        Some(answer)
    }
}

fn inspect(questions: &Receiver<Question>, answers: &Sender<Answer>, vici: &std::path::Path) {
    while let Ok(question) = questions.recv() {
        let began = Instant::now();
        let findings = findings(&question, vici);
        if answers.send(Answer { findings, took: began.elapsed() }).is_err() {
            return;
        }
    }
}

fn findings(question: &Question, vici: &std::path::Path) -> Vec<Finding> {
    let now = collect::snapshot(&[], Some(vici));
    let host = Host {
        hostname: String::new(),
        kernel_release: now.host.kernel_release.clone(),
        vyos_version: None,
    };
    let earlier = Snapshot {
        uptime_ms: Ok(question.uptime_ms),
        links: Ok(question.links.clone()),
        ..Snapshot::unread(question.at_ms, host, Reason::Skipped, "")
    };
    let observation = Observation { now: &now, earlier: Some(&earlier) };
    // No interface to look at is no error here.
    let Ok(report) = diagnose::run(&observation, None) else { return Vec::new() };
    let of = |interface: crate::report::InterfaceReport| {
        let first = interface.findings.into_iter().find(|f| f.severity > Severity::Notice || f.code.0 == 103);
        Finding {
            interface: interface.name,
            ifindex: interface.ifindex.unwrap_or(0),
            verdict: interface.verdict,
            first: first.map(|f| (f.code.0, f.summary)),
        }
    };
    let kept = report.interfaces.into_iter().filter(|i| !i.fallback_device);
    kept.map(of).collect()
}
