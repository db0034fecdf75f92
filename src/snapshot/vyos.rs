//! What VyOS has configured for VTIs and their peers, and what its updown hook remembers. Plain data, without secrets: only what a
//! diagnosis needs is read of the configuration.

use serde::{Deserialize, Serialize};

/// The part of the active configuration that makes VTIs (`interfaces vti`, `vpn ipsec`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// `interfaces vti`, by name.
    #[serde(default)]
    pub interfaces: Vec<ConfiguredVti>,
    /// Peers of `vpn ipsec site-to-site` and connections of `vpn ipsec remote-access`, by name.
    #[serde(default)]
    pub peers: Vec<Peer>,
    /// `vpn ipsec options disable-route-autoinstall`.
    #[serde(default)]
    pub disable_route_autoinstall: bool,
    /// `vpn ipsec log level` (1.3: `vpn ipsec logging log-level`); none where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<u8>,
    /// What of it could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

/// A node of the configuration that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its path, as in `interfaces vti vti1`.
    pub node: String,
    /// Why not.
    pub why: String,
}

/// One `interfaces vti`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfiguredVti {
    /// Its name.
    pub name: String,
    /// `disable`.
    #[serde(default)]
    pub disabled: bool,
    /// `vrf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
}

/// One peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// As the operator named it; an address or `@id` on 1.3.
    pub name: String,
    /// A connection of `remote-access`, whose interface stays up without clients.
    #[serde(default)]
    pub remote_access: bool,
    /// `vti bind`, or `bind` of a remote-access connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<String>,
    /// `disable`.
    #[serde(default)]
    pub disabled: bool,
    /// `remote-address`; that in the name on 1.3.
    #[serde(default)]
    pub remote_addresses: Vec<String>,
    /// `connection-type`: `initiate`, `respond`, `trap`, `none`; empty where it is not set.
    #[serde(default)]
    pub connection_type: String,
}

impl Configuration {
    /// The peers bound to an interface.
    pub fn bound_to<'a>(&'a self, interface: &'a str) -> impl Iterator<Item = &'a Peer> {
        self.peers.iter().filter(move |peer| peer.bind.as_deref() == Some(interface))
    }
}

impl Peer {
    /// Whether a connection of charon is this peer's: VyOS writes `.` and `:` of the name as `-` (peer.j2), and 1.3 calls it
    /// `peer-NAME-tunnel-vti` (ipsec.conf).
    pub fn is_connection(&self, connection: &str) -> bool {
        let old = old_connection(connection).is_some_and(|(peer, _)| peer == self.name);
        old || dashed(connection) == dashed(&self.name)
    }
}

/// The peer and the kind in `peer-NAME-tunnel-KIND`, as VyOS 1.3 names connections.
pub fn old_connection(connection: &str) -> Option<(&str, &str)> {
    connection.strip_prefix("peer-")?.rsplit_once("-tunnel-")
}

/// A peer's name as VyOS 1.4 and later write it for charon.
pub fn dashed(name: &str) -> String {
    name.replace('@', "").replace(['.', ':'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_known_by_the_name_of_its_peer_in_every_release() {
        let peer = |name: &str| Peer { name: name.to_owned(), ..Peer::default() };
        assert!(peer("AWS-A").is_connection("AWS-A"));
        assert!(peer("203.0.113.2").is_connection("203-0-113-2"));
        assert!(peer("203.0.113.2").is_connection("peer-203.0.113.2-tunnel-vti"));
        assert!(peer("@site-b").is_connection("site-b"));
        assert!(!peer("203.0.113.2").is_connection("peer-203.0.113.20-tunnel-vti"));
        assert!(!peer("AWS").is_connection("AWS-A"));
    }
}
