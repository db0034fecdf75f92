//! The control plane's side of a tunnel: the configured peers, charon's connections and their SAs. It decides nothing about faults.

use super::charon::carries;
use super::{State, Tunnel};
use crate::snapshot::Observed;
use crate::snapshot::ike::{ChildSa, Connection, Ike, IkeSa};
use crate::snapshot::vyos::Peer;
use std::collections::BTreeSet;

/// What charon and VyOS have for one tunnel.
pub struct Control<'a> {
    /// Peers that VyOS binds to the interface; none where there is no configuration.
    pub peers: Vec<&'a Peer>,
    /// charon's connections for it: those of the bound peers, those whose CHILD_SAs have the interface's mark or if_id, or else those to the
    /// tunnel's peers.
    pub connections: Vec<&'a Connection>,
    /// IKE_SAs of these connections.
    pub sas: Vec<&'a IkeSa>,
    /// CHILD_SAs of the tunnel, each with its IKE_SA.
    pub children: Vec<(&'a IkeSa, &'a ChildSa)>,
    /// Whether one of the connections has a trap policy installed.
    pub is_trapped: bool,
}

impl State<'_> {
    /// The peers that VyOS binds to an interface; none on a host without its configuration.
    fn peers_of(&self, interface: &str) -> Vec<&Peer> {
        let configuration = self.snapshot.configuration.as_ref().ok();
        configuration.into_iter().flat_map(|c| self.charon.bound_to(c, interface)).collect()
    }

    /// The control plane's side of an interface of [`State::absent`]: all that the bound peers have, for there is nothing else to tell by.
    pub fn control_of_absent(&self, interface: &str) -> Observed<Control<'_>> {
        let ike = self.snapshot.ike.as_ref().map_err(Clone::clone)?;
        let peers = self.peers_of(interface);
        let names = self.bound_names(&peers);
        Ok(self.control_of(ike, peers, names, |_| true))
    }

    /// The connections and IKE_SAs of charon that are these peers'.
    fn bound_names(&self, peers: &[&Peer]) -> BTreeSet<&str> {
        peers.iter().flat_map(|peer| self.charon.names_of(peer)).collect()
    }

    /// What charon has of the connections `names`, of their CHILD_SAs those that are the tunnel's own.
    fn control_of<'a>(
        &'a self,
        ike: &'a Ike,
        peers: Vec<&'a Peer>,
        names: BTreeSet<&str>,
        is_own: impl Fn(&ChildSa) -> bool,
    ) -> Control<'a> {
        let index = &self.charon;
        let sas: Vec<&IkeSa> = in_order(names.iter().flat_map(|name| index.sas(ike, name)));
        let children = sas
            .iter()
            .flat_map(|sa| sa.children.iter().map(move |child| (*sa, child)))
            .filter(|(_, child)| is_own(child))
            .collect();
        let connections = names.iter().flat_map(|name| index.connections(ike, name));
        Control {
            connections: in_order(connections),
            is_trapped: names.iter().any(|name| index.is_trapped(ike, name)),
            sas,
            children,
            peers,
        }
    }
}

/// Entries of one list, in its order.
fn in_order<'a, T>(entries: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut all: Vec<&T> = entries.collect();
    all.sort_by_key(|entry| std::ptr::from_ref(*entry));
    all
}

impl<'a> Tunnel<'a> {
    /// The peers that VyOS binds to the interface; none on a host without its configuration.
    pub fn configured_peers(&self) -> Vec<&'a Peer> {
        self.state.peers_of(&self.link.name)
    }

    /// The remote-access connection whose clients come in on the interface, where nothing else is bound to it.
    pub fn serves_clients(&self) -> Option<&'a Peer> {
        let peers = self.configured_peers();
        peers.first().copied().filter(|_| peers.iter().all(|peer| peer.remote_access))
    }

    /// The control plane's side.
    pub fn control(&self) -> Observed<Control<'a>> {
        let (state, mark_or_if_id) = (self.state, self.mark_or_if_id);
        let ike: &'a Ike = state.snapshot.ike.as_ref().map_err(Clone::clone)?;
        let peers = self.configured_peers();
        let mut names = state.bound_names(&peers);
        names.extend(
            state.charon.with_child_of(ike, mark_or_if_id).map(|sa| sa.connection.as_str()),
        );
        if names.is_empty() && peers.is_empty() {
            // By address only where nothing better is known: several connections may lead to one peer.
            let remotes: Vec<String> =
                self.peers().into_iter().flatten().map(ToString::to_string).collect();
            let leads = |c: &&Connection| c.remote_addresses.iter().any(|a| remotes.contains(a));
            names.extend(ike.connections.iter().filter(leads).map(|c| c.name.as_str()));
        }
        // A CHILD_SA without a mark or if_id is the tunnel's where nothing else of its connection has one.
        let unmarked = |child: &ChildSa| child.if_id_out.0 == 0 && child.mark_out.mask == 0;
        let is_own = |child: &ChildSa| carries(child, mark_or_if_id) || unmarked(child);
        Ok(state.control_of(ike, peers, names, is_own))
    }
}

impl<'a> Control<'a> {
    /// The peer as the operator knows it: the configured name, else that of the connection.
    pub fn name(&self) -> Option<&'a str> {
        let configured = self.peers.first().map(|peer| peer.name.as_str());
        let loaded = self.connections.first().map(|c| c.name.as_str());
        configured.or(loaded).or(self.sas.first().map(|a| a.connection.as_str()))
    }

    /// The peer's address: where charon talks to it, or else as configured.
    pub fn remote(&self) -> Option<String> {
        let talks = self.sas.iter().map(|a| &a.remote_host).find(|a| !a.starts_with('%'));
        let configured = self.connections.iter().flat_map(|c| &c.remote_addresses);
        talks.or(configured.into_iter().find(|a| !a.starts_with('%'))).cloned()
    }

    /// The IKE_SAs that are established.
    pub fn established(&self) -> impl Iterator<Item = &'a IkeSa> {
        self.sas.iter().copied().filter(|a| a.is_established())
    }

    /// A peer with `dhcp-interface` that charon has no connection of: VyOS renders none where that has no address when it is committed
    /// ("Failed to get address from dhcp-interface … -- skipped", vyos-1x, src/conf_mode/vpn_ipsec.py, since 1.4). With that interface.
    pub fn unrendered(&self) -> Option<(&'a Peer, &'a str)> {
        let is_known = !self.connections.is_empty() || !self.sas.is_empty();
        let mut in_use = self.peers.iter().filter(|peer| !peer.disabled && !is_known);
        in_use.find_map(|peer| Some((*peer, peer.dhcp_interface.as_deref()?)))
    }

    /// The CHILD_SAs that are installed.
    pub fn installed(&self) -> impl Iterator<Item = (&'a IkeSa, &'a ChildSa)> {
        self.children.iter().copied().filter(|(_, child)| child.is_installed())
    }
}
