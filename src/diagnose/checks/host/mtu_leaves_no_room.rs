//! VTI-602: the interface's MTU leaves no room for ESP, and packets have been too big.

use crate::diagnose::mtu::MtuHeadroom;
use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Observed, Source};
use crate::units::{PACKET, WAS};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(602),
    name: "mtu-leaves-no-room",
    severity: Severity::Warning,
    explain: EXPLAIN,
    masked_by: &[202, 606],
    check,
};

const EXPLAIN: &str = "
What happens
    Full-size packets are refused with ICMP fragmentation needed, or
    fragmented after encryption. Where the ICMP is filtered, connections
    hang.

Why
    The interface's MTU and what ESP adds are more than the outer path
    carries (VyOS gives a VTI 1500 by default), and the interface has
    counted packets that were too big. Without such packets this is not
    reported: path MTU discovery then does its work.

How to confirm
    ip -d link show dev IFACE         mtu
    ip route get PEER                 mtu of the path

What to do
    set interfaces vti IFACE mtu 1400
    set interfaces vti IFACE ip adjust-mss clamp-mss-to-pmtu
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let refused = case.counted.total.as_ref().map_err(Clone::clone)?.tx_too_big_or_other;
    let Some(room) = MtuHeadroom::of(case)? else { return Ok(None) };
    if refused == 0 || room.fits() {
        return Ok(None);
    }
    let summary = format!(
        "{}; {} did not fit (or {} not IP) since boot",
        room.words(case.name),
        PACKET.of(refused),
        WAS.word(refused)
    );
    Ok(Some(
        Found::new(
            Confidence::Consistent,
            "skb->len > mtu, and the packet must not be fragmented",
            summary,
        )
        .severity(Severity::Notice)
        .seen(case, room.words(case.name), Source::RouteLookups)
        .next(
            case,
            "see whether it goes on",
            "sudo vti-diagnostics show --interface IFACE --interval 10",
            "vti-diagnostics show --interface IFACE --interval 10",
        )
        .next(
            case,
            "lower the MTU",
            &room.set_mtu(),
            &format!("ip link set IFACE mtu {}", room.advice()),
        ),
    ))
}
