//! Diagnoses beside the recorder: a thread that reads the whole state when it is told to and says what the diagnoses find. The recorder
//! goes on meanwhile, so that what it hears from the kernel keeps its time.

use crate::code::{Code, Severity};
use crate::collect;
use crate::diagnose::{self, Extent, Observation};
use crate::report::{InterfaceReport, Verdict};
use nix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// What the diagnoses say of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub interface: String,
    pub ifindex: u32,
    pub verdict: Verdict,
    /// Code, name and summary of the first finding that is more than a notice about the past.
    pub first: Option<crate::timeline::Finding>,
}

/// What came of a question.
pub(super) struct Answer {
    pub findings: Vec<Finding>,
    /// Of the processor.
    pub took: Duration,
}

/// The thread, seen from the recorder.
pub(super) struct BackgroundDiagnosis {
    questions: SyncSender<()>,
    answers: Receiver<Answer>,
    asked: bool,
}

impl BackgroundDiagnosis {
    /// Starts the thread; it ends with this.
    pub fn start(vici: PathBuf) -> std::io::Result<Self> {
        let (questions, asked) = sync_channel(1);
        let (answer, answers) = channel();
        std::thread::Builder::new()
            .name("diagnosis".into())
            .spawn(move || inspect(&asked, &answer, &vici))?;
        Ok(Self { questions, answers, asked: false })
    }

    /// Asks, unless an answer is awaited.
    pub fn ask(&mut self) {
        if !self.asked {
            self.asked = self.questions.try_send(()).is_ok();
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

fn inspect(questions: &Receiver<()>, answers: &Sender<Answer>, vici: &std::path::Path) {
    while questions.recv().is_ok() {
        let began = used();
        let findings = findings(vici);
        if answers.send(Answer { findings, took: used().saturating_sub(began) }).is_err() {
            return;
        }
    }
}

/// The processor's time that this thread used so far; waiting for charon costs nobody anything.
fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

/// What the state alone says: whether errors still rise, the recorder knows better than any two looks.
fn findings(vici: &std::path::Path) -> Vec<Finding> {
    let now = collect::snapshot_for_report(Some(vici));
    let is_cause = |f: &crate::report::Finding| {
        f.severity > Severity::Notice || f.code == Code::Ipv6OutsideSelectors
    };
    let mut findings = Vec::new();
    let take = |interface: InterfaceReport| {
        if !interface.fallback_device {
            let interface = interface.present();
            findings.push(Finding {
                verdict: interface.verdict,
                interface: interface.name,
                ifindex: interface.ifindex.unwrap_or(0),
                first: interface.findings.into_iter().find(is_cause).map(|f| (f.code, f.summary)),
            });
        }
    };
    // No interface to look at is no error here.
    let _ = diagnose::each(Extent::Findings, &Observation { now: &now, earlier: None }, None, take);
    findings
}
