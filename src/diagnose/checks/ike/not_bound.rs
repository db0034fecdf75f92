//! VTI-505: VyOS has the interface configured, but no peer is bound to it.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Missing, Reason, Source};

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::NotBound, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The interface exists, but no IPsec peer uses it. It will never get
    an SA, so it drops every packet that is routed into it.

Why
    `vti bind` is set for no peer, or names another interface.

How to confirm
    {BoundPeers}

What to do
    {BindPeer}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    let configuration = case.now.configuration.as_ref().map_err(Clone::clone)?;
    let is_configured = configuration.interfaces.iter().any(|i| i.name == case.name);
    if !is_configured {
        return Err(Unconfirmed::NotApplicable("VyOS's configuration has no such interface"));
    }
    if !tunnel.configured_peers().is_empty() || tunnel.has_sas()? {
        return Err(Unconfirmed::RuledOut);
    }
    if let Some(unread) = configuration.unread.first() {
        let what = format!("{}: {}", unread.node, unread.why);
        return Err(Missing::new(Source::Configuration, Reason::Failed, what).into());
    }
    let summary = format!("{} can never get an SA: no peer is bound to it", case.name);
    let found = Found::new(Confidence::Proven, "vpn ipsec … vti bind", summary);
    let found =
        if case.is_routed() { found } else { found.keeps_severity("nothing is routed into it") };
    Ok(found
        .seen(case, format!("no peer has `vti bind {}`", case.name), Source::Configuration)
        .next(case, "list the bound peers", Command::BoundPeers))
}
