//! VTI-999: errors rise, and nothing that could be read explains them.

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
    Transmit errors rise, and every flow that was tried passes.

Why
    Not known. Perhaps the state comes and goes between two looks, or
    only flows that were not tried are lost, or something was not read:
    --detail lists what was ruled out and what was not.

How to confirm
    {ShowInterfaceInDetail}
    {Lookup}

What to do
    Save a capture while the errors rise; it replays anywhere:
    {Capture}
";

fn check(case: &Case<'_>) -> Outcome {
    let rise = case.counted.rise(|c| c.tx_errors)?;
    if rise == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let moved: Vec<String> = LOOKUP_FAILED
        .iter()
        .filter_map(|name| {
            case.risen(name).ok().filter(|rise| *rise > 0).map(|rise| format!("{name} +{rise}"))
        })
        .collect();
    let (errors, them) = (TRANSMIT_ERROR.of(rise), THEM.word(rise));
    let tried = match case.tried.len() {
        1 => format!("the one flow tried does not explain {them}"),
        several => format!("none of the {} tried explains {them}", FLOW.of(several)),
    };
    let summary = format!("{errors} over the interval, and {tried}");
    Ok(Found::new(Confidence::Possible, "not known", summary)
        .errors(case)
        .seen_if(case, (!moved.is_empty()).then(|| moved.join(", ")), Source::XfrmStatistics)
        .next(case, "see what was ruled out and what was not read", Command::ShowInterfaceInDetail)
        .next(case, "save the state while it happens", Command::Capture))
}
