//! VTI-901: errors since boot, and none of the causes that can be read acts now.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Release, System, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::fits;
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{ERROR, PACKET, Span, WAS, sum};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PastErrorsOnly,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::explains_errors),
    check,
};

/// The part of the errors that must be recorded for there to be nothing left to say.
const RECORDED: f64 = 0.95;

const EXPLAIN: &str = "
What happens
    The counters show transmit errors, and nothing that was read would
    cause them now.

Why
    Something was wrong for a while. A few errors among millions of
    packets fit short gaps without an SA: reauthentication, a peer that
    rebooted, DPD, the time between boot and the first CHILD_SA, an SA
    deleted while packets were on their way. A make-before-break rekey
    costs none. However many there were, they are a notice where all
    that is routed into the tunnel passes now.

How to confirm
    {ShowTwice}\tdo they rise?
    {IkeLog}\twhat happened when they did

What to do
    Nothing, if they do not rise. To keep gaps short: IKEv2, no
    reauthentication, make-before-break.
";

fn check(case: &Case<'_>) -> Outcome {
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    let still = match &case.counted.interval {
        Ok(interval) if interval.tx_errors > 0 => return Err(Unconfirmed::RuledOut),
        Ok(interval) => match interval.milliseconds.unwrap_or(0) {
            0 => "none between two samples of the same moment".to_owned(),
            ms => format!("none in the last {}", Span(ms)),
        },
        Err(_) => "whether they still rise, one look cannot tell".to_owned(),
    };
    let recorded = sum(case.episodes().map(|episode| episode.lost));
    // What was recorded has findings of its own, which say when and why.
    if total.tx_errors == 0 || recorded as f64 >= RECORDED * total.tx_errors as f64 {
        return Err(Unconfirmed::RuledOut);
    }
    let many = fits::share(total) >= fits::MANY;
    let of_packets = fits::errors_among_packets(total).of(PACKET);
    let errors = format!("{} since boot, {of_packets}", ERROR.of(total.tx_errors));
    // Without policies and SAs the model has nothing to say, and must not seem to.
    let is_read = case.tunnel.is_ok() && case.now.policies.is_ok() && case.now.sas.is_ok();
    let summary = match (is_read, case.is_text_only()) {
        (true, _) => format!("{errors}; {still}; nothing read now would cause them"),
        (false, false) => format!("{errors}; {still}; the state behind them was not read"),
        (false, true) => {
            let grade = if many {
                "more than short gaps"
            } else {
                "as few as that are a notice, not a fault"
            };
            format!(
                "{errors}: {grade}; which cause it was, and whether they still rise, this text cannot tell"
            )
        }
    };
    // However many there were: where the model sends all that is routed in, what took them acts no more.
    let passes = is_read && case.others_sent();
    let severity = if many && !passes { Severity::Warning } else { Severity::Notice };
    let found = Found::new(Confidence::Possible, "not known: it lies in the past", summary)
        .severity(severity);
    let mut found = fits::evidence(found, case, total);
    if recorded > 0 {
        let fact =
            format!("{recorded} of them {} lost while the recorder watched", WAS.word(recorded));
        found = found.seen(case, fact, Source::Journal);
    }
    if total.tx_carrier_errors.is_none() {
        found = found.next(
            case,
            "tell carrier errors from aborted ones, on the router",
            Command::Counters,
        );
    }
    let found = found.next(case, "see whether they still rise", Command::ShowInterfaceTwice);
    let log = Command::IkeLog.with(Word::Since, "-1d");
    Ok(if case.is_text_only() {
        let vyos = System::Vyos(Release::Current);
        found.next_on(vyos, case, "see what happened to the tunnel, on VyOS", log.clone()).next_on(
            System::Linux,
            case,
            "the same elsewhere",
            log,
        )
    } else {
        found.next(case, "see what happened to the tunnel", log)
    })
}
