//! Diagnoses in the background: a thread that reads the whole state on request and returns the findings. The recorder continues meanwhile, so
//! the kernel's messages get the right times. The same thread hands over the metrics of the same state: a second reading would cost as much again,
//! and writing may take long.

use crate::code::{Code, Severity};
use crate::collect;
use crate::diagnose::{self, Extent, Observation};
use crate::error::Result;
use crate::journal::Totals;
use crate::metrics::{self, Facts, Format};
use crate::report::{InterfaceReport, Verdict};
use crate::snapshot::{Link, Reason, Snapshot};
use nix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// The result for an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub interface: String,
    pub ifindex: u32,
    pub verdict: Verdict,
    /// Code, name and summary of the first finding that is more than a notice about the past.
    pub first: Option<crate::timeline::Finding>,
    /// What a second diagnosis, which compares the state with that of the diagnosis before, found of packets that arrive; only where it was asked for.
    pub arrivals: Vec<crate::timeline::Finding>,
}

/// The answer to a request.
pub(super) struct Answer {
    pub findings: Vec<Finding>,
    /// Processor time.
    pub took: Duration,
    /// Whether the metrics were written; none where they were not asked for.
    pub written: Option<Result<()>>,
}

/// Takes the metrics as text and writes them.
pub type WriteMetrics = Box<dyn FnMut(&str) -> Result<()> + Send>;

/// A request.
#[derive(Debug, Default)]
pub(super) struct Question {
    /// The sums of the losses, where metrics are to be written.
    pub totals: Option<Totals>,
    /// Packets were refused on arrival: what explains that?
    pub arrivals: bool,
}

/// The thread, as the recorder uses it.
pub(super) struct BackgroundDiagnosis {
    questions: SyncSender<Question>,
    answers: Receiver<Answer>,
    asked: bool,
}

impl BackgroundDiagnosis {
    /// Starts the thread, which ends with this value.
    pub fn start(vici: PathBuf, write: Option<WriteMetrics>) -> std::io::Result<Self> {
        let (questions, asked) = sync_channel(1);
        let (answer, answers) = channel();
        std::thread::Builder::new()
            .name("diagnosis".into())
            .spawn(move || inspect(&asked, &answer, &vici, write))?;
        Ok(Self { questions, answers, asked: false })
    }

    /// Sends a request, unless an answer is still expected.
    pub fn ask(&mut self, question: Question) {
        if !self.asked {
            self.asked = self.questions.try_send(question).is_ok();
        }
    }

    /// Whether an answer is expected.
    pub const fn is_busy(&self) -> bool {
        self.asked
    }

    /// The answer, if it has arrived.
    pub fn answer(&mut self) -> Option<Answer> {
        let answer = self.answers.try_recv().ok()?;
        self.asked = false;
        Some(answer)
    }
}

fn inspect(
    questions: &Receiver<Question>,
    answers: &Sender<Answer>,
    vici: &Path,
    mut write: Option<WriteMetrics>,
) {
    let mut earlier = None;
    while let Ok(question) = questions.recv() {
        let began = used();
        let now = collect::snapshot_for_report(Some(vici));
        let (mut findings, facts) = findings(&now, question.totals);
        if question.arrivals {
            add_arrivals(&mut findings, &now, earlier.as_ref());
        }
        earlier = Some(counters_of(now));
        let written = facts.zip(write.as_mut());
        let written =
            written.map(|(facts, write)| write(&metrics::write(&facts, Format::Prometheus)));
        let took = used().saturating_sub(began);
        if answers.send(Answer { findings, took, written }).is_err() {
            return;
        }
    }
}

/// The processor time of this thread so far; waiting for charon costs none.
fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

/// The findings from the state alone: whether errors are rising, the recorder knows better than two samples do. With `totals` also what metrics are
/// made of.
fn findings(now: &Snapshot, totals: Option<Totals>) -> (Vec<Finding>, Option<Facts>) {
    let recorder = totals.map(metrics::Recorder::Read);
    let mut facts = recorder.map(|recorder| Facts::of_host(now, recorder));
    let is_cause = |f: &crate::report::Finding| {
        f.severity > Severity::Notice || f.code == Code::Ipv6OutsideSelectors
    };
    let mut findings = Vec::new();
    let take = |interface: InterfaceReport| {
        if !interface.fallback_device {
            let interface = interface.present();
            facts.iter_mut().for_each(|facts| facts.take(&interface));
            findings.push(Finding {
                verdict: interface.verdict,
                interface: interface.name,
                ifindex: interface.ifindex.unwrap_or(0),
                first: interface.findings.into_iter().find(is_cause).map(|f| (f.code, f.summary)),
                arrivals: Vec::new(),
            });
        }
    };
    // Without an interface there is nothing to diagnose, which is no error here.
    let _ = diagnose::each(Extent::Findings, &Observation { now, earlier: None }, None, take);
    (findings, facts)
}

/// Adds what explains that packets are refused on arrival: the statistics of SAs say why, and only their rise says that it is so now.
fn add_arrivals(findings: &mut [Finding], now: &Snapshot, earlier: Option<&Snapshot>) {
    let take = |interface: InterfaceReport| {
        let of = findings.iter_mut().find(|f| Some(f.ifindex) == interface.ifindex);
        if let Some(of) = of {
            let acts = interface.findings.into_iter().filter(|f| f.severity > Severity::Notice);
            of.arrivals = acts.map(|f| (f.code, f.summary)).collect();
        }
    };
    let _ = diagnose::each(Extent::Findings, &Observation { now, earlier }, None, take);
}

/// What of a state is compared with the next one.
fn counters_of(state: Snapshot) -> Snapshot {
    let is_vti = |link: &Link| link.driver().is_some();
    Snapshot {
        links: state.links.map(|links| links.into_iter().filter(is_vti).collect()),
        sas: state.sas,
        xfrm_statistics: state.xfrm_statistics,
        ..Snapshot::unread(state.taken_at_ms, state.host, Reason::Skipped, "")
    }
}
