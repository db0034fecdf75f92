//! VTI-506: charon lists a CHILD_SA as installed without its SAs in the kernel, or the kernel has SAs that charon does not know.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::KernelAndCharonDisagree,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    charon lists the CHILD_SA as installed, but the kernel has no SA
    with its SPI: the tunnel looks up, but its packets are dropped.
    Or the kernel has SAs that charon does not know: they work until
    they expire, and charon will not rekey them.

Why
    An operator or a program deleted or flushed SAs in the kernel; or
    charon was killed and restarted; or an SA reached its hard limit.

How to confirm
    {ChildSasInDetail}\tthe SPIs that charon has
    {Sas}\tthe SPIs that the kernel has

What to do
    {renegotiate}
";

/// The kernel is read before charon, so a CHILD_SA that is younger than this may have been installed in between.
const SETTLED_SECONDS: u64 = 3;

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let control = tunnel.control()?;
    let sas = case.now.sas.as_ref().map_err(Clone::clone)?;
    let name = control.name().unwrap_or(case.name);
    let again = |found: Found| {
        found.next(case, "compare the SPIs", Command::Sas).next(
            case,
            "restart the negotiation",
            Command::RestartIke,
        )
    };
    for (_, child) in control.children.iter().filter(|(_, c)| c.state == "INSTALLED") {
        if child.installed_seconds.is_none_or(|s| s < SETTLED_SECONDS) {
            continue;
        }
        // charon puts the SPI into the template, so the acquire for a lost SA makes a larval SA with that SPI.
        let lost = [("outbound", child.spi_out), ("inbound", child.spi_in)]
            .into_iter()
            .find(|(_, spi)| spi.0 != 0 && !sas.iter().any(|a| a.spi == *spi && !a.is_larval()));
        if let Some((direction, spi)) = lost {
            let summary = format!(
                "charon lists the CHILD_SA of {name} as installed, but the kernel has no {direction} SA {spi}: packets are dropped"
            );
            let found = Found::new(Confidence::Proven, "CHILD_SA without its SA", summary)
                .severity(case.grade(Severity::Fault))
                .seen(
                    case,
                    format!(
                        "CHILD_SA {}{{{}}}: INSTALLED, {direction} SPI {spi}",
                        child.name, child.unique_id
                    ),
                    Source::Charon,
                )
                .seen(
                    case,
                    format!("the kernel has no SA with SPI {spi}"),
                    Source::SecurityAssociations,
                )
                .errors(case);
            return Ok(again(found));
        }
    }
    let orphans = tunnel.outbound_sas()?;
    let Some(orphan) = orphans.first().filter(|_| control.children.is_empty()) else {
        return Err(Unconfirmed::RuledOut);
    };
    // No connection of charon: the SAs were installed by hand or by another program.
    if control.connections.is_empty() && control.peers.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "the kernel has the SA {} to {}, but charon has no CHILD_SA for it: it will expire without being rekeyed",
        orphan.spi, orphan.destination
    );
    let found = Found::new(Confidence::Consistent, "SA without its CHILD_SA", summary)
        .severity(Severity::Warning)
        .seen(
            case,
            format!("SA {} to {}", orphan.spi, orphan.destination),
            Source::SecurityAssociations,
        )
        .seen(case, "charon has no CHILD_SA for this tunnel", Source::Charon);
    Ok(again(found))
}
