//! VTI-112: an SA to the peer is there, but it does not fit the policy's template.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Severity};
use crate::snapshot::Observed;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(112),
    name: "security-association-mismatch",
    severity: Severity::Fault,
    explain: EXPLAIN,
    masked_by: &[],
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error; XfrmOutNoStates moves with it. The tunnel looks up,
    and its outbound SA counts nothing.

Why
    xfrm_state_find() wants an SA whose family, reqid, mark, if_id,
    addresses, mode and protocol all fit the policy and its template,
    and whose own selector takes the packet. The nearest SA differs in
    the field named here. (From 6.10 on, an SA that was installed for
    the inbound direction is refused as well.)

How to confirm
    ip -d xfrm state list
    ip xfrm policy list dir out       compare field by field

What to do
    If charon installed both, negotiate anew:
    reset vpn ipsec site-to-site peer PEER
    If something else did (a script, an old key daemon), remove it. An
    SA with a selector of the outer family lacks the flag af-unspec.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let lost = case.lost_to(112)?;
    let Some(first) = lost.first() else { return Ok(None) };
    let summary = match &first.verdict.site {
        Site::NoSa(wanted) => match &wanted.nearest {
            Some(nearest) => {
                let fields = nearest
                    .mismatches
                    .iter()
                    .map(|m| format!("{} {}, wanted {}", m.field, m.have, m.want));
                let fields = fields.collect::<Vec<_>>().join("; ");
                format!(
                    "SA {} to {} does not fit the policy: {fields}",
                    nearest.spi, nearest.destination
                )
            }
            None => return Ok(None),
        },
        Site::SaDirection { spi } => {
            format!("SA {spi} was installed for the inbound direction: direction in, wanted out")
        }
        _ => return Ok(None),
    };
    Ok(Some(
        Found::proven(case, first, summary)
            .severity(case.grade(Severity::Fault))
            .next(
                case,
                "compare SA and policy field by field",
                "show vpn ipsec state",
                "ip -d xfrm state list nokeys",
            )
            .next(
                case,
                "negotiate anew",
                "reset vpn ipsec site-to-site peer PEER",
                "swanctl --terminate --child NAME",
            ),
    ))
}
