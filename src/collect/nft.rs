//! The rules of nftables, read from NETLINK_NETFILTER. It needs CAP_NET_ADMIN. It loads no module.

use super::failure::Failure;
use super::socket::{Dump, NETFILTER, PATIENCE, Socket};
use crate::snapshot::filter::{Chain, LegacyTable, Ruleset, Set, TableFamily, Unread};
use crate::snapshot::{Observed, Reason, Source, SourceValidation};
use crate::units::RULE;
use crate::wire::netlink::Request;
use crate::wire::nft::{self, Layout, NewRule, Sets};
use crate::wire::source_validation;
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// Exists where the module is loaded, but not where it is built into the kernel.
const LOADED: &str = "/sys/module/nf_tables";
/// Most rules that are kept. A router has some hundreds.
const RULES_KEPT: usize = 20_000;
/// Most elements of a set: those of a country have more, and are not needed to find a rule that drops everything.
const ELEMENTS_KEPT: usize = 2_000;
/// Most sets whose elements are read, and the time for them: each is a request of its own, for which the kernel goes through its list of sets
/// (5,000 took 3 s).
const SETS_KEPT: usize = 500;
const PATIENCE_FOR_SETS: Duration = Duration::from_millis(300);
/// Attempts to read all of one generation.
const ATTEMPTS: usize = 3;

/// The rules of all families that see IP packets, and those of them by which VyOS validates sources.
pub(super) fn read() -> (Observed<Ruleset>, Observed<Vec<SourceValidation>>) {
    let ruleset = consistent();
    let validation = ruleset.as_ref().map(source_validation::source_validation);
    let validation =
        validation.map_err(|failure| failure.clone().missing(Source::SourceValidation));
    let filter = with_legacy(ruleset, legacy(Path::new("/proc/net")));
    (filter.map_err(|failure| failure.missing(Source::PacketFilter)), validation)
}

/// The rules with the tables of the older iptables, which needs no nf_tables.
fn with_legacy(
    ruleset: Result<Ruleset, Failure>,
    legacy: Result<Vec<LegacyTable>, Failure>,
) -> Result<Ruleset, Failure> {
    match (ruleset, legacy) {
        (Ok(ruleset), Ok(legacy)) => Ok(Ruleset { legacy, ..ruleset }),
        (Err(failure), Ok(legacy)) if failure.reason == Reason::Absent && !legacy.is_empty() => {
            Ok(Ruleset { legacy, ..Ruleset::default() })
        }
        (Err(failure), Err(_)) if failure.reason != Reason::Absent => Err(failure),
        (_, Err(failure)) | (Err(failure), _) => Err(failure),
    }
}

/// The ruleset of one generation. A dump of its own is consistent; several are if no change came between them.
fn consistent() -> Result<Ruleset, Failure> {
    let release = nix::sys::utsname::uname();
    let release = release.as_ref().map(|name| name.release().to_string_lossy());
    let built_in = format!("/lib/modules/{}/modules.builtin", release.unwrap_or_default());
    may_ask(Path::new(LOADED), Path::new(&built_in))?;
    let of_kernel = |failure: Failure| match Path::new(LOADED).exists() {
        // `nfnetlink_rcv_msg()` of a kernel without nf_tables.
        false if failure.errno == Some(Errno::EINVAL) => {
            Failure::new(Reason::Absent, "this kernel has no nf_tables")
        }
        _ => failure,
    };
    for _ in 0..ATTEMPTS {
        let before = generation().map_err(of_kernel)?;
        let ruleset = match ruleset() {
            // A chain or a set that vanished between two requests does not mean that nf_tables is absent.
            Err(failure) if failure.errno == Some(Errno::ENOENT) => continue,
            other => other.map_err(of_kernel)?,
        };
        if generation()? == before {
            return Ok(ruleset);
        }
    }
    let detail = format!("the rules changed during each of {ATTEMPTS} attempts");
    Err(Failure::new(Reason::Inconsistent, detail))
}

/// Whether nf_tables answers without being loaded by the request (`nfnetlink_rcv_msg()` loads the module): it is loaded or built in, or there
/// is no such module. Only if the module exists and is not loaded, no request is sent: then no rule exists.
fn may_ask(loaded: &Path, built_in: &Path) -> Result<(), Failure> {
    if loaded.exists() {
        return Ok(());
    }
    match fs::read_to_string(built_in) {
        Ok(list) if list.lines().any(|line| line.ends_with("/nf_tables.ko")) => Ok(()),
        Ok(_) => Err(Failure::new(Reason::Absent, "the module nf_tables is not loaded")),
        // Without that file modprobe has no modules either.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::from(error).in_operation("check whether nf_tables is built in")),
    }
}

fn generation() -> Result<u32, Failure> {
    let mut socket = Socket::open(NETFILTER)?;
    let deadline = Instant::now() + PATIENCE / 4;
    let asked = socket.ask(&nft::generation(), nft::NEWGEN, deadline, nft::decode_generation);
    let answer = asked.and_then(|answer| Ok(answer?));
    answer.map_err(|failure| failure.in_operation("ask NFT_MSG_GETGEN"))
}

fn dump<T>(
    name: &'static str,
    request: Request,
    answer: u16,
    decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), Failure>,
) -> Result<Vec<T>, Failure> {
    Dump { name, protocol: NETFILTER, request, answer, patience: PATIENCE }.read(decode)
}

fn ruleset() -> Result<Ruleset, Failure> {
    let tables = dump("NFT_MSG_GETTABLE", nft::tables(), nft::NEWTABLE, |payload, list| {
        list.extend(nft::decode_table(payload)?);
        Ok(())
    })?;
    if tables.is_empty() {
        return Ok(Ruleset::default());
    }
    let mut chains = dump("NFT_MSG_GETCHAIN", nft::chains(), nft::NEWCHAIN, |payload, list| {
        list.extend(nft::decode_chain(payload)?);
        Ok(())
    })?;
    let asleep: BTreeSet<(TableFamily, &str)> = tables
        .iter()
        .filter(|table| table.dormant)
        .map(|table| (table.family, table.name.as_str()))
        .collect();
    chains.retain(|chain| !asleep.contains(&(chain.family, chain.table.as_str())));
    let sets = dump("NFT_MSG_GETSET", nft::sets(), nft::NEWSET, |payload, list| {
        list.extend(nft::decode_set(payload)?);
        Ok(())
    })?;
    let mut all_sets = Sets::default();
    sets.into_iter().for_each(|set| all_sets.insert(set));
    let rules = dump("NFT_MSG_GETRULE", nft::rules(), nft::NEWRULE, |payload, list| {
        list.extend(nft::decode_rule(payload, &all_sets)?);
        if list.len() > RULES_KEPT {
            let detail = format!("more than {} of nftables", RULE.of(RULES_KEPT));
            return Err(Failure::new(Reason::Failed, detail));
        }
        Ok(())
    })?;
    let used = assign(&mut chains, rules);
    let sets = elements(&used, &all_sets)?;
    Ok(Ruleset { chains, sets, legacy: Vec::new() })
}

/// How the sets of a ruleset are used: by family, table and name.
type Used = BTreeMap<(TableFamily, String, String), Layout>;

/// Puts each rule into its chain, and returns the sets that they use.
fn assign(chains: &mut [Chain], rules: Vec<NewRule>) -> Used {
    let mut places: BTreeMap<(TableFamily, String, String), usize> = BTreeMap::new();
    for (place, chain) in chains.iter().enumerate() {
        places.insert((chain.family, chain.table.clone(), chain.chain.clone()), place);
    }
    let mut used = Used::new();
    for NewRule { family, table, chain, rule, sets } in rules {
        for of in sets {
            used.entry((family, table.clone(), of.set)).or_insert(of.layout);
        }
        let place = places.get(&(family, table, chain));
        if let Some(chain) = place.and_then(|place| chains.get_mut(*place)) {
            chain.rules.push(rule);
        }
    }
    used
}

/// The elements of the sets that are used. Those with names come first: they are fewer, and an operator knows them.
fn elements(used: &Used, keys: &Sets) -> Result<Vec<Set>, Failure> {
    let deadline = Instant::now() + PATIENCE_FOR_SETS;
    let is_anonymous = |name: &str| name.starts_with("__");
    let mut order: Vec<_> = used.iter().collect();
    order.sort_by_key(|((_, _, name), _)| is_anonymous(name));
    let mut all = Vec::new();
    for (place, ((family, table, name), layout)) in order.into_iter().enumerate() {
        let (family, table, set) = (*family, table.clone(), name.clone());
        let read = if place >= SETS_KEPT || Instant::now() > deadline {
            Err(Unread::TooManySets)
        } else {
            raw_elements(family, &table, &set)?
        };
        let key = keys.get(family, &table, &set);
        let (unread, elements) = match (read, key) {
            (Ok(raw), Some(key)) => (None, nft::elements(key, layout, raw)),
            (Err(why), _) => (Some(why), Vec::new()),
            (Ok(_), None) => (Some(Unread::Failed), Vec::new()),
        };
        all.push(Set { family, table, set, unread, elements });
    }
    Ok(all)
}

fn raw_elements(
    family: TableFamily,
    table: &str,
    set: &str,
) -> Result<Result<Vec<nft::RawElement>, Unread>, Failure> {
    let request = nft::set_elements(family, table, set);
    let read = dump("NFT_MSG_GETSETELEM", request, nft::NEWSETELEM, |payload, list| {
        list.extend(nft::decode_elements(payload)?);
        if list.len() > ELEMENTS_KEPT {
            return Err(Failure::new(Reason::Skipped, "too many elements"));
        }
        Ok(())
    });
    match read {
        Err(failure) if failure.reason == Reason::Skipped => Ok(Err(Unread::TooMany)),
        Err(failure) if failure.reason == Reason::Malformed => Ok(Err(Unread::Failed)),
        other => other.map(Ok),
    }
}

/// Tables of the older iptables, by the files of a network namespace. A file that is not there has none: its module is not loaded.
fn legacy(directory: &Path) -> Result<Vec<LegacyTable>, Failure> {
    let mut tables = Vec::new();
    for (family, name) in
        [(TableFamily::Ip, "ip_tables_names"), (TableFamily::Ip6, "ip6_tables_names")]
    {
        let path = directory.join(name);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            read => read.map_err(|error| {
                Failure::from(error).in_operation(&format!("read {}", path.display()))
            })?,
        };
        let known = |name: &&str| LEGACY_TABLES.contains(name);
        let names = text.lines().filter(known);
        tables.extend(names.map(|table| LegacyTable { family, table: table.to_owned() }));
    }
    tables.sort();
    Ok(tables)
}

/// The tables of iptables (`xt_register_table()`).
const LEGACY_TABLES: [&str; 5] = ["filter", "mangle", "nat", "raw", "security"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of iptables that were not read are not none.
    #[test]
    fn the_tables_of_iptables_are_read_or_it_fails() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(legacy(root.path()).unwrap(), []);
        fs::write(root.path().join("ip_tables_names"), "nat\nfilter\nother\n").unwrap();
        let names: Vec<String> =
            legacy(root.path()).unwrap().into_iter().map(|table| table.table).collect();
        assert_eq!(names, ["filter", "nat"]);
        fs::create_dir(root.path().join("ip6_tables_names")).unwrap();
        let failure = legacy(root.path()).unwrap_err();
        assert_ne!(failure.reason, Reason::Absent);
        assert!(failure.detail.contains("ip6_tables_names"), "{}", failure.detail);
        // Where nf_tables is not loaded, they are all that there is.
        let absent = || Err(Failure::new(Reason::Absent, "the module nf_tables is not loaded"));
        let table = || vec![LegacyTable { family: TableFamily::Ip, table: "nat".into() }];
        assert_eq!(with_legacy(absent(), Ok(table())).unwrap().legacy, table());
        let reason = |legacy| with_legacy(absent(), legacy).unwrap_err().reason;
        assert_eq!(reason(Ok(Vec::new())), Reason::Absent);
        assert_eq!(reason(Err(failure)), Reason::Failed);
    }

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
