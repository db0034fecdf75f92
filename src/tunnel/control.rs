//! The control plane's side of a tunnel: the configured peers, charon's connections and their SAs. It decides nothing about faults.

use super::charon::carries;
use super::{State, Tunnel};
use crate::snapshot::ike::{ChildSa, Connection, Ike, IkeSa};
use crate::snapshot::vyos::Peer;
use crate::snapshot::{Observed, PolicyDirection};
use std::collections::BTreeSet;

/// What charon and VyOS have for one tunnel.
pub struct Control<'a> {
    /// Peers that VyOS binds to the interface; empty without a configuration.
    pub peers: Vec<&'a Peer>,
    /// charon's connections for it: those of the bound peers and those whose CHILD_SAs have the interface's mark or if_id; or else those to the
    /// tunnel's peers.
    pub connections: Vec<&'a Connection>,
    /// IKE_SAs of these connections.
    pub sas: Vec<&'a IkeSa>,
    /// CHILD_SAs of the tunnel, each with its IKE_SA.
    pub children: Vec<(&'a IkeSa, &'a ChildSa)>,
    /// Whether one of the connections has a trap policy installed.
    pub is_trapped: bool,
    /// Whether the connection is that of this interface only because no other of the two is left: a CHILD configuration's if_id and mark are
    /// not in charon's answers (`list_conns()`, vici_query.c).
    pub is_inferred: bool,
}

impl State<'_> {
    /// The peers that VyOS binds to an interface; empty on a host without VyOS's configuration.
    fn peers_of(&self, interface: &str) -> Vec<&Peer> {
        let configuration = self.snapshot.configuration.as_ref().ok();
        configuration.into_iter().flat_map(|c| self.charon.bound_to(c, interface)).collect()
    }

    /// The control plane's side of an interface of [`State::absent`]: everything of the bound peers, because nothing else identifies it.
    pub fn control_of_absent(&self, interface: &str) -> Observed<Control<'_>> {
        let ike = self.snapshot.ike.as_ref().map_err(Clone::clone)?;
        let peers = self.peers_of(interface);
        let names = self.bound_names(&peers);
        Ok(self.control_of(ike, peers, names, |_| true))
    }

    /// The names of charon's connections and IKE_SAs of these peers.
    fn bound_names(&self, peers: &[&Peer]) -> BTreeSet<&str> {
        peers.iter().flat_map(|peer| self.charon.names_of(peer)).collect()
    }

    /// What charon has for the connections `names`, with only those CHILD_SAs that belong to the tunnel.
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
            is_inferred: false,
        }
    }
}

/// Entries of one list, in the order of the list.
fn in_order<'a, T>(entries: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut all: Vec<&T> = entries.collect();
    all.sort_by_key(|entry| std::ptr::from_ref(*entry));
    all
}

impl<'a> Tunnel<'a> {
    /// The peers that VyOS binds to the interface; empty on a host without VyOS's configuration.
    pub fn configured_peers(&self) -> Vec<&'a Peer> {
        self.state.peers_of(&self.link.name)
    }

    /// The remote-access connection whose clients use the interface, if nothing else is bound to it.
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
            // By address only if nothing better is known: several connections may lead to one peer.
            let remotes: Vec<String> =
                self.peers().into_iter().flatten().map(ToString::to_string).collect();
            let leads = |c: &&Connection| c.remote_addresses.iter().any(|a| remotes.contains(a));
            names.extend(ike.connections.iter().filter(leads).map(|c| c.name.as_str()));
        }
        let left = if names.is_empty() && peers.is_empty() { self.left_over(ike) } else { None };
        names.extend(left.map(|connection| connection.name.as_str()));
        // A CHILD_SA without a mark or if_id belongs to the tunnel of its connection.
        let unmarked = |child: &ChildSa| child.if_id_out.0 == 0 && child.mark_out.mask == 0;
        let is_own = |child: &ChildSa| carries(child, mark_or_if_id) || unmarked(child);
        let control = state.control_of(ike, peers, names, is_own);
        Ok(Control { is_inferred: left.is_some(), ..control })
    }

    /// On a host without VyOS's configuration: the only connection that has no CHILD_SA with a mark or an if_id, where this interface is the only
    /// one without policies and SAs.
    fn left_over(&self, ike: &'a Ike) -> Option<&'a Connection> {
        let is_idle = |tunnel: &Tunnel<'_>| {
            let has_policies =
                [PolicyDirection::Out, PolicyDirection::In].iter().any(|direction| {
                    tunnel.own_policies(*direction).map_or(true, |list| !list.is_empty())
                });
            !has_policies && !tunnel.collects_metadata() && tunnel.has_sas() == Ok(false)
        };
        if self.state.snapshot.configuration.is_ok() || !is_idle(self) {
            return None;
        }
        let links = self.state.snapshot.links.as_ref().ok()?;
        let mut others = links.iter().filter(|link| {
            link.ifindex != self.link.ifindex
                && link.driver().is_some()
                && !link.is_fallback_device()
        });
        if others.any(|link| Tunnel::new(self.state, link).is_some_and(|other| is_idle(&other))) {
            return None;
        }
        let is_marked = |child: &ChildSa| child.if_id_out.0 != 0 || child.mark_out.mask != 0;
        let taken: BTreeSet<&str> = ike
            .sas
            .iter()
            .filter(|sa| sa.children.iter().any(is_marked))
            .map(|sa| sa.connection.as_str())
            .collect();
        let is_open = |c: &&Connection| {
            !taken.contains(c.name.as_str()) && c.children.iter().any(|child| child.mode == TUNNEL)
        };
        let mut open = ike.connections.iter().filter(is_open);
        open.next().filter(|_| open.next().is_none())
    }
}

/// The mode of CHILD configurations that a VTI can have (`ipsec_mode_names`).
const TUNNEL: &str = "TUNNEL";

impl<'a> Control<'a> {
    /// The peer's name as the operator knows it: the configured one, or else that of the connection.
    pub fn name(&self) -> Option<&'a str> {
        let configured = self.peers.first().map(|peer| peer.name.as_str());
        let loaded = self.connections.first().map(|c| c.name.as_str());
        configured.or(loaded).or(self.sas.first().map(|a| a.connection.as_str()))
    }

    /// The peer's address: the one charon uses, or else the configured one.
    pub fn remote(&self) -> Option<String> {
        let talks = self.sas.iter().map(|a| &a.remote_host).find(|a| !a.starts_with('%'));
        let configured = self.connections.iter().flat_map(|c| &c.remote_addresses);
        talks.or(configured.into_iter().find(|a| !a.starts_with('%'))).cloned()
    }

    /// The IKE_SAs that are established.
    pub fn established(&self) -> impl Iterator<Item = &'a IkeSa> {
        self.sas.iter().copied().filter(|a| a.is_established())
    }

    /// A peer with `dhcp-interface`, and that interface, for which charon has no connection: VyOS renders none if the interface has no address
    /// at the commit ("Failed to get address from dhcp-interface … -- skipped", vyos-1x, src/conf_mode/vpn_ipsec.py, since 1.4).
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
