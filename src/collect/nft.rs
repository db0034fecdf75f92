//! The rules by which VyOS validates sources, read from NETLINK_NETFILTER. It needs CAP_NET_ADMIN. No other rule is asked for.

use super::failure::Failure;
use super::socket::{Dump, NETFILTER, PATIENCE};
use crate::snapshot::{Family, Missing, Observed, Reason, Source, SourceValidation};
use crate::units::RULE;
use crate::wire::nft;
use std::path::Path;

/// Where VyOS 1.4 and later have them: vyos.ifconfig.interface (`set interfaces … source-validation`), and
/// data/templates/firewall/nftables.j2 (`set firewall global-options source-validation`).
const TABLE: &str = "raw";
const CHAINS: [&str; 2] = ["vyos_rpfilter", "vyos_global_rpfilter"];
/// To ask a kernel that has not loaded it would load it.
const MODULE: &str = "/sys/module/nf_tables";
/// More rules than this are not kept: a router has two for each interface.
const RULES_KEPT: usize = 10_000;

/// The rules of both families.
pub(super) fn source_validation() -> Observed<Vec<SourceValidation>> {
    if !Path::new(MODULE).exists() {
        let detail = format!("there is no {MODULE}");
        return Err(Missing::new(Source::SourceValidation, Reason::Absent, detail));
    }
    let mut found = Vec::new();
    for family in [Family::Inet, Family::Inet6] {
        for chain in CHAINS {
            found.extend(rules(family, chain)?);
        }
    }
    Ok(found)
}

fn rules(family: Family, chain: &str) -> Observed<Vec<SourceValidation>> {
    let dump = Dump {
        name: "NFT_MSG_GETRULE",
        protocol: NETFILTER,
        request: nft::question(family, TABLE, chain),
        answer: nft::NEWRULE,
        patience: PATIENCE / 4,
    };
    let decode = |payload: &[u8], rules: &mut Vec<SourceValidation>| {
        rules.extend(nft::decode(payload)?);
        if rules.len() > RULES_KEPT {
            let detail = format!("more than {} validate sources", RULE.of(RULES_KEPT));
            return Err(Failure::new(Reason::Failed, detail));
        }
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::SourceValidation))
}
