//! VyOS's configuration of VTIs and their peers, and the state of its updown hook. Plain data without secrets: only what a diagnosis needs
//! is read from the configuration.

use super::default::is_default;
use super::short;
use serde::{Deserialize, Serialize};

/// The part of the active configuration that creates VTIs (`interfaces vti`, `vpn ipsec`).
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
    /// `vpp settings ipsec`: VPP copies the SAs and policies from the kernel and forwards packets past it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vpp_ipsec: bool,
    /// `vpn ipsec log level` (1.3: `vpn ipsec logging log-level`); none where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<u8>,
    /// The nodes that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

/// A node of the configuration that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its path, as in `interfaces vti vti1`.
    pub node: String,
    /// Why it could not be read.
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
    /// `remote-address`; on 1.3 the address in the name.
    #[serde(default, deserialize_with = "short::list")]
    pub remote_addresses: Vec<String>,
    /// `connection-type`: `initiate`, `respond` (`trap` since T7594), `none`; empty where it is not set.
    #[serde(default)]
    pub connection_type: String,
    /// `dhcp-interface`: the interface whose address from DHCP is the local one. If it has no address, the commit writes no connection
    /// (vyos-1x, src/conf_mode/vpn_ipsec.py, `dhcp_no_address`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhcp_interface: Option<String>,
    /// `virtual-address`: the inner addresses that this end requests from the peer; 0.0.0.0 or :: for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "short::list")]
    pub virtual_addresses: Vec<String>,
    /// Which node sets `ikev2-reauth` for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reauthentication: Option<Reauthentication>,
}

/// The node that has `ikev2-reauth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reauthentication {
    /// The peer.
    Peer,
    /// Its `ike-group`.
    IkeGroup,
}

impl Configuration {
    /// The peers bound to an interface.
    pub fn bound_to<'a>(&'a self, interface: &'a str) -> impl Iterator<Item = &'a Peer> {
        self.peers.iter().filter(move |peer| peer.bind.as_deref() == Some(interface))
    }
}

impl Peer {
    /// Whether a connection of charon is this peer's: VyOS writes `.` and `:` of the name as `-` (peer.j2), 1.3 calls it
    /// `peer-NAME-tunnel-vti` (ipsec.conf), and one of remote access is `ra-NAME` (remote_access.j2).
    pub fn is_connection(&self, connection: &str) -> bool {
        if self.remote_access && remote_access(connection) == Some(self.name.as_str()) {
            return true;
        }
        let old = old_connection(connection).is_some_and(|(peer, _)| peer == self.name);
        old || dashed(connection) == dashed(&self.name)
    }
}

/// One entry of the updown hook's state (`vti_updown_db.py` of vyos-1x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookEntry<'a> {
    /// The interface that it keeps up.
    pub interface: &'a str,
    /// The CHILD_SA that needs it up; none where the interface is always up.
    pub child: Option<&'a str>,
}

/// The entries of the hook's state. VyOS writes them into one line, separated by blanks (`' '.join(ifspecs)`), and a capture may hold that
/// line unchanged; a fourth field (T9154, PR 5370) is the number of the CHILD_SA among those of that name.
pub fn hook_entries(state: &[String]) -> impl Iterator<Item = HookEntry<'_>> {
    state.iter().flat_map(|text| text.split_whitespace()).map(|entry| {
        let mut fields = entry.split(':');
        let interface = fields.next().unwrap_or(entry);
        HookEntry { interface, child: fields.next() }
    })
}

/// The peer and the kind in `peer-NAME-tunnel-KIND`, as VyOS 1.3 names connections.
pub fn old_connection(connection: &str) -> Option<(&str, &str)> {
    connection.strip_prefix("peer-")?.rsplit_once("-tunnel-")
}

/// The name in `ra-NAME`, as VyOS names remote-access connections.
pub fn remote_access(connection: &str) -> Option<&str> {
    connection.strip_prefix("ra-")
}

/// A peer's name as VyOS 1.4 and later write it for charon.
pub fn dashed(name: &str) -> String {
    name.replace('@', "").replace(['.', ':'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_the_hook_is_read_in_each_of_its_forms() {
        let entry = |interface, child| HookEntry { interface, child };
        let expected = [entry("vti0", None), entry("vti1", Some("AWS-vti"))];
        let of =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(ToString::to_string).collect() };
        for state in [
            of(&["vti0", "vti1:AWS-vti:v4"]),
            // As a capture of 0.1.0 has it, of a router.
            of(&["vti0 vti1:AWS-vti:v4"]),
            of(&["vti0", "vti1:AWS-vti:v6:12"]),
        ] {
            assert_eq!(hook_entries(&state).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_connection_is_known_by_the_name_of_its_peer_in_every_release() {
        let peer = |name: &str| Peer { name: name.to_owned(), ..Peer::default() };
        assert!(peer("AWS-A").is_connection("AWS-A"));
        assert!(peer("203.0.113.2").is_connection("203-0-113-2"));
        assert!(peer("203.0.113.2").is_connection("peer-203.0.113.2-tunnel-vti"));
        assert!(peer("@site-b").is_connection("site-b"));
        assert!(!peer("203.0.113.2").is_connection("peer-203.0.113.20-tunnel-vti"));
        assert!(!peer("AWS").is_connection("AWS-A"));
        let clients = Peer { remote_access: true, ..peer("ROAD.1") };
        assert!(clients.is_connection("ra-ROAD.1"));
        assert!(!clients.is_connection("ra-ROAD.10"));
        assert!(!peer("ROAD.1").is_connection("ra-ROAD.1"), "a site is not a client");
    }
}
