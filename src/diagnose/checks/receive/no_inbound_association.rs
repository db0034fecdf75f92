//! VTI-401: what the peer sends has no SA here.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::PACKET;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoInboundAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::InboundAssociationMismatch]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets go out, and what comes back is dropped. On vti and vti6
    rx_errors and rx_dropped rise; on an xfrm interface nothing does.
    XfrmInNoStates moves.

Why
    xfrm_input() looks the SA up by destination, SPI and protocol (and,
    on vti, its input mark), and finds none: the inbound SA is
    not installed, or the peer still uses an old SPI after one side lost
    its state.

How to confirm
    {Sas}\tno SA from the peer to this host
    {Esp}\tthe SPI that the peer uses

What to do
    {anew}
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA nothing is expected to come in",
        ));
    };
    let advise = |found: Found| {
        found.next(case, "see the SPIs that the peer sends", Command::Esp).next(
            case,
            "negotiate anew",
            Command::RestartIke,
        )
    };
    if inbound.own.is_empty() {
        let summary = format!(
            "{} has an SA to the peer and none from it: nothing that comes back can be decrypted",
            case.name
        );
        let found = Found::new(Confidence::Proven, "xfrm_input: no SA for the SPI", summary)
            .seen(
                case,
                format!("no inbound SA with the {} from the peer", case.tunnel()?.mark_or_if_id),
                Source::SecurityAssociations,
            )
            .seen_if(case, case.counted.words("rx_errors", |c| c.rx_errors), Source::Links);
        return Ok(advise(found));
    }
    // With an SA installed, only the counters can tell that the peer uses another; they belong to the whole host.
    let (unknown, refused) =
        match (case.risen("XfrmInNoStates"), case.counted.rise(|c| c.rx_errors)) {
            (Ok(unknown), Ok(refused)) if unknown > 0 && refused > 0 => (unknown, refused),
            _ => return Err(Unconfirmed::RuledOut),
        };
    let summary = format!(
        "{} came in for SPIs that are not installed, as far as the counters tell",
        PACKET.of(refused)
    );
    let found = Found::new(Confidence::Possible, "xfrm_input: no SA for the SPI", summary)
        .severity(Severity::Warning)
        .seen(case, format!("XfrmInNoStates +{unknown}"), Source::XfrmStatistics)
        .seen(case, format!("rx_errors +{refused}"), Source::Links);
    Ok(advise(found))
}
