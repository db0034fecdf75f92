//! VTI-506: charon believes in a CHILD_SA that the kernel does not have, or the kernel has SAs that charon does not know.

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
    charon shows the CHILD_SA as installed, and the kernel has no SA
    with its SPI: it is said to be up, and packets are lost. Or the
    kernel has SAs that charon does not know: they work until they
    expire, and nobody renews them.

Why
    Somebody deleted or flushed SAs in the kernel; the daemon
    was killed and started again; a hard limit ended an SA.

How to confirm
    {ChildSasInDetail}\tSPIs as charon knows them
    {Sas}\tSPIs as the kernel has them

What to do
    {anew}
";

/// The kernel is read before charon: what is younger may have come in between.
const SETTLED_SECONDS: u64 = 3;

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let control = tunnel.control()?;
    let sas = case.now.sas.as_ref().map_err(Clone::clone)?;
    let name = control.name().unwrap_or(case.name);
    let again = |found: Found| {
        found.next(case, "compare the SPIs", Command::Sas).next(
            case,
            "negotiate anew",
            Command::RestartIke,
        )
    };
    for (_, child) in control.children.iter().filter(|(_, c)| c.state == "INSTALLED") {
        if child.installed_seconds.is_none_or(|s| s < SETTLED_SECONDS) {
            continue;
        }
        // charon puts its SPI into the template, so that the acquire for a lost SA makes a larval one with that SPI.
        let lost = [("outbound", child.spi_out), ("inbound", child.spi_in)]
            .into_iter()
            .find(|(_, spi)| spi.0 != 0 && !sas.iter().any(|a| a.spi == *spi && !a.is_larval()));
        if let Some((direction, spi)) = lost {
            let summary = format!(
                "charon has the CHILD_SA of {name} as installed, and the kernel does not have its {direction} SA {spi}"
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
                .seen(case, format!("no SA with SPI {spi}"), Source::SecurityAssociations)
                .errors(case);
            return Ok(again(found));
        }
    }
    let orphans = tunnel.outbound_sas()?;
    let Some(orphan) = orphans.first().filter(|_| control.children.is_empty()) else {
        return Err(Unconfirmed::RuledOut);
    };
    // Nobody's connection: SAs that somebody made by hand.
    if control.connections.is_empty() && control.peers.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "the kernel has the SA {} to {} and charon knows no CHILD_SA for it: it works until it expires, and nobody renews it",
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
