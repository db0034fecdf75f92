//! Whether two captures are of one host, and so not of the two ends of a tunnel. It judges no tunnel.

use super::passed::other_side;
use crate::error::Error;
use crate::snapshot::{Sa, Snapshot};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// So many SAs of the first capture are compared.
const MOST_SAS: usize = 256;

/// Refuses two captures of one host.
///
/// # Errors
/// `IncorrectValue` where they are.
pub(super) fn refuse(here: &Snapshot, there: &Snapshot) -> Result<(), Error> {
    let what = "both captures are of one host, not of the two ends of a tunnel";
    if here == there {
        return Err(Error::IncorrectValue(format!("{what}: they are the same")));
    }
    match common_end(here, there) {
        Some((sa, address)) => Err(Error::IncorrectValue(format!(
            "{what}: both have {address}, an end of SA {}, as an address of their own",
            sa.spi
        ))),
        None => Ok(()),
    }
}

/// An SA that is outbound at both, or inbound at both, and its end there. Two ends may use the same private addresses, but not for the same side of
/// an SA: where any SA goes from one to the other, there is none.
fn common_end<'a>(here: &'a Snapshot, there: &Snapshot) -> Option<(&'a Sa, IpAddr)> {
    let [own, others] = [here, there].map(addresses);
    let (own, others) = (own?, others?);
    let sas_there = there.sas.as_deref().ok()?;
    let mut found = None;
    for sa in here.sas.iter().flatten().filter(|sa| !sa.is_larval()).take(MOST_SAS) {
        let Some(other) = other_side(sas_there, sa) else { continue };
        match (is_outbound(sa, &own), is_outbound(other, &others)) {
            (Some(one), Some(two)) if one == two => {
                found = found.or(Some((sa, if one { sa.source } else { sa.destination })));
            }
            (Some(_), Some(_)) => return None,
            _ => {}
        }
    }
    found
}

/// Whether an SA leads away from the host that has these addresses; none where it has both ends, or neither.
fn is_outbound(sa: &Sa, own: &BTreeSet<IpAddr>) -> Option<bool> {
    match (own.contains(&sa.source), own.contains(&sa.destination)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

fn addresses(snapshot: &Snapshot) -> Option<BTreeSet<IpAddr>> {
    let list = snapshot.addresses.as_ref().ok()?;
    Some(list.iter().map(|address| address.prefix.addr()).collect())
}
