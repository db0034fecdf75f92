//! What an operator calls a rule: on VyOS the words of its configuration, which it writes into comments, elsewhere nft's. It decides
//! nothing.

use super::{Chain, Rule, TableFamily};
use crate::snapshot::vyos_rule::VyosRule;

/// The chains in which VyOS has its global state policy (data/templates/firewall/nftables.j2), whose rules have no comments.
const STATE_POLICY: [&str; 2] = ["VYOS_STATE_POLICY", "VYOS_STATE_POLICY6"];

/// The name of a rule, or of the policy of a chain where there is no rule: `firewall ipv4 forward filter rule 20`, or
/// `rule 7 of chain forward in table inet filter`, with its comment.
pub fn rule_name(chain: &Chain, rule: Option<&Rule>) -> String {
    let family = match chain.family {
        TableFamily::Ip6 => "ipv6",
        TableFamily::Bridge => "bridge",
        TableFamily::Ip | TableFamily::Inet | TableFamily::Netdev => "ipv4",
    };
    let of = format!("chain {} in table {} {}", chain.chain, chain.family.name(), chain.table);
    let Some(rule) = rule else { return format!("the policy of {of}") };
    if let Some(vyos) = VyosRule::of(&rule.comment) {
        return vyos.words(family);
    }
    if STATE_POLICY.contains(&chain.chain.as_str()) {
        return format!("firewall global-options state-policy ({} of {of})", rule.called());
    }
    if rule.comment.is_empty() {
        format!("{} of {of}", rule.called())
    } else {
        format!("{} of {of} (\"{}\")", rule.called(), rule.comment)
    }
}
