//! VTI-999: errors are rising, but none of the checked causes explains them.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::counted::LOOKUP_FAILED;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{FLOW, THEM, TRANSMIT_ERROR};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::Unexplained,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::explains_errors),
    check,
};

const EXPLAIN: &str = "
What happens
    Transmit errors are rising, but every flow that was tried passes.

Why
    Unknown. Perhaps SAs or policies come and go between two samples; or
    only flows that were not tried are lost; or some state could not be
    read: --detail lists what was ruled out and what could not be
    checked.

How to confirm
    {ShowInterfaceInDetail}
    {Lookup}

What to do
    Save a capture while the errors are rising, and replay it on any
    machine:
    {Capture}
";

fn check(case: &Case<'_>) -> Outcome {
    let rise = case.counted.rise(|c| c.tx_errors)?;
    if rise == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let risen: Vec<String> = LOOKUP_FAILED
        .iter()
        .filter_map(|name| {
            case.risen(name).ok().filter(|rise| *rise > 0).map(|rise| format!("{name} +{rise}"))
        })
        .collect();
    let (errors, them) = (TRANSMIT_ERROR.of(rise), THEM.word(rise));
    let tried = match case.tried.len() {
        1 => format!("the flow that was tried does not explain {them}"),
        several => format!("none of the {} that were tried explains {them}", FLOW.of(several)),
    };
    let summary = format!("{errors} {}, but {tried}", case.during());
    Ok(Found::new(Confidence::Possible, "unknown", summary)
        .errors(case)
        .seen_if(case, (!risen.is_empty()).then(|| risen.join(", ")), Source::XfrmStatistics)
        .next(
            case,
            "list what was ruled out and what could not be checked",
            Command::ShowInterfaceInDetail,
        )
        .next(case, "save a capture while the errors are rising", Command::Capture))
}
