//! VTI-607: VPP forwards the tunnel's traffic, and the kernel's counters do not include it.

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
    Packets pass through VPP and not through the kernel. The counters of
    the VTI and of its SAs in the kernel stand still, or count only what
    this host itself sends.

Why
    With 'vpp settings ipsec' VPP takes SAs and policies from the kernel
    (linux-cp, over netlink) and encrypts and decrypts itself. The
    routes into the VTI do not decide which packets it takes: the remote
    selector that the peers agreed on does. VPP does not know all ESP
    algorithms: it leaves out an SA with another one, and its log says
    'linux-cp/ipsec: Invalid/Unsupported crypto algo'.

How to confirm
    {VppErrors}
    {VppInterfaces}
    {VppTrace}	after: vppctl trace add INPUT 50

What to do
    Look at VPP's own counters. What this report says of the data path
    is what the kernel would do; it proves nothing about VPP.
";

fn check(case: &Case<'_>) -> Outcome {
    if vpp::forwards(case.now)? == Vpp::Not {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "VPP forwards the traffic of {}: the kernel's counters do not include it",
        case.name
    );
    let (confidence, runs) = if case.now.runs_vpp {
        (Confidence::Proven, "/run/vpp exists: VPP runs")
    } else {
        (Confidence::Consistent, "/run/vpp does not exist: VPP may not run")
    };
    Ok(Found::new(confidence, "VPP, by linux-cp", summary)
        .seen(case, "vpp settings ipsec is set", Source::Configuration)
        .concluded(runs, Source::Configuration)
        .next(case, "see what VPP drops", Command::VppErrors)
        .next(case, "see the counters of VPP's interfaces", Command::VppInterfaces)
        .next(case, "see the way of packets through VPP", Command::VppTrace))
}
