//! VTI-901: errors since boot, but none of the checked causes is present now.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Release, System};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::fits;
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{ERROR, PACKET, WAS, sum};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PastErrorsOnly,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::explains_errors),
    check,
};

/// From this share of recorded errors on, the findings of the recorder explain them.
const RECORDED: f64 = 0.95;

const EXPLAIN: &str = "
What happens
    The counters show transmit errors, but none of the checked causes is
    present now.

Why
    Something was wrong for a while. A few errors among millions of
    packets are consistent with short gaps without an SA: a
    reauthentication, a peer that rebooted, DPD, the time between boot
    and the first CHILD_SA, an SA that was deleted under traffic. A
    make-before-break rekey causes none. If everything that is routed
    into the tunnel passes now, the errors are a notice, however many
    there were.

How to confirm
    {ShowTwice}\tare they rising?
    {IkeLog}\tlook at the time of the errors

What to do
    Nothing, if the errors are not rising. To keep gaps short, use IKEv2
    without reauthentication, and make-before-break.
";

fn check(case: &Case<'_>) -> Outcome {
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    let still = match &case.counted.interval {
        Ok(interval) if interval.tx_errors > 0 => return Err(Unconfirmed::RuledOut),
        Ok(_) => format!("none {}", case.during()),
        Err(_) => "whether they are rising is unknown (1 sample)".to_owned(),
    };
    let recorded = sum(case.episodes().map(|episode| episode.lost));
    // Recorded errors have their own findings, which say when and why.
    if total.tx_errors == 0 || recorded as f64 >= RECORDED * total.tx_errors as f64 {
        return Err(Unconfirmed::RuledOut);
    }
    let many = fits::share(total) >= fits::MANY;
    let of_packets = fits::errors_among_packets(total).of(PACKET);
    let errors = format!("{} since boot, {of_packets}", ERROR.of(total.tx_errors));
    // Without policies and SAs the model knows nothing, so the summary must not claim anything.
    let is_read = case.tunnel.is_ok() && case.now.policies.is_ok() && case.now.sas.is_ok();
    let summary = match (is_read, case.is_text_only()) {
        (true, _) => format!("{errors}; {still}; none of the checked causes is present now"),
        (false, false) => {
            format!(
                "{errors}; {still}; policies and SAs could not be read, so the cause is unknown"
            )
        }
        (false, true) => {
            let grade =
                if many { "too many for short gaps" } else { "so few are a notice, not a fault" };
            format!(
                "{errors}: {grade}; their cause, and whether they are rising, cannot be determined from this input"
            )
        }
    };
    // However many there were: if the model sends everything that is routed in, their cause is gone.
    let passes = is_read && case.others_sent();
    let severity = if many && !passes { Severity::Warning } else { Severity::Notice };
    let found =
        Found::new(Confidence::Possible, "unknown: it is in the past", summary).severity(severity);
    // Only two samples show that the errors have stopped.
    let has_stopped = case.counted.interval.as_ref().is_ok_and(|i| i.milliseconds > Some(0));
    let found = if has_stopped { found.titled("transmit errors, not rising now") } else { found };
    let mut found = fits::evidence(found, case, total);
    if recorded > 0 {
        let fact = format!("{recorded} of them {} lost while the recorder ran", WAS.word(recorded));
        found = found.seen(case, fact, Source::Journal);
    }
    if total.tx_carrier_errors.is_none() {
        found = found.next(
            case,
            "show carrier and aborted errors separately, on the router",
            Command::Counters,
        );
    }
    let found =
        found.next(case, "check whether the errors are rising", Command::ShowInterfaceTwice);
    let log = Command::IkeLog.with(Word::Since, "-1d");
    Ok(if case.is_text_only() {
        let vyos = System::Vyos(Release::Current);
        found.next_on(vyos, case, "show what happened to the tunnel, on VyOS", log.clone()).next_on(
            System::Linux,
            case,
            "the same on other systems",
            log,
        )
    } else {
        found.next(case, "show what happened to the tunnel", log)
    })
}
