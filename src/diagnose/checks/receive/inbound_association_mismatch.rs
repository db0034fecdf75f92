//! VTI-405: the inbound SA from the peer has another mark or if_id than the interface.

use crate::code::Code;
use crate::diagnose::arrivals::Arrival;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::refused;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::tunnel::MarkOrIfId;
use crate::way::receive::{Refusal, Site};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::InboundAssociationMismatch,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are sent, but the answers from the peer are dropped. On vti
    and vti6 rx_errors is rising: the kernel looks the SA up with the
    interface's inbound mark and does not find it. On an xfrm interface
    XfrmInNoPols is rising: the decrypted packet belongs to no
    interface.

Why
    The inbound SA has another mark or if_id than the interface. Or vti
    and vti6 refuse the SA, because it is not in tunnel mode, or because
    its direction is out (XfrmInStateModeError or XfrmInStateDirError is
    rising). Or its selector does not cover what the peer sends
    (XfrmInStateMismatch is rising).

How to confirm
    {Sas}\tthe inbound SA's mark or if_id, mode and direction
    {LinkInDetail}

What to do
    Set if_id_in and if_id_out (or mark_in and mark_out) of the child to
    the values of the interface, and its mode to tunnel, then restart
    the negotiation.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    if !inbound.own.is_empty() {
        return match of_no_use(case) {
            Err(Unconfirmed::RuledOut) => refused::check(case, |arrival| {
                matches!(arrival.refusal(), Some(Refusal::Selector | Refusal::OtherFamily))
            }),
            other => other,
        };
    }
    let Some(stray) = inbound.stray.first() else { return Err(Unconfirmed::RuledOut) };
    let (have, want) = match case.tunnel()?.mark_or_if_id {
        MarkOrIfId::IfId(if_id) => (format!("if_id {}", stray.if_id), format!("if_id {if_id}")),
        MarkOrIfId::Mark { input, .. } => {
            (format!("mark {}", stray.mark), format!("inbound mark {input:#x}"))
        }
    };
    let summary = format!(
        "packets from the peer are dropped: their SA {} has {have}, but {} wants {want}",
        stray.spi, case.name
    );
    Ok(Found::new(Confidence::Proven, "xfrm_input: the SA is not this interface's", summary)
        .seen(
            case,
            format!("inbound SA {} from {}: {have}", stray.spi, stray.source),
            Source::SecurityAssociations,
        )
        .seen_if(case, case.counted.words("rx_errors", |c| c.rx_errors), Source::Links)
        .next(case, "compare mark and if_id", Command::Sas))
}

/// The SA has the interface's mark or if_id, but the kernel takes no packet with it: for its direction, or, on a vti, for its mode.
fn of_no_use(case: &Case<'_>) -> Outcome {
    let arrivals = case.arrivals()?;
    let is_refused = |a: &&Arrival<'_>| {
        matches!(
            a.verdict.site,
            Site::NotTunnelMode { .. } | Site::SaDirection { .. } | Site::InnerMode { .. }
        )
    };
    // One SA that takes packets speaks for all.
    let (Some(lost), true) =
        (arrivals.iter().find(is_refused), arrivals.iter().all(|a| is_refused(&a)))
    else {
        return Err(Unconfirmed::RuledOut);
    };
    let (spi, name) = (lost.sa.spi, case.name);
    let why = match &lost.verdict.site {
        Site::NotTunnelMode { mode, .. } => {
            format!("their SA {spi} has mode {mode}, but {name} needs mode tunnel")
        }
        Site::InnerMode { .. } => format!(
            "the selector of their SA {spi} is of the other address family, and this kernel takes no other with it"
        ),
        _ => format!("their SA {spi} is installed for the other direction (out)"),
    };
    let summary = format!("packets from the peer are dropped: {why}");
    Ok(Found::proven_inbound(case, lost, summary)
        .seen_if(case, case.counted.words("rx_errors", |c| c.rx_errors), Source::Links)
        .before(case, lost)
        .next(case, "compare mode and direction of the SA", Command::Sas))
}
