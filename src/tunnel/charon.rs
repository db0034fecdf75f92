//! An index of charon's lists and of VyOS's peers, by name and by the mark or if_id of a CHILD_SA, so that the entries of one tunnel are found
//! without walking all of them.

use super::order::{Group, Order};
use super::ownership::MarkOrIfId;
use crate::snapshot::ike::{ChildSa, Connection, Ike, IkeSa};
use crate::snapshot::vyos::{Configuration, Peer, dashed, old_connection, remote_access};
use crate::snapshot::{Direction, IfId, Snapshot};
use std::collections::BTreeSet;

/// Positions in the lists of [`Ike`] and of [`Configuration`].
pub(super) struct CharonIndex {
    connections: Order,
    sas: Order,
    traps: Order,
    peers: Order,
    /// The name of each connection or IKE_SA, by the name of the peer as VyOS renders it (for a connection of 1.3 also as it is).
    names: Vec<(String, String)>,
    /// CHILD_SAs with an if_id, and the position of their IKE_SA.
    if_ids: Vec<(IfId, usize)>,
    /// CHILD_SAs with a mark: mask, value, position of their IKE_SA.
    marked: Vec<(u32, u32, usize)>,
    masks: BTreeSet<u32>,
}

impl CharonIndex {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let ike = snapshot.ike.as_ref().ok();
        let peers = snapshot.configuration.as_ref().map_or(&[][..], |c| &c.peers);
        let connections = ike.map_or(&[][..], |ike| &ike.connections);
        let sas = ike.map_or(&[][..], |ike| &ike.sas);
        let traps = ike.map_or(&[][..], |ike| &ike.traps);
        let loaded = connections.iter().map(|connection| connection.name.as_str());
        let up = sas.iter().map(|sa| sa.connection.as_str());
        let distinct: BTreeSet<&str> = loaded.chain(up).collect();
        let mut names: Vec<(String, String)> = distinct
            .into_iter()
            .flat_map(|name| {
                let old = old_connection(name).map(|(peer, _)| peer);
                let others = old.into_iter().chain(remote_access(name)).map(str::to_owned);
                others.chain([dashed(name)]).map(|key| (key, name.to_owned()))
            })
            .collect();
        names.sort_unstable();
        let children = sas
            .iter()
            .enumerate()
            .flat_map(|(at, sa)| sa.children.iter().map(move |child| (at, child)));
        let (mut if_ids, mut marked) = (Vec::new(), Vec::new());
        for (at, child) in children {
            if child.if_id_out != IfId(0) {
                if_ids.push((child.if_id_out, at));
            }
            if child.mark_out.mask != 0 {
                marked.push((child.mark_out.mask, child.mark_out.value, at));
            }
        }
        if_ids.sort_unstable();
        marked.sort_unstable();
        Self {
            connections: Order::by(connections, |connection| connection.name.as_str()),
            sas: Order::by(sas, |sa| sa.connection.as_str()),
            traps: Order::by(traps, |trap| trap.connection.as_str()),
            peers: Order::by(peers, |peer| peer.bind.as_deref()),
            names,
            masks: marked.iter().map(|(mask, ..)| *mask).collect(),
            if_ids,
            marked,
        }
    }

    /// The peers that are bound to an interface.
    pub(super) fn bound_to<'a>(
        &'a self,
        configuration: &'a Configuration,
        interface: &str,
    ) -> Group<'a, Peer> {
        self.peers.find(&configuration.peers, |peer| peer.bind.as_deref().cmp(&Some(interface)))
    }

    /// The names of a peer's connections and IKE_SAs.
    pub(super) fn names_of(&self, peer: &Peer) -> impl Iterator<Item = &str> {
        let with = |key: &str| {
            let start = self.names.partition_point(|(of, _)| of.as_str() < key);
            let rest = self.names.get(start..).unwrap_or_default();
            let count = rest.partition_point(|(of, _)| of.as_str() == key);
            rest.get(..count).unwrap_or_default()
        };
        let found = with(&peer.name).iter().chain(with(&dashed(&peer.name)));
        found.map(|(_, name)| name.as_str()).filter(|name| peer.is_connection(name))
    }

    /// The IKE_SAs with a CHILD_SA that has the mark or if_id.
    pub(super) fn with_child_of<'a>(
        &self,
        ike: &'a Ike,
        mark_or_if_id: MarkOrIfId,
    ) -> impl Iterator<Item = &'a IkeSa> {
        let mut found = BTreeSet::new();
        match (mark_or_if_id, mark_or_if_id.mark(Direction::Out)) {
            (_, Some(output)) => {
                for mask in &self.masks {
                    let wanted = (*mask, output & mask);
                    let of = |entry: &&(u32, u32, usize)| (entry.0, entry.1) == wanted;
                    let start = self.marked.partition_point(|entry| (entry.0, entry.1) < wanted);
                    let alike = self.marked.iter().skip(start).take_while(of);
                    found.extend(alike.map(|(.., at)| *at));
                }
            }
            (MarkOrIfId::IfId(if_id), None) => {
                let start = self.if_ids.partition_point(|(of, _)| *of < if_id);
                let alike = self.if_ids.iter().skip(start).take_while(|(of, _)| *of == if_id);
                found.extend(alike.map(|(_, at)| *at));
            }
            (MarkOrIfId::Mark { .. }, None) => {}
        }
        found.into_iter().filter_map(|at| ike.sas.get(at))
    }

    /// The connections of this name.
    pub(super) fn connections<'a>(&'a self, ike: &'a Ike, name: &str) -> Group<'a, Connection> {
        self.connections.find(&ike.connections, |connection| connection.name.as_str().cmp(name))
    }

    /// The IKE_SAs of the connection of this name.
    pub(super) fn sas<'a>(&'a self, ike: &'a Ike, name: &str) -> Group<'a, IkeSa> {
        self.sas.find(&ike.sas, |sa| sa.connection.as_str().cmp(name))
    }

    /// Whether the connection of this name has a trap policy.
    pub(super) fn is_trapped(&self, ike: &Ike, name: &str) -> bool {
        !self.traps.find(&ike.traps, |trap| trap.connection.as_str().cmp(name)).is_empty()
    }
}

/// Whether a CHILD_SA has the mark or if_id of an interface.
pub(super) const fn carries(child: &ChildSa, mark_or_if_id: MarkOrIfId) -> bool {
    match mark_or_if_id.mark(Direction::Out) {
        Some(output) => child.mark_out.mask != 0 && child.mark_out.admits(output),
        None => child.if_id_out.0 == mark_or_if_id.if_id().0,
    }
}
