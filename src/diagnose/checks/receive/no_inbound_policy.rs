//! VTI-404: packets from the peer are decrypted, but no policy lets them in.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome};
use crate::diagnose::refused;
use crate::way::receive::Refusal;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoInboundPolicy,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::InboundAssociationMismatch, Code::NotTakenByTheInterface]),
    check,
};

const EXPLAIN: &str = "
What happens
    The inbound SA counts packets, but they are dropped after they were
    decrypted. XfrmInNoPols is rising. On vti and vti6 rx_errors and
    rx_dropped are rising, too; an xfrm interface counts rx_packets, and
    the packets are dropped after that.

Why
    A decrypted packet must match a policy that names its SA. On vti and
    vti6 that is a policy of direction in, also for packets that are
    forwarded. On an xfrm interface it is a policy of direction in for
    packets to this host itself (ping, BGP), and one of direction fwd
    for packets that are forwarded; where one of the two is missing, the
    other traffic passes. No such policy has the inbound mark or if_id
    of the interface, or none covers the packets.
    Where disable_policy is set, no policy is needed for IPv4 packets:
    net.ipv4.conf.DEV.disable_policy of all, of the xfrm interface, or
    for a vti of the device by which the encrypted packets come.

How to confirm
    {InboundPolicies}
    {ForwardPolicies}

What to do
    {renegotiate}
    With manually configured SAs, add the missing policy.
";

fn check(case: &Case<'_>) -> Outcome {
    refused::check(case, |arrival| {
        matches!(arrival.refusal(), Some(Refusal::NoPolicy { .. } | Refusal::DefaultBlock))
            && !arrival.is_refused_outside()
    })
}
