//! Whether texts are of one host: by the prompts before what was read, and by `uname`. Of two hosts they would be two samples of one.

use super::entry::Entry;
use super::split::Table;
use crate::error::{Error, Result};
use std::collections::BTreeSet;

/// Nothing, where the texts are of one host, or do not name it.
///
/// # Errors
/// `IncorrectValue`: they name two.
pub(super) fn one(tables: &[&Table<'_>]) -> Result<()> {
    let prompts = tables.iter().filter_map(|table| table.host);
    let names = tables.iter().flat_map(|table| &table.entries).filter_map(|entry| match entry {
        Entry::Uname { host, .. } => host.as_deref(),
        _ => None,
    });
    // A prompt may have another name than the kernel: each is compared with its like.
    for hosts in [several(prompts), several(names)] {
        if hosts.len() > 1 {
            let names: Vec<&str> = hosts.into_iter().take(4).collect();
            let message = format!("texts of two hosts ({}): give those of one", names.join(", "));
            return Err(Error::IncorrectValue(message));
        }
    }
    Ok(())
}

/// The hosts of these names, in their first form: some have a domain, and some not.
fn several<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known = BTreeSet::new();
    let short = |name: &str| match name.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => name.split('.').next().unwrap_or_default().to_ascii_lowercase(),
    };
    names.filter(|name| known.insert(short(name))).collect()
}
