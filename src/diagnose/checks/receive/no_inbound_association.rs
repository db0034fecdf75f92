//! VTI-401: this host has no SA for the packets from the peer.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Driver, Source};
use crate::units::PACKET;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoInboundAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::InboundAssociationMismatch]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are sent, but the answers from the peer are dropped.
    XfrmInNoStates is rising, which counts for the whole host. On vti
    and vti6 rx_errors and rx_dropped are rising, too. On an xfrm
    interface no counter is rising: only an SA shows the kernel to which
    xfrm interface a packet belongs.

Why
    xfrm_input() looks the SA up by destination, SPI and protocol (on
    vti also by the inbound mark) and finds none. Either the inbound SA
    is not installed, or the peer still uses an old SPI because one end
    lost its state.

How to confirm
    {Sas}\tis there an SA from the peer?
    {Esp}\twhich SPI does the peer use?

What to do
    {renegotiate}
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let advise = |found: Found| {
        found.next(case, "show the SPIs that the peer uses", Command::Esp).next(
            case,
            "restart the negotiation",
            Command::RestartIke,
        )
    };
    let tunnel = case.tunnel()?;
    // XfrmInNoStates counts for the whole host. `xfrm_input()` has no device of an xfrm interface for a packet without an SA.
    let is_counted = tunnel.driver != Driver::Xfrm;
    let unknown = case.risen("XfrmInNoStates").unwrap_or(0);
    let of_host =
        (unknown > 0).then(|| format!("XfrmInNoStates +{unknown} {} (whole host)", case.during()));
    if inbound.own.is_empty() {
        let summary = format!(
            "packets from the peer are dropped: {} has an SA to the peer, but none from the peer",
            case.name
        );
        let errors = case.counted.words("rx_errors", |c| c.rx_errors).filter(|_| is_counted);
        let found = Found::new(Confidence::Proven, "xfrm_input: no SA for the SPI", summary)
            .seen(
                case,
                format!("no inbound SA from the peer has {}", tunnel.mark_or_if_id),
                Source::SecurityAssociations,
            )
            .seen_if(case, errors, Source::Links)
            .seen_if(case, of_host, Source::XfrmStatistics);
        return Ok(advise(found));
    }
    // With an SA installed, only counters can show that the peer uses another SPI. What the interface refused and no SA counted may be that.
    let risen = case.counted.rise(|c| c.rx_errors).unwrap_or(0);
    let refused = risen.saturating_sub(inbound.refused(case.before()).unwrap_or(0)).min(unknown);
    if !is_counted || refused == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "{} from the peer may have been dropped {}: no SA has their SPI",
        PACKET.of(refused),
        case.during()
    );
    let found = Found::new(Confidence::Possible, "xfrm_input: no SA for the SPI", summary)
        .severity(Severity::Warning)
        .seen_if(case, of_host, Source::XfrmStatistics)
        .seen(case, format!("rx_errors +{risen} {}", case.during()), Source::Links);
    Ok(advise(found))
}
