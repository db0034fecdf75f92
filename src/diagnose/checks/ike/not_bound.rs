//! VTI-505: VyOS has the interface, and no peer is bound to it.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Observed, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(505),
    name: "not-bound",
    severity: Severity::Notice,
    explain: EXPLAIN,
    masked_by: &[606],
    check,
};

const EXPLAIN: &str = "
What happens
    The interface is there, and no IPsec peer uses it: no SA will ever
    carry its key.

Why
    `vti bind` is not set at any peer, or names another interface.

How to confirm
    show configuration commands | match 'vti bind'

What to do
    set vpn ipsec site-to-site peer PEER vti bind IFACE
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let tunnel = case.tunnel()?;
    let configuration = case.now.configuration.as_ref().map_err(Clone::clone)?;
    let is_configured = configuration.interfaces.iter().any(|i| i.name == case.name);
    if !is_configured || !tunnel.configured_peers().is_empty() || tunnel.has_sas()? {
        return Ok(None);
    }
    let summary = format!("no peer is bound to {}", case.name);
    Ok(Some(
        Found::new(Confidence::Proven, "vpn ipsec … vti bind", summary)
            .seen(case, format!("no peer has vti bind {}", case.name), Source::Configuration)
            .next(
                case,
                "see which peers are bound",
                "show configuration commands | match 'bind'",
                "show configuration commands | match 'bind'",
            ),
    ))
}
