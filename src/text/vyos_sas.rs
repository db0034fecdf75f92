//! What VyOS's own tables of IKE_SAs and CHILD_SAs say of charon. They have no SPI, no mark and no name of a connection: a connection is
//! known by the name of its child, as VyOS makes it. Where they leave open whether an IKE_SA is up, charon is missing.

use super::entry::{Entry, VyosChild, VyosIke};
use super::moments::{Entries, Moments};
use crate::snapshot::ike::{ChildSa, Ike, IkeSa};
use crate::snapshot::{Missing, Reason, Source};
use std::collections::BTreeMap;

/// What these tables say of charon; none where there are none.
pub(super) fn charon(
    children: Option<&Entries<'_>>,
    ike: &Moments<'_>,
) -> Option<Result<Ike, Missing>> {
    let ikes: Vec<&VyosIke> = ike
        .now()
        .into_iter()
        .flatten()
        .filter_map(|entry| match entry {
            Entry::VyosIke(sa) => Some(sa),
            _ => None,
        })
        .collect();
    let unknown = |what: String| Missing::new(Source::Charon, Reason::NotInText, what);
    let Some(children) = children else {
        let what = "`show vpn ike sa` does not name connections: `swanctl --list-sas` does";
        return (!ikes.is_empty()).then(|| Err(unknown(what.to_owned())));
    };
    let mut connections: BTreeMap<&str, Vec<&VyosChild>> = BTreeMap::new();
    for entry in children {
        if let Entry::VyosChild(child) = entry {
            connections.entry(connection_of(&child.name)).or_default().push(child);
        }
    }
    let mut sas = Vec::new();
    for (connection, children) in connections {
        let remote = children.iter().find_map(|child| child.remote_host.as_deref());
        let of = ikes.iter().find(|sa| Some(sa.remote_host.as_str()) == remote);
        let installed: Vec<ChildSa> =
            children.iter().filter(|child| child.is_up).map(|child| child_sa(child)).collect();
        // Only an IKE_SA that is established has CHILD_SAs that are installed.
        if installed.is_empty() && of.is_none_or(|sa| !sa.is_up) {
            let what = format!(
                "whether the IKE_SA of {connection} is up is not in `show vpn ipsec sa`: `swanctl --list-sas` shows it"
            );
            return Some(Err(unknown(what)));
        }
        sas.push(IkeSa {
            connection: connection.to_owned(),
            unique_id: u64::try_from(sas.len()).unwrap_or(u64::MAX).saturating_add(1),
            version: of.map_or(0, |sa| sa.version),
            state: "ESTABLISHED".to_owned(),
            local_host: of.map(|sa| sa.local_host.clone()).unwrap_or_default(),
            remote_host: remote.unwrap_or_default().to_owned(),
            remote_id: of.map(|sa| sa.remote_id.clone()).unwrap_or_default(),
            nat: of.is_some_and(|sa| sa.nat),
            established_seconds: of.and_then(|sa| sa.established_seconds),
            children: installed,
            ..IkeSa::default()
        });
    }
    let is_known = |sa: &&&VyosIke| sas.iter().any(|known| known.remote_host == sa.remote_host);
    if let Some(other) = ikes.iter().find(|sa| !is_known(sa)) {
        let what = format!(
            "the connection of the IKE_SA to {} is not in the tables: `swanctl --list-sas` shows it",
            other.remote_host
        );
        return Some(Err(unknown(what)));
    }
    if sas.is_empty() && ike.all.is_empty() {
        let what = "`show vpn ipsec sa` does not show IKE_SAs without CHILD_SAs: `swanctl --list-sas` does";
        return Some(Err(unknown(what.to_owned())));
    }
    Some(Ok(Ike { daemon: "charon".to_owned(), sas, ..Ike::default() }))
}

/// `AZURE-vti`, `AZURE-tunnel-1`; before 1.4 `peer_192-0-2-2_vti`, `peer_192-0-2-2_tunnel_1`.
fn connection_of(child: &str) -> &str {
    let without = |rest: &str| -> Option<usize> {
        let digits = rest.trim_end_matches(|c: char| c.is_ascii_digit());
        ["-tunnel-", "_tunnel_"].iter().find_map(|end| digits.strip_suffix(end)).map(str::len)
    };
    let vti = child.strip_suffix("-vti").or_else(|| child.strip_suffix("_vti")).map(str::len);
    let length = vti.or_else(|| without(child)).unwrap_or(child.len());
    child.get(..length).unwrap_or(child)
}

fn child_sa(child: &VyosChild) -> ChildSa {
    ChildSa {
        name: child.name.clone(),
        state: "INSTALLED".to_owned(),
        installed_seconds: child.installed_seconds,
        ..ChildSa::default()
    }
}
