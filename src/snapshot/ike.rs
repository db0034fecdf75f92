//! charon's answers over VICI: its connections, IKE_SAs and CHILD_SAs, in its own words. Plain data; no secrets are requested, and there is
//! no field for any.
//!
//! Names, identities and traffic selectors come from configuration and from peers: text as it was received, not yet escaped for a terminal.

use super::short;
use super::xfrm::{IfId, Mark, ReqId, Spi};
use serde::{Deserialize, Serialize};

/// The IKE daemon (commands `version`, `stats`, `list-conns`, `list-sas`, `list-policies`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ike {
    /// Its name and version, as in `charon 5.9.8`.
    pub daemon: String,
    /// When it was started, in its own words; empty where it does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub since: String,
    /// Loaded connections, by name.
    #[serde(default)]
    pub connections: Vec<Connection>,
    /// IKE_SAs, in the order of their unique ids.
    #[serde(rename = "associations", default)]
    pub sas: Vec<IkeSa>,
    /// Names of the CHILD configurations whose policies wait for traffic (trap policies), by connection.
    #[serde(default)]
    pub traps: Vec<Trap>,
}

impl Ike {
    /// The CHILD_SAs of all its IKE_SAs.
    pub fn children(&self) -> impl Iterator<Item = &ChildSa> {
        self.sas.iter().flat_map(|sa| &sa.children)
    }
}

/// One loaded connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name; VyOS uses the name of the peer.
    pub name: String,
    /// `IKEv1`, `IKEv2` or `IKEv1/2`.
    #[serde(default)]
    pub version: String,
    /// Own addresses, names or `%any`.
    #[serde(default, deserialize_with = "short::list")]
    pub local_addresses: Vec<String>,
    /// The peer's addresses, names, ranges or `%any`.
    #[serde(default, deserialize_with = "short::list")]
    pub remote_addresses: Vec<String>,
    /// Seconds between reauthentications; 0 for none.
    #[serde(default)]
    pub reauth_seconds: u64,
    /// What happens to a second IKE_SA with the same identities: `UNIQUE_NO`, `UNIQUE_REPLACE`, `UNIQUE_KEEP`, `UNIQUE_NEVER`.
    #[serde(default)]
    pub unique: String,
    /// Its CHILD configurations.
    #[serde(default, deserialize_with = "short::list")]
    pub children: Vec<Child>,
}

/// One CHILD configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// `TUNNEL`, `TRANSPORT`, `BEET`, `PASS`, `DROP`.
    #[serde(default)]
    pub mode: String,
    /// Traffic selectors of this end.
    #[serde(default, deserialize_with = "short::list")]
    pub local_ts: Vec<String>,
    /// Traffic selectors of the peer.
    #[serde(default, deserialize_with = "short::list")]
    pub remote_ts: Vec<String>,
    /// What charon does when the peer is dead: `none`, `clear`, `trap`, `start`.
    #[serde(default)]
    pub dpd_action: String,
    /// What charon does when the peer closes it.
    #[serde(default)]
    pub close_action: String,
}

/// A CHILD configuration with trap policies installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trap {
    /// The connection.
    pub connection: String,
    /// The CHILD configuration.
    pub child: String,
}

/// One IKE_SA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IkeSa {
    /// The connection it belongs to.
    pub connection: String,
    /// charon's number for it.
    pub unique_id: u64,
    /// 1 or 2.
    #[serde(default)]
    pub version: u64,
    /// `CONNECTING`, `ESTABLISHED`, `REKEYING`, `REKEYED`, `DELETING`, `PASSIVE`, `CREATED`.
    pub state: String,
    /// Own address.
    #[serde(default)]
    pub local_host: String,
    /// The peer's address, as it is now.
    #[serde(default)]
    pub remote_host: String,
    /// Own identity.
    #[serde(default)]
    pub local_id: String,
    /// The peer's identity; `%any` before it is known.
    #[serde(default)]
    pub remote_id: String,
    /// Whether this end started it.
    #[serde(default)]
    pub initiator: bool,
    /// Whether a NAT was found between the peers.
    #[serde(default)]
    pub nat: bool,
    /// Seconds since it was established; none before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub established_seconds: Option<u64>,
    /// Seconds until it is reauthenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reauth_seconds: Option<u64>,
    /// Tasks that wait, are exchanged by this end, and by the peer: `IKE_INIT`, `CHILD_CREATE`, …
    #[serde(default, deserialize_with = "short::list")]
    pub tasks_queued: Vec<String>,
    /// Tasks of requests that the peer has not answered yet.
    #[serde(default, deserialize_with = "short::list")]
    pub tasks_active: Vec<String>,
    /// Tasks of the peer's requests.
    #[serde(default, deserialize_with = "short::list")]
    pub tasks_passive: Vec<String>,
    /// Its CHILD_SAs.
    #[serde(default, deserialize_with = "short::list")]
    pub children: Vec<ChildSa>,
}

/// One CHILD_SA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildSa {
    /// The CHILD configuration it belongs to.
    pub name: String,
    /// charon's number for it.
    pub unique_id: u64,
    /// The reqid of its SAs and templates in the kernel.
    pub reqid: ReqId,
    /// `INSTALLED`, `REKEYING`, `REKEYED`, `DELETING`, `ROUTED`, …
    pub state: String,
    /// SPI of the inbound SA.
    #[serde(default)]
    pub spi_in: Spi,
    /// SPI of the outbound SA.
    #[serde(default)]
    pub spi_out: Spi,
    /// if_id of the inbound SA; 0 for none.
    #[serde(default)]
    pub if_id_in: IfId,
    /// if_id of the outbound SA; 0 for none.
    #[serde(default)]
    pub if_id_out: IfId,
    /// Mark of the inbound SA.
    #[serde(default)]
    pub mark_in: Mark,
    /// Mark of the outbound SA.
    #[serde(default)]
    pub mark_out: Mark,
    /// Seconds since it was installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_seconds: Option<u64>,
    /// Bytes received.
    #[serde(default)]
    pub bytes_in: u64,
    /// Bytes sent.
    #[serde(default)]
    pub bytes_out: u64,
    /// Negotiated traffic selectors of this end.
    #[serde(default, deserialize_with = "short::list")]
    pub local_ts: Vec<String>,
    /// Negotiated traffic selectors of the peer.
    #[serde(default, deserialize_with = "short::list")]
    pub remote_ts: Vec<String>,
}

impl IkeSa {
    /// Whether it can have CHILD_SAs: established, or just replaced by its successor.
    pub fn is_established(&self) -> bool {
        matches!(self.state.as_str(), "ESTABLISHED" | "REKEYING" | "REKEYED")
    }

    /// Whether it is established and has no successor yet.
    pub fn is_current(&self) -> bool {
        self.is_established() && self.state != "REKEYED"
    }
}

impl ChildSa {
    /// Whether its SAs are in the kernel and in use.
    pub fn is_installed(&self) -> bool {
        matches!(
            self.state.as_str(),
            "INSTALLED" | "UPDATING" | "REKEYING" | "REKEYED" | "DELETING" | "DELETED"
        )
    }

    /// Whether it is installed and has no successor yet: a replaced one stays for some seconds (IKEv1: until it expires), for packets that
    /// are still in transit.
    pub fn is_current(&self) -> bool {
        matches!(self.state.as_str(), "INSTALLED" | "UPDATING" | "REKEYING")
    }
}
