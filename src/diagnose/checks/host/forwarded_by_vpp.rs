//! VTI-607: VPP forwards the tunnel's packets, so the kernel's counters do not include them.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::vpp::{self, Vpp};
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::ForwardedByVpp, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    Packets pass through VPP instead of the kernel. The kernel's
    counters of the VTI and of its SAs do not rise, or count only what
    this host itself sends.

Why
    With 'vpp settings ipsec' VPP copies SAs and policies from the
    kernel (linux-cp, over netlink) and encrypts and decrypts packets
    itself. Not the routes into the VTI decide which packets VPP
    encrypts, but the negotiated remote selector. VPP does not support
    all ESP algorithms: it skips an SA with another one and logs
    'linux-cp/ipsec: Invalid/Unsupported crypto algo'.

How to confirm
    {VppErrors}
    {VppInterfaces}
    {VppTrace}	after vppctl trace add INPUT 50

What to do
    Read VPP's own counters. This report describes what the kernel would
    do with packets; it proves nothing about VPP.
";

fn check(case: &Case<'_>) -> Outcome {
    if vpp::forwards(case.now)? == Vpp::Not {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "VPP forwards the packets of {}, so the kernel's counters do not include them",
        case.name
    );
    let (confidence, runs) = if case.now.runs_vpp {
        (Confidence::Proven, "/run/vpp exists, so VPP runs")
    } else {
        (Confidence::Consistent, "/run/vpp does not exist, so VPP may not run")
    };
    Ok(Found::new(confidence, "VPP, by linux-cp", summary)
        .seen(case, "vpp settings ipsec is set", Source::Configuration)
        .concluded(runs, Source::Configuration)
        .next(case, "show what VPP drops, and why", Command::VppErrors)
        .next(case, "show the counters of VPP's interfaces", Command::VppInterfaces)
        .next(case, "show the path of packets through VPP", Command::VppTrace))
}
