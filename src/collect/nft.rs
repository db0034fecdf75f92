//! The rules by which VyOS validates sources, and the sets that they name, read from NETLINK_NETFILTER. It needs CAP_NET_ADMIN. No other
//! rule is asked for, and no module is loaded for it.

use super::failure::Failure;
use super::socket::{Dump, NETFILTER, PATIENCE};
use crate::snapshot::{Family, Observed, Reason, Source, SourceValidation};
use crate::units::{ELEMENT, RULE};
use crate::wire::nft::{self, Rule};
use crate::wire::source_validation::{GLOBAL_CHAIN, Set, sets_of, validations};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Where VyOS 1.4 and later have them: vyos.ifconfig.interface (`set interfaces … source-validation`), and
/// data/templates/firewall/nftables.j2 (`set firewall global-options source-validation`).
const TABLE: &str = "raw";
const CHAINS: [&str; 2] = ["vyos_rpfilter", GLOBAL_CHAIN];
/// There where the module is loaded, and not where the kernel has it built in.
const LOADED: &str = "/sys/module/nf_tables";
/// More rules than this are not kept: a router has two for each interface.
const RULES_KEPT: usize = 10_000;
/// A set has an element for each interface.
const ELEMENTS_KEPT: usize = 10_000;

/// The rules of both families.
pub(super) fn source_validation() -> Observed<Vec<SourceValidation>> {
    let of = |failure: Failure| {
        let failure = match Path::new(LOADED).exists() {
            // `nfnetlink_rcv_msg()` of a kernel without nf_tables.
            false if failure.errno == Some(Errno::EINVAL) => {
                Failure::new(Reason::Absent, "this kernel has no nf_tables")
            }
            _ => failure,
        };
        failure.missing(Source::SourceValidation)
    };
    let release = nix::sys::utsname::uname();
    let release = release.as_ref().map(|name| name.release().to_string_lossy());
    let built_in = format!("/lib/modules/{}/modules.builtin", release.unwrap_or_default());
    may_ask(Path::new(LOADED), Path::new(&built_in)).map_err(of)?;
    let mut found = Vec::new();
    for family in [Family::Inet, Family::Inet6] {
        for chain in CHAINS {
            let rules = rules(family, chain).map_err(of)?;
            let names: BTreeSet<&str> = rules.iter().flat_map(sets_of).collect();
            let sets = names.into_iter().map(|name| set(family, name));
            let sets = sets.collect::<Result<Vec<Set>, Failure>>().map_err(of)?;
            found.extend(validations(chain, &rules, &sets));
        }
    }
    Ok(found)
}

/// Whether nf_tables answers without being loaded for it (`nfnetlink_rcv_msg()` asks for the module): it is loaded or built in, or there is
/// no module of it. Only a module that waits to be loaded is not asked for: then no rule exists.
fn may_ask(loaded: &Path, built_in: &Path) -> Result<(), Failure> {
    if loaded.exists() {
        return Ok(());
    }
    match fs::read_to_string(built_in) {
        Ok(list) if list.lines().any(|line| line.ends_with("/nf_tables.ko")) => Ok(()),
        Ok(_) => Err(Failure::new(Reason::Absent, "the module nf_tables is not loaded")),
        // Without it modprobe has no modules either.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::from(error).in_operation("see whether nf_tables is built in")),
    }
}

fn rules(family: Family, chain: &str) -> Result<Vec<Rule>, Failure> {
    let dump = Dump {
        name: "NFT_MSG_GETRULE",
        protocol: NETFILTER,
        request: nft::question(family, TABLE, chain),
        answer: nft::NEWRULE,
        patience: PATIENCE / 4,
    };
    let decode = |payload: &[u8], rules: &mut Vec<Rule>| {
        rules.extend(nft::decode(payload)?);
        if rules.len() > RULES_KEPT {
            let detail = format!("more than {} validate sources", RULE.of(RULES_KEPT));
            return Err(Failure::new(Reason::Failed, detail));
        }
        Ok(())
    };
    dump.read(decode)
}

/// The elements of a set. They say which interfaces are in it, and of an interval that it is one: what else the set is (NFT_MSG_GETSET) is
/// not asked for.
fn set(family: Family, name: &str) -> Result<Set, Failure> {
    let dump = Dump {
        name: "NFT_MSG_GETSETELEM",
        protocol: NETFILTER,
        request: nft::elements_question(family, TABLE, name),
        answer: nft::NEWSETELEM,
        patience: PATIENCE / 4,
    };
    let decode = |payload: &[u8], elements: &mut Vec<nft::Element>| {
        elements.extend(nft::decode_elements(payload)?);
        if elements.len() > ELEMENTS_KEPT {
            let detail = format!("more than {} in a set", ELEMENT.of(ELEMENTS_KEPT));
            return Err(Failure::new(Reason::Failed, detail));
        }
        Ok(())
    };
    let elements = dump.read(decode).map_err(|failure| match failure.reason {
        // It went between two questions: that is no absent nf_tables.
        Reason::Absent => Failure { reason: Reason::Vanished, ..failure },
        _ => failure,
    })?;
    Ok(Set { family, name: name.to_owned(), elements })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nf_tables_is_asked_unless_that_would_load_it() {
        let root = tempfile::tempdir().unwrap();
        let (loaded, built_in) = (root.path().join("nf_tables"), root.path().join("builtin"));
        let reason = || may_ask(&loaded, &built_in).map_err(|failure| failure.reason);
        assert_eq!(reason(), Ok(()), "a kernel without modules");
        fs::write(&built_in, "kernel/net/ipv4/ip_vti.ko\n").unwrap();
        assert_eq!(reason(), Err(Reason::Absent), "a module that is not loaded");
        fs::write(&built_in, "kernel/net/netfilter/nf_tables.ko\n").unwrap();
        assert_eq!(reason(), Ok(()), "built in");
        fs::remove_file(&built_in).unwrap();
        fs::create_dir(&built_in).unwrap();
        assert!(reason().is_err_and(|reason| reason != Reason::Absent), "it cannot be read");
        fs::create_dir(&loaded).unwrap();
        assert_eq!(reason(), Ok(()), "loaded");
    }
}
