//! VTI-412: a policy matches the packets from the peer, and refuses them.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::refused;
use crate::report::Confidence;
use crate::snapshot::{Direction, Source};
use crate::units::PACKET;
use crate::way::Flow;
use crate::way::receive::{self, Encrypted, Refusal, Site};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::InboundPolicyMismatch,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[
        Code::InboundAssociationMismatch,
        Code::NotTakenByTheInterface,
        Code::NoInboundPolicy,
    ]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets from the peer are dropped by a policy that matches them.
    XfrmInTmplMismatch, XfrmInPolBlock or XfrmInStateMismatch is rising.
    On vti and vti6 rx_errors and rx_dropped are rising, too, unless the
    encrypted packet itself is refused: then the interface counts
    nothing, and the SA is not used.

Why
    The kernel takes one policy, that of the best priority. It refuses
    the packet if its action is block, if its template asks for another
    SA (reqid, mode, source), or if it has no template: a policy without
    a template takes only packets that came in clear.
    A vti also compares the encrypted packet itself with the policies
    without a mark, before it is decrypted: a policy of another tunnel
    that covers the outer addresses (0.0.0.0/0), or a default of block,
    drops all packets of all vti. The same happens if a rule of the
    packet filter marks the encrypted packets with the mark of the vti.

How to confirm
    {InboundPolicies}
    {ForwardPolicies}
    {DefaultPolicies}
    {Sas}\treqid, mode and addresses of the inbound SA

What to do
    Remove the policy that is in the way, or give it a mark or an if_id.
    If the template asks for another SA than the one in use:
    {renegotiate}
";

fn check(case: &Case<'_>) -> Outcome {
    let by_state = refused::check(case, |arrival| {
        arrival.is_refused_outside()
            || matches!(
                arrival.refusal(),
                Some(
                    Refusal::Blocks { .. } | Refusal::Template { .. } | Refusal::NoTemplate { .. }
                )
            )
    });
    match by_state {
        Err(Unconfirmed::RuledOut) => marked_outside(case),
        other => other,
    }
}

/// The encrypted packets carry the mark of the vti itself, so that its own policy refuses them before they are decrypted (`vti_input()`). No
/// state shows the mark, but the counters fit nothing else: refused by a policy, and neither the interface nor its SA counts them.
fn marked_outside(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let Some(mark) = tunnel.mark_or_if_id.mark(Direction::In).filter(|mark| *mark != 0) else {
        return Err(Unconfirmed::RuledOut);
    };
    let counted = ["XfrmInTmplMismatch", "XfrmInPolBlock"].map(|name| (name, case.risen(name)));
    let Some((name, refused)) =
        counted.into_iter().find_map(|(name, rise)| Some((name, rise.ok().filter(|n| *n > 0)?)))
    else {
        return Err(Unconfirmed::RuledOut);
    };
    let Some(sa) = inbound.own.first() else { return Err(Unconfirmed::RuledOut) };
    let packets = |snapshot: &crate::snapshot::Snapshot| -> u64 {
        let all = snapshot.sas.iter().flatten();
        let own = all.filter(|a| inbound.own.iter().any(|own| own.spi == a.spi));
        own.map(|a| a.current.packets).sum()
    };
    let is_quiet = packets(case.now) == packets(case.before()?)
        && case.counted.rise(|c| c.rx_errors).unwrap_or(0) == 0;
    let inner = Flow::probe(sa.source, sa.destination);
    let packet = Encrypted { mark, ..Encrypted::of(sa, inner) };
    let verdict = receive::receive(tunnel.state, &packet);
    if !is_quiet || !matches!(verdict.site, Site::OuterPolicy { .. }) {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "packets from the peer are refused before they are decrypted: as if a rule of the packet filter marked their ESP with {mark:#x}, the mark of {}",
        case.name
    );
    let host = format!("{name} +{refused} {} (whole host)", case.during());
    let (name, of) = (case.name, PACKET.of(0u64));
    let quiet = format!("the inbound SA and {name} counted {of} of the peer {}", case.during());
    Ok(Found::new(Confidence::Consistent, verdict.effect.function, summary)
        .seen(case, host, Source::XfrmStatistics)
        .seen(case, quiet, Source::SecurityAssociations)
        .steps(case, &verdict.trail)
        .next(case, "look for a rule that sets this mark", Command::Ruleset)
        .next(case, "list the policies", Command::InboundPolicies))
}
